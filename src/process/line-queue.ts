/**
 * Output that waits to be read as lines: raw chunks in, lines out, credit when a chunk's last line was taken. Knows neither sidecars nor iterators.
 */
import { LineSplitter, MAX_LINE_BYTES } from "./line-splitter.js";

/** The most that a longest line may be set to: what a string of Node can hold for certain. */
const LARGEST_LINE_BYTES = 256 * 1024 * 1024;

/** Checks a longest line. @throws {RangeError} if it is not a whole number from 1 to 268,435,456. */
export function checkedLineBytes(maxLineBytes: number = MAX_LINE_BYTES): number {
  if (Number.isInteger(maxLineBytes) && maxLineBytes >= 1 && maxLineBytes <= LARGEST_LINE_BYTES) return maxLineBytes;
  throw new RangeError(`maxLineBytes must be a whole number from 1 to ${LARGEST_LINE_BYTES}, got ${maxLineBytes}`);
}

/** Lines in order, cut from their chunks only when they are asked for, so that what waits here is at most a window of bytes and one chunk of lines. */
export class LineQueue {
  readonly #credit: (bytes: number) => void;
  readonly #splitter: LineSplitter;
  readonly #chunks: Buffer[] = [];
  #lines: string[] = [];
  #at = 0;
  /** Length of the chunk that `#lines` were cut from; its credit is due behind the last of them. */
  #uncredited = 0;
  #hasEnded = false;

  constructor(maxLineBytes: number, credit: (bytes: number) => void) {
    this.#credit = credit;
    this.#splitter = new LineSplitter((line) => this.#lines.push(line), maxLineBytes);
  }

  /** Takes a chunk. */
  push(bytes: Buffer): void {
    this.#chunks.push(bytes);
  }

  /** No more chunks will come. */
  end(): void {
    this.#hasEnded = true;
  }

  /** Takes the next line; undefined when none is there, or no more. */
  take(): string | undefined {
    for (;;) {
      if (this.#at < this.#lines.length) return this.#lines[this.#at++];
      this.#lines = [];
      this.#at = 0;
      if (this.#uncredited > 0) this.#credit(this.#uncredited);
      const chunk = this.#chunks.shift();
      this.#uncredited = chunk?.length ?? 0;
      if (chunk) this.#splitter.push(chunk);
      else if (this.#hasEnded) this.#splitter.end();
      if (!chunk && this.#lines.length === 0) return undefined;
    }
  }

  /** Forgets what waits, and gives credit for it. */
  clear(): void {
    const bytes = this.#chunks.splice(0).reduce((sum, chunk) => sum + chunk.length, this.#uncredited);
    this.#uncredited = 0;
    this.#lines = [];
    this.#at = 0;
    if (bytes > 0) this.#credit(bytes);
  }
}
