/**
 * One way for a process's output to become messages: where to, as what, and when they are consumed. Knows actors only by their refs.
 */
import { LineSplitter } from "../process/line-splitter.js";
import type { ActorRef } from "../ref.js";
import { cellOf } from "./address.js";
import { deliver } from "./deliver.js";
import type { Info, OutputStream } from "./info.js";

/** What a route is made from. */
export interface RouteOptions {
  /** Finds the receiver, anew for every message, so that a restarted one is found; undefined while there is none. */
  readonly resolve: () => ActorRef | undefined;
  /** The stream it carries; both where none is given. */
  readonly stream?: OutputStream;
  readonly as: "lines" | "bytes";
  /** The receiver's method that is called with each line (a string) or chunk (a Buffer); `handleInfo` gets it where none is given. */
  readonly method?: string;
}

/**
 * Carries the output of one process to one receiver, in order.
 *
 * What comes while there is no receiver is dropped and counted: output has no better place to wait than the process's own pipe, and a receiver
 * that never comes back must not hold the process up.
 */
export class OutputRoute {
  readonly #from: ActorRef;
  readonly #options: RouteOptions;
  readonly #splitters: Record<OutputStream, LineSplitter>;
  #consumption = new Consumption(() => {});
  /** Messages that found no receiver. */
  droppedMessages = 0;

  constructor(from: ActorRef, options: RouteOptions) {
    this.#from = from;
    this.#options = options;
    this.#splitters = { stdout: this.#splitterOf("stdout"), stderr: this.#splitterOf("stderr") };
  }

  /** Sends a chunk on its way; calls `consumed` once, when every message it completed has been handled or dropped. */
  push(stream: OutputStream, bytes: Buffer, consumed: () => void): void {
    if (!this.#carries(stream)) return consumed();
    const consumption = new Consumption(consumed);
    this.#consumption = consumption;
    if (this.#options.as === "bytes") this.#send(bytes, { type: "output", from: this.#from, stream, bytes });
    else this.#splitters[stream].push(bytes);
    consumption.seal();
  }

  /** No more bytes of this stream will come: sends its last line if it had no end. */
  closed(stream: OutputStream): void {
    if (!this.#carries(stream)) return;
    this.#splitters[stream].end();
    this.tell({ type: "closed", from: this.#from, stream });
  }

  /** Tells a receiver that takes infos something that is no output. */
  tell(message: Info): void {
    const ref = this.#options.method === undefined ? this.#receiver() : undefined;
    if (ref) deliver(ref, message);
  }

  #carries(stream: OutputStream): boolean {
    return this.#options.stream === undefined || this.#options.stream === stream;
  }

  #splitterOf(stream: OutputStream): LineSplitter {
    return new LineSplitter((line) => this.#send(line, { type: "line", from: this.#from, stream, line }));
  }

  #receiver(): ActorRef | undefined {
    const ref = this.#options.resolve();
    return ref && !cellOf(ref).isEnding ? ref : undefined;
  }

  #send(argument: string | Buffer, message: Info): void {
    const ref = this.#receiver();
    if (!ref) {
      this.droppedMessages++;
      return;
    }
    const done = this.#consumption.begin();
    const { method } = this.#options;
    if (method === undefined) return deliver(ref, message, done);
    // A call, not a cast, because its answer tells when the line is consumed; a receiver without the method refuses each line.
    const call = ref.within("infinity").call as Record<string, (argument: unknown) => Promise<unknown>>;
    call[method]?.(argument).then(done, () => {
      this.droppedMessages++;
      done();
    });
  }
}

/** Counts the messages of one chunk and tells once when the last of them is handled. */
class Consumption {
  readonly #consumed: () => void;
  #open = 1;

  constructor(consumed: () => void) {
    this.#consumed = consumed;
  }

  begin(): () => void {
    this.#open++;
    return () => this.seal();
  }

  /** One message is handled; or, called by the maker once, no more will begin. */
  seal(): void {
    if (--this.#open === 0) this.#consumed();
  }
}
