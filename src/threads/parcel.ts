/**
 * What crosses from one thread to another: values made ready for a structured clone and made whole again behind it. Refs travel as addresses, errors
 * as their words, proxies as numbers. Knows neither ports nor who sends; who a ref's actor is, it is told.
 */
import type { TransferListItem } from "node:worker_threads";
import { type Source, sourceOf } from "../actors/proxy.js";
import { marks, partsOf, unmark } from "../actors/transfer.js";
import { fromPlain, NotCloneableError, type PlainError, toPlain } from "../errors.js";
import { type ExitReason, formatExit, isNormalExit } from "../exit.js";
import { type ActorRef, isActorRef } from "../ref.js";
import type { ProxyAddress } from "./line-proxies.js";

/** An actor's address: thread, id, name. */
export type Address = readonly [thread: number, id: number, name: string | undefined];

/** Values on their way. */
export interface Parcel {
  readonly content: unknown;
  /** Something in it has to be made whole by {@link unpack}. */
  readonly isPacked: boolean;
  /** All of it is a copy already, so that it may wait; anything else must be cloned before the sender goes on. */
  readonly isCopy: boolean;
  /** What of it is to move. */
  readonly moving: Moving | undefined;
}

/** Parts of a parcel that move instead of being cloned. */
export class Moving {
  readonly #values: object[] = [];
  readonly #parts = new Set<unknown>();

  add(value: object, parts: readonly unknown[]): void {
    this.#values.push(value);
    for (const part of parts) {
      if (isDetached(part)) throw notTransferable("an `ArrayBuffer` of it has been transferred before");
      this.#parts.add(part);
    }
  }

  /** The parts, each once. */
  get parts(): readonly TransferListItem[] {
    return [...this.#parts] as TransferListItem[];
  }

  /** They have moved: what they were parts of is not marked any more. */
  haveMoved(): void {
    for (const value of this.#values) unmark(value);
  }
}

const refMark = "copal.ref/1";
const errorMark = "copal.error/1";
const proxyMark = "copal.proxy/1";

const notSent = (): ProxyAddress => [0, undefined];

/**
 * Makes `value` ready: arrays, plain objects, maps and sets are copied with every ref, error and proxy in them, whatever else there is is left to the clone.
 *
 * Without `sendProxy` it only shows whether that can be done.
 *
 * @throws {NotCloneableError} for a function that is no proxy, or a symbol, with the path to it. What the clone itself will not take shows only there.
 */
export function pack(
  value: unknown,
  addressOf: (ref: ActorRef) => Address,
  sendProxy: (source: Source) => ProxyAddress = notSent,
): Parcel {
  if (isPrimitive(value)) return { content: value, isPacked: false, isCopy: true, moving: undefined };
  if (Array.isArray(value) && arePrimitives(value))
    return { content: value.slice(), isPacked: false, isCopy: true, moving: undefined };
  const packer = new Packer(addressOf, sendProxy);
  const content = packer.pack(value, "");
  const { isPacked, isCopy, moving } = packer;
  return { content, isPacked, isCopy: isCopy && moving === undefined, moving };
}

/** Makes refs, errors and proxies of a parcel's content whole again, in place. */
export function unpack(
  content: unknown,
  refOf: (address: Address) => ActorRef,
  receiveProxy: (address: ProxyAddress) => object,
): unknown {
  if (typeof content !== "object" || content === null) return content;
  return new Unpacker(refOf, receiveProxy).unpack(content);
}

/** Makes a reason ready; what cannot be cloned in one is told as text, since an end must reach everybody. */
export function packReason(reason: ExitReason): ExitReason {
  if (typeof reason === "string") return reason;
  try {
    return structuredClone(reason);
  } catch {
    const text = formatExit(reason);
    return isNormalExit(reason) ? { shutdown: text } : { error: { name: "NonError", message: text } };
  }
}

/** Makes what was thrown ready. */
export function packError(thrown: unknown): PlainError {
  return toPlain(thrown);
}

/** Makes again what was thrown, refs of errors included. */
export function unpackError(plain: PlainError, refOf: (address: Address) => ActorRef): unknown {
  return fromPlain(plain, ({ thread, id, name }) => refOf([thread, id, name]));
}

/** Says what cannot be cloned. */
export function notCloneable(path: string, cause?: unknown): Error {
  const what = path === "" ? "the message" : `\`${path.slice(1)}\` of the message`;
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  const text = `${what} cannot be cloned${why}; an actor of another thread is sent data, refs, errors and proxies, no functions`;
  return new NotCloneableError(text, path === "" ? {} : { path: path.slice(1) }, cause === undefined ? {} : { cause });
}

/** Says what cannot move. */
export function notTransferable(why: string, cause?: unknown): Error {
  const text = `the message, or what is to move of it, cannot be sent to another thread: ${why}`;
  return new NotCloneableError(text, {}, cause === undefined ? {} : { cause });
}

/** Some versions of Node transfer a buffer that was transferred before, as an empty one. */
function isDetached(part: unknown): boolean {
  if (!(part instanceof ArrayBuffer) || part.byteLength > 0) return false;
  try {
    return new Uint8Array(part).byteLength !== 0;
  } catch {
    return true;
  }
}

/** Tells whether `values` are ready as they are: most messages have only such arguments, and most work is saved there. */
export function arePrimitives(values: readonly unknown[]): boolean {
  for (let i = 0; i < values.length; i++) if (!isPrimitive(values[i])) return false;
  return true;
}

/** Tells whether `value` is ready as it is. */
export function isPrimitive(value: unknown): boolean {
  return typeof value === "object" ? value === null : typeof value !== "function" && typeof value !== "symbol";
}

class Packer {
  isPacked = false;
  isCopy = true;
  moving: Moving | undefined = undefined;
  readonly #addressOf: (ref: ActorRef) => Address;
  readonly #sendProxy: (source: Source) => ProxyAddress;
  readonly #seen = new Map<object, unknown>();

  constructor(addressOf: (ref: ActorRef) => Address, sendProxy: (source: Source) => ProxyAddress) {
    this.#addressOf = addressOf;
    this.#sendProxy = sendProxy;
  }

  pack(value: unknown, path: string): unknown {
    if (typeof value !== "object" || value === null) return this.#leaf(value, path);
    const known = this.#seen.get(value);
    if (known !== undefined) return known;
    if (marks.count > 0) this.#mayMove(value);
    if (Array.isArray(value)) {
      const copy: unknown[] = new Array(value.length);
      this.#seen.set(value, copy);
      for (let i = 0; i < value.length; i++) if (i in value) copy[i] = this.pack(value[i], `${path}.${i}`);
      return copy;
    }
    if (isActorRef(value)) return this.#mark(value, { [refMark]: this.#addressOf(value) });
    if (value instanceof Error) return this.#mark(value, { [errorMark]: packError(value) });
    if (value instanceof Map) {
      const copy = new Map<unknown, unknown>();
      this.#seen.set(value, copy);
      for (const [key, one] of value) copy.set(this.pack(key, path), this.pack(one, `${path}.${String(key)}`));
      return copy;
    }
    if (value instanceof Set) {
      const copy = new Set<unknown>();
      this.#seen.set(value, copy);
      for (const one of value) copy.add(this.pack(one, path));
      return copy;
    }
    return isPlain(value) ? this.#object(value, path) : this.#asItIs(value);
  }

  /** A proxy is a function, so that nothing else has to be asked whether it is one. */
  #leaf(value: unknown, path: string): unknown {
    if (isPrimitive(value)) return value;
    if (typeof value !== "function") throw notCloneable(path);
    const known = this.#seen.get(value);
    if (known !== undefined) return known;
    const source = sourceOf(value);
    if (source === undefined) throw notCloneable(path);
    return this.#mark(value, { [proxyMark]: this.#sendProxy(source) });
  }

  #mayMove(value: object): void {
    const parts = partsOf(value);
    if (parts === undefined) return;
    this.moving ??= new Moving();
    this.moving.add(value, parts);
  }

