/**
 * Names that somebody else keeps: a key in a registry stands where a name or a ref does, as OTP's `{via, Module, Name}`. Knows
 * registries only by their four functions; who is behind a key is looked up again with every message.
 */
import { NoProcError } from "../errors.js";
import { reasonFromError } from "../exit.js";
import { ActorRef, type AnyMessages, type Calls, type Casts, portOf, type RefPort, type Within } from "../ref.js";
import type { Cell } from "./cell.js";
import type { Runtime } from "./runtime.js";

/** What keeps names for others. Whoever registers an actor also forgets it when it ends: nobody else does. */
export interface ViaRegistry<Key = unknown> {
  /** Gives `key` to the actor. @throws {AlreadyStartedError} (or anything) if another has it. */
  register(key: Key, ref: ActorRef): unknown;
  /** Takes `key` from whoever has it. */
  unregister(key: Key): unknown;
  /** Returns the actor that has `key`. */
  whereis(key: Key): ActorRef | undefined;
  /** Sends `message` to the actor that has `key`. @throws {NoProcError} (or anything) if nobody has it. */
  send(key: Key, message: unknown): unknown;
}

/** What an actor can be started under: a name of its thread, or a key in a registry. */
export type ActorName = string | Via<unknown>;

/**
 * A key in a registry, as a name to start an actor under and as an address to speak to.
 *
 * It outlives incarnations: each message goes to the actor that has the key at that moment.
 */
export class Via<T = AnyMessages> {
  readonly registry: ViaRegistry;
  readonly key: unknown;
  readonly #address: ActorRef<T>;

  constructor(registry: ViaRegistry, key: unknown) {
    this.registry = registry;
    this.key = key;
    const port: RefPort = {
      call: (method, args, timeoutMs) => {
        const ref = this.whereis();
        if (ref) return portOf(ref as ActorRef<unknown> as ActorRef).call(method, args, timeoutMs);
        return Promise.reject(new NoProcError(`cannot call \`${method}\`: nobody has the key ${describeKey(key)}`, {}));
      },
      cast: (method, args) => {
        const ref = this.whereis();
        if (ref) portOf(ref as ActorRef<unknown> as ActorRef).cast(method, args);
      },
      send: (message) => {
        registry.send(key, message);
      },
      submit: (method, args, timeoutMs) => {
        const ref = this.whereis();
        if (ref) return portOf(ref as ActorRef<unknown> as ActorRef).submit(method, args, timeoutMs);
        return Promise.reject(new NoProcError(`cannot send: nobody has the key ${describeKey(key)}`, {}));
      },
    };
    this.#address = new ActorRef<T>(0, 0, undefined, port);
  }

  /** As {@link ActorRef.call}; rejects with `ERR_NOPROC` if nobody has the key. */
  get call(): Calls<T> {
    return this.#address.call;
  }

  /** As {@link ActorRef.cast}; does nothing if nobody has the key. */
  get cast(): Casts<T> {
    return this.#address.cast;
  }

  /** As {@link ActorRef.within}. */
  within(timeoutMs: number | "infinity"): Within<T> {
    return this.#address.within(timeoutMs);
  }

  /** Sends `message` through the registry. @throws {NoProcError} if nobody has the key, in Copal's own registries. */
  send(message: unknown): void {
    this.#address.send(message);
  }

  /** Returns the actor that has the key now. */
  whereis(): ActorRef<T> | undefined {
    return this.registry.whereis(this.key) as ActorRef<unknown> as ActorRef<T> | undefined;
  }
}

/** Returns `key` of `registry` as a name and an address. */
export function via<T = AnyMessages, Key = unknown>(registry: ViaRegistry<Key>, key: Key): Via<T> {
  return new Via<T>(registry as ViaRegistry, key);
}

/** Returns the running actor of this name or key. */
export function holderOf(runtime: Runtime, name: ActorName): ActorRef | undefined {
  return typeof name === "string" ? runtime.whereis(name) : (name.whereis() as ActorRef | undefined);
}

/**
 * Gives an actor the key it is to be started under, before its first turn; an ordinary name it has already.
 *
 * @returns false if the registry refused; the actor then ends with what it threw and its start fails.
 */
export function claim(name: ActorName | undefined, cell: Cell): boolean {
  if (!(name instanceof Via)) return true;
  try {
    name.registry.register(name.key, cell.ref);
    return true;
  } catch (thrown) {
    cell.end(reasonFromError(thrown), false, thrown);
    return false;
  }
}

/** Returns a name or key as a short text for people. Never throws. */
export function describeName(name: ActorName): string {
  return typeof name === "string" ? name : describeKey(name.key);
}

/** Returns a key as a short text for people. Never throws. */
export function describeKey(key: unknown): string {
  try {
    const text = typeof key === "object" && key !== null ? JSON.stringify(key) : String(key);
    return text.length > 80 ? `${text.slice(0, 79)}…` : text;
  } catch {
    return "that cannot be printed";
  }
}
