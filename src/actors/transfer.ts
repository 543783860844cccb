/**
 * Values of which parts are to move to another thread instead of being cloned. A value is marked before it is sent and is as good as any other once it has
 * been; nobody looks for marks while there are none. Knows no threads: what moves where is `threads/parcel.ts`.
 */
import type { TransferListItem } from "node:worker_threads";
import type { Envelope } from "./envelope.js";

/** What can move: an `ArrayBuffer`, a `MessagePort`, a Web stream, a `FileHandle`, an `AbortSignal`: what Node transfers. */
export type Transferable = TransferListItem | ArrayBufferLike;

const partsOfValues = new WeakMap<object, readonly Transferable[]>();

/** How many marked values have not been sent yet. */
export const marks = { count: 0 };

/**
 * Marks `value` so that `parts` of it move when it is sent to an actor of another thread: as an argument, a message or an answer, or within one.
 *
 * `ref.cast.draw(transfer(bytes, [bytes.buffer]))`; in a method, `return transfer(bytes, [bytes.buffer])`. The bytes are not copied and the sender's buffer is
 * detached, as with `postMessage`. Within a thread the receiver gets the value itself, as always, and nothing is detached: whoever has sent a marked
 * value must not use it any more, wherever the receiver lives. The mark counts for one sending. Arguments of a start are always cloned, since a restart needs them again.
 *
 * A part that cannot move (a buffer that is detached already, a stream in use, no transferable at all) is refused when the value is sent, with
 * `ERR_NOT_CLONEABLE`; then no buffer has moved, and the mark still counts. The buffer that small `Buffer`s share never moves.
 *
 * @returns `value` itself.
 * @throws {TypeError} if `value` is no object, or `parts` no list.
 */
export function transfer<T extends object>(value: T, parts: Iterable<Transferable>): T {
  if (typeof value !== "object" || value === null)
    throw new TypeError("`transfer` takes an object, and a list of its parts that are to move");
  const list = [...parts];
  if (list.length === 0) return value;
  if (!partsOfValues.has(value)) marks.count++;
  partsOfValues.set(value, list);
  return value;
}

/** Returns what is to move of `value`, if it is marked. */
export function partsOf(value: object): readonly Transferable[] | undefined {
  return partsOfValues.get(value);
}

/** `value` has been sent: it is not marked any more. */
export function unmark(value: unknown): void {
  if (typeof value === "object" && value !== null && partsOfValues.delete(value)) marks.count--;
}

/** The message in `envelope` has been sent within this thread. Only whole arguments and messages are looked at. */
export function unmarkEnvelope(envelope: Envelope): void {
  if (envelope.kind === "call" || envelope.kind === "cast") for (const value of envelope.args) unmark(value);
  else if (envelope.kind === "info" && envelope.message.type === "info") unmark(envelope.message.message);
}
