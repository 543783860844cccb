/**
 * One output stream of a process as a Node stream that gives credit for what was read, not for what arrived. Knows the credit function and
 * nothing else of the sidecar.
 */
import { Readable } from "node:stream";

/** Bytes that may wait in the stream itself before it stops asking; what is beyond them waits as the window does, uncredited. */
const HIGH_WATER_BYTES = 64 * 1024;

/** A Readable of bytes whose consumption is what lets the process write on. */
export class OutputReadable extends Readable {
  readonly #credit: (bytes: number) => void;
  /** Bytes pushed and not credited yet. */
  #uncredited = 0;

  constructor(credit: (bytes: number) => void) {
    super({ highWaterMark: HIGH_WATER_BYTES });
    this.#credit = credit;
  }

  /** Takes bytes that arrived. */
  arrived(bytes: Buffer): void {
    if (this.destroyed) return this.#credit(bytes.length);
    this.#uncredited += bytes.length;
    if (this.push(bytes)) this.#creditConsumed();
  }

  /** No more bytes will come. */
  ended(): void {
    this.push(null);
  }

  /** Every way of reading comes through here, and only behind it does the stream know what was taken. */
  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    this.#creditConsumed();
    return chunk;
  }

  override _read(): void {
    // Bytes come when they come; `read` gives the credit for more.
  }

  /** A reader that leaves must not hold the process up: what it did not read is consumed by nobody. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const bytes = this.#uncredited;
    this.#uncredited = 0;
    this.#credit(bytes);
    done(error);
  }

  #creditConsumed(): void {
    const consumed = this.#uncredited - this.readableLength;
    if (consumed <= 0) return;
    this.#uncredited -= consumed;
    this.#credit(consumed);
  }
}
