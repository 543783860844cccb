/**
 * Proxies: a function or an object that stays where it is and is used from elsewhere, through comlink. Here is what a proxy is, who may use it and how
 * long; how its messages get to another thread is `threads/line-proxies.ts`. A proxy behaves the same in the thread it was made in.
 */
import type { Remote } from "comlink";
import type { Cell } from "./cell.js";
import { type ComlinkMessage, comlink } from "./comlink.js";
import { Exposure, type Out } from "./exposure.js";
import { Holder } from "./holder.js";
import { onEnd } from "./monitor.js";
import { Relay } from "./relay.js";
import { unmark } from "./transfer.js";

/** How an actor's proxy is used. */
export interface ProxyOptions {
  /**
   * True: a use of it runs when it comes, also between the awaits of an async method of the actor, as an event of a socket would. Default: it is a
   * message and waits its turn in the mailbox.
   */
  readonly interleaved?: boolean;
}

/** What a proxy stands for, as who sends it needs to know it. */
export interface Source {
  /** Whose it is: it ends with this actor. Nobody's: with its thread. */
  readonly owner: Cell | undefined;
  /** Serves it to one more holder. `out` takes the answers; `onClosed` is called when that holder does not need it any more. */
  serve(out: Out, onClosed: () => void): Served;
}

/** The near end of a proxy that another thread holds. */
export interface Served {
  /** The holder asks for something. */
  take(message: ComlinkMessage): void;
  close(): void;
}

const sources = new WeakMap<object, Source>();

/**
 * Makes a proxy of a function or an object, to be given to an actor or in an answer: `ref.call.load(file, proxy((percent) => show(percent)))`.
 *
 * Who has the proxy calls it, its methods, and reads its fields, all with promises; that runs here, in the thread that made it, in the order in which it was
 * asked for, and never while other code of the thread runs. Arguments and results follow the rules of messages: cloned across threads, with refs, errors,
 * `transfer` and further proxies in them; as they are within a thread. What the function throws rejects the one call.
 *
 * It is nobody's: it ends with this thread. An actor has `this.proxy`, whose proxies end with it. A proxy lets go of what it stands for when its holder is collected or
 * {@link releaseProxy} is called, or when the actor it was sent to has ended. After that, and when its owner is gone, every use of it rejects; that a
 * rejection is not looked at is no unhandled rejection. A proxy can be sent any number of times; one that came from another thread is passed on by way of this one.
 *
 * @throws {TypeError} if `value` is neither a function nor an object.
 */
export function proxy<T extends object>(value: T): Remote<T> {
  return make(value, undefined, true);
}

/** Makes a proxy of an actor's; see `Actor.proxy`. */
export function proxyOf<T extends object>(owner: Cell, value: T, { interleaved = false }: ProxyOptions): Remote<T> {
  return make(value, owner, interleaved);
}

/** Lets go of what `remote` stands for. Every use of it rejects from now on, those that wait for an answer included. Twice is once. */
export function releaseProxy(remote: object): void {
  (remote as { readonly [key: symbol]: (() => void) | undefined })[comlink().releaseProxy]?.();
}

/** Returns what is behind `value` if it is a proxy. */
export function sourceOf(value: object): Source | undefined {
  return sources.get(value);
}

/** Makes the proxy of `holder`, which can be passed on. */
export function held(holder: Holder): object {
  const remote = holder.remote();
  sources.set(remote, new Relay(holder, remote));
  return remote;
}

function make<T extends object>(value: T, owner: Cell | undefined, isInterleaved: boolean): Remote<T> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null)
    throw new TypeError("`proxy` takes a function or an object");
  const serve = (out: Out, onClosed: () => void) => new Exposure(value, owner, !isInterleaved, out, onClosed);
  const holder: Holder = new Holder((message) => {
    for (const argument of [message, ...(message.argumentList ?? [])]) unmark(argument.value);
    unmark(message);
    // As a message of its actor it has its place in the mailbox now.
    if (isInterleaved) queueMicrotask(() => exposure.take(message));
    else exposure.take(message);
  });
  const out: Out = (message) => {
    unmark(message.value);
    unmark(message);
    holder.receive(message);
  };
  const exposure = serve(out, () => {});
  if (owner) holder.onEnded = onEnd(owner, () => holder.end(owner.exitError()));
  const remote = holder.remote() as Remote<T>;
  sources.set(remote, { owner, serve });
  return remote;
}
