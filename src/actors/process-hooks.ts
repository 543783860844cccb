/**
 * What the process actor's own subclasses of the runtime reach into it by: keys, which are no messages, and the shape of what takes its output.
 */
import type { Info, OutputStream } from "./info.js";

/** Takes a process's output. */
export interface OutputSink {
  /** Takes a chunk; `consumed` is called once, when all that came of it has been handled or dropped. Must not throw. */
  push(stream: OutputStream, bytes: Buffer, consumed: () => void): void;
  /** No more bytes of this stream will come. */
  closed(stream: OutputStream): void;
  /** Something that is no output. */
  tell(message: Info): void;
}

/** The key of the method that gives the sinks a subclass has of its own; called once, before the process starts. */
export const ownSinks: unique symbol = Symbol("copal.ownSinks");

/** The key of the method that writes bytes to the process, whatever message is in hand. */
export const writeBytes: unique symbol = Symbol("copal.writeBytes");

/** The key of the method that answers the message in hand with a promise's outcome and lets the mailbox go on. */
export const answerLater: unique symbol = Symbol("copal.answerLater");
