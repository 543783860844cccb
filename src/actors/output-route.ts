/**
 * One way for a process's output to become messages: where to, as what, and when they are consumed. Knows actors only by their refs.
 */
import { type OutputCodec, type OutputForm, outputCodec } from "../process/output-codec.js";
import type { ActorRef } from "../ref.js";
import { cellOf } from "./address.js";
import { Consumption } from "./consumption.js";
import { deliver } from "./deliver.js";
import type { Info, OutputStream } from "./info.js";
import type { OutputLosses } from "./output-losses.js";
import type { OutputSink } from "./process-hooks.js";

/** What a route is made from. */
export interface RouteOptions {
  /** Finds the receiver, anew for every message, so that a restarted one is found; undefined while there is none. */
  readonly resolve: () => ActorRef | undefined;
  /** The stream it carries; both where none is given. */
  readonly stream?: OutputStream;
  readonly as: OutputForm;
  /** Longest line, value or frame, in bytes; default 1 MiB. */
  readonly maxBytes?: number;
  /** The receiver's method that is called with each line (a string), value, frame or chunk (a Buffer); `handleInfo` gets it where none is given. */
  readonly method?: string;
}

/**
 * Carries the output of one process to one receiver, in order.
 *
 * What comes while there is no receiver is dropped and counted: output has no better place to wait than the process's own pipe, and a receiver
 * that never comes back must not hold the process up. What is not of the form is counted too: `handleInfo` hears of it, a method does not.
 */
export class OutputRoute implements OutputSink {
  readonly #from: ActorRef;
  readonly #options: RouteOptions;
  readonly #losses: OutputLosses;
  readonly #codecs: Record<OutputStream, OutputCodec>;
  #consumption = new Consumption(() => {});

  /** @throws {RangeError} if there is no such form, or `maxBytes` is out of its range. */
  constructor(from: ActorRef, options: RouteOptions, losses: OutputLosses) {
    this.#from = from;
    this.#options = options;
    this.#losses = losses;
    this.#codecs = { stdout: this.#codecOf("stdout"), stderr: this.#codecOf("stderr") };
  }

  /** Sends a chunk on its way; calls `consumed` once, when every message it completed has been handled or dropped. */
  push(stream: OutputStream, bytes: Buffer, consumed: () => void): void {
    if (!this.#carries(stream)) return consumed();
    const consumption = new Consumption(consumed);
    this.#consumption = consumption;
    this.#codecs[stream].push(bytes);
    consumption.seal();
  }

  /** No more bytes of this stream will come: sends its last line if it had no end. */
  closed(stream: OutputStream): void {
    if (!this.#carries(stream)) return;
    this.#codecs[stream].end();
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

  #codecOf(stream: OutputStream): OutputCodec {
    const from = this.#from;
    const { as, maxBytes } = this.#options;
    return outputCodec(
      as,
      {
        bytes: (bytes) => this.#send(bytes, { type: "output", from, stream, bytes }),
        line: (line) => this.#send(line, { type: "line", from, stream, line }),
        json: (value) => this.#send(value, { type: "json", from, stream, value }),
        frame: (bytes) => this.#send(bytes, { type: "frame", from, stream, bytes }),
        malformed: (problem) => this.#malformed({ type: "malformed", from, stream, problem }),
      },
      maxBytes,
    );
  }

  #receiver(): ActorRef | undefined {
    const ref = this.#options.resolve();
    return ref && !cellOf(ref).isEnding ? ref : undefined;
  }

  #send(argument: unknown, message: Info): void {
    const ref = this.#receiver();
    if (!ref) return this.#losses.dropped(message);
    const { method } = this.#options;
    if (method === undefined) return deliver(ref, message, this.#consumption.begin());
    this.#consumption.holdFor(ref, method, [argument], { failed: () => this.#losses.dropped(message) });
  }

  #malformed(message: Info): void {
    const ref = this.#options.method === undefined ? this.#receiver() : undefined;
    this.#losses.malformed(message, ref !== undefined);
    if (ref) deliver(ref, message, this.#consumption.begin());
  }
}