  #object(value: object, path: string): unknown {
    const copy: Record<string, unknown> = {};
    this.#seen.set(value, copy);
    for (const [key, one] of Object.entries(value)) {
      const packed = this.pack(one, `${path}.${key}`);
      // An assignment to this one would set the prototype.
      if (key === "__proto__") Object.defineProperty(copy, key, { value: packed, enumerable: true });
      else copy[key] = packed;
    }
    return copy;
  }

  #asItIs(value: object): unknown {
    this.isCopy = false;
    return value;
  }

  #mark(value: object, marked: object): unknown {
    this.isPacked = true;
    this.#seen.set(value, marked);
    return marked;
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

class Unpacker {
  readonly #refOf: (address: Address) => ActorRef;
  readonly #receiveProxy: (address: ProxyAddress) => object;
  readonly #seen = new Set<object>();
  readonly #proxies = new Map<object, object>();

  constructor(refOf: (address: Address) => ActorRef, receiveProxy: (address: ProxyAddress) => object) {
    this.#refOf = refOf;
    this.#receiveProxy = receiveProxy;
  }

  unpack(value: unknown): unknown {
    if (typeof value !== "object" || value === null || this.#seen.has(value)) return value;
    if (proxyMark in value) return this.#proxy(value, value[proxyMark] as ProxyAddress);
    if (refMark in value) return this.#refOf(value[refMark] as Address);
    if (errorMark in value) return unpackError(value[errorMark] as PlainError, this.#refOf);
    this.#seen.add(value);
    if (value instanceof Map) {
      const entries = [...value];
      value.clear();
      for (const [key, one] of entries) value.set(this.unpack(key), this.unpack(one));
    } else if (value instanceof Set) {
      const all = [...value];
      value.clear();
      for (const one of all) value.add(this.unpack(one));
    } else if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) value[i] = this.unpack(value[i]);
    } else if (isPlain(value)) {
      for (const [key, one] of Object.entries(value))
        if (typeof one === "object" && one !== null) (value as Record<string, unknown>)[key] = this.unpack(one);
    }
    return value;
  }

  #proxy(mark: object, address: ProxyAddress): object {
    const made = this.#proxies.get(mark) ?? this.#receiveProxy(address);
    this.#proxies.set(mark, made);
    return made;
  }
}
