/**
 * The holder's end of one proxy: comlink makes the proxy here, and no use of it waits for ever: when the other end is gone, all that wait are told.
 */
import type { Endpoint } from "comlink";
import { NoProcError } from "../errors.js";
import { type ComlinkMessage, closePorts, comlink, type Listener, rejection, unmanaged } from "./comlink.js";
import type { Out } from "./exposure.js";
import { type Transferable, transfer } from "./transfer.js";

/** While somebody waits for an answer the proxy is needed, whether or not anybody still has it: a collected one is released. */
const inUse = new Set<object>();

/** Holds one proxy. */
export class Holder implements Endpoint {
  /** Called once, when it holds nothing any more. */
  onEnded: () => void = () => {};
  readonly #send: Out;
  /** Who waits for an answer: this thread's users through comlink, or those it was passed on to. */
  readonly #waiting = new Map<string | undefined, Out>();
  #listener: Listener | undefined;
  #remote: WeakRef<object> | undefined;
  #error: Error | undefined;

  /** `send` takes what is for the owner's end. */
  constructor(send: Out) {
    this.#send = send;
  }

  /** Whether somebody waits for an answer. */
  get isWaitedFor(): boolean {
    return this.#waiting.size > 0;
  }

  /** Makes the proxy; once. */
  remote(): object {
    const made = quiet(comlink().wrap<object>(this), () => this.release());
    this.#remote = new WeakRef(made);
    return made;
  }

  /** Takes an answer. */
  receive(message: ComlinkMessage): void {
    const answer = this.#waiting.get(message.id);
    if (answer === undefined) return;
    this.#waiting.delete(message.id);
    const remote = this.#remote?.deref();
    if (remote && this.#waiting.size === 0) inUse.delete(remote);
    answer(message);
  }

  /** The other end is gone: whoever waits is told `error`, and so is everybody later. */
  end(error: Error): void {
    if (this.#error) return;
    this.#error = error;
    for (const id of [...this.#waiting.keys()]) this.receive(rejection(id, error));
    this.onEnded();
  }

  /** Ends it and tells the other end. */
  release(): void {
    if (this.#error) return;
    this.end(new NoProcError("the proxy was released", {}));
    this.#send({ type: "RELEASE" });
  }

  /** Called by comlink, with a request. */
  postMessage(message: ComlinkMessage, parts: readonly Transferable[] = []): void {
    if (message.type === "RELEASE") return this.release();
    this.pass(message, (answer) => this.#listener?.({ data: answer }), parts);
  }

  /** Asks the other end; `answer` takes what comes back. */
  pass(message: ComlinkMessage, answer: Out, parts: readonly Transferable[] = []): void {
    // Nobody ever sees what became of an assignment, so that nothing is to wait for it.
    if (message.type !== "SET") this.#wait(message.id, answer);
    try {
      if (this.#error) throw this.#error;
      if (message.type === "CONSTRUCT") throw unmanaged("`new` is not carried");
      if (closePorts(message)) throw unmanaged("comlink's own proxies are not carried");
      this.#send(transfer(message, parts));
    } catch (error) {
      queueMicrotask(() => this.receive(rejection(message.id, error)));
    }
  }

  /** Called by comlink, once. */
  addEventListener(_type: string, listener: unknown): void {
    this.#listener = listener as Listener;
  }

  removeEventListener(): void {}

  #wait(id: string | undefined, answer: Out): void {
    this.#waiting.set(id, answer);
    const remote = this.#remote?.deref();
    if (remote) inUse.add(remote);
  }
}

/**
 * comlink's proxy, but with `release` in place of its own, after which uses reject instead of throwing; and a rejection that nobody looks at does not bring
 * the thread down, as with calls of actors.
 */
function quiet(remote: object, release: (() => void) | undefined): object {
  // Who prints a proxy looks through it, and is to find nothing that asks the other end.
  const seen = function remote() {};
  return new Proxy(seen, {
    get: (_seen, key) => {
      // Whoever asks for a symbol, or whether it can be awaited, asks this thing and not the one far away.
      if (typeof key === "symbol") return key === comlink().releaseProxy ? release : undefined;
      if (key !== "then") return quiet(Reflect.get(remote, key) as object, undefined);
      return release ? undefined : Reflect.get(remote, key);
    },
    set: (_seen, key, value) => Reflect.set(remote, key, value),
    apply: (_seen, self, args) => silence(Reflect.apply(remote as () => object, self, args)),
    construct: (_seen, args) => silence(Reflect.construct(remote as new () => object, args)),
  });
}

function silence(result: object): object {
  // What `bind` gives is another proxy.
  if (!(result instanceof Promise)) return quiet(result, undefined);
  result.catch(() => {});
  return result;
}
