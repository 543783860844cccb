/**
 * Writes lines to a stream without ever making the program wait for its reader or fall over its end.
 * A terminal that is stopped, a pipe that nobody reads and a window that was closed must not hold up a supervisor.
 */

import type { Writable } from "node:stream";

/** What may wait for a slow reader; beyond it lines are left out and counted. */
const waitingBytes = 1_048_576;

/** A stream of lines that never blocks, never throws and stays bounded. */
export class SteadyOutput {
  readonly #stream: Writable;
  #isGone = false;
  #leftOut = 0;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on("error", () => {
      // EPIPE, EIO: the reader or the terminal is gone. What runs goes on, unseen.
      this.#isGone = true;
    });
    // Node.js writes to terminals synchronously: one Ctrl-S would stop the whole tree's supervisor.
    const handle = Reflect.get(stream, "_handle") as { setBlocking?(isBlocking: boolean): number } | undefined;
    handle?.setBlocking?.(false);
  }

  /** Writes a text of whole lines, or leaves it out when the reader is too far behind. */
  write(text: string): void {
    if (this.#isGone) return;
    if (this.#stream.writableLength > waitingBytes) {
      this.#leftOut++;
      return;
    }
    if (this.#leftOut > 0) {
      this.#stream.write(`(${this.#leftOut} lines left out: the reader was too slow)\n`);
      this.#leftOut = 0;
    }
    this.#stream.write(text);
  }

  /** Resolves when all is written, the reader is gone, or after `patienceMs` milliseconds. */
  drained(patienceMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isGone || this.#stream.writableLength === 0) {
        resolve();
        return;
      }
      setTimeout(resolve, patienceMs).unref();
      this.#stream.once("error", () => resolve());
      this.#stream.write("", () => resolve());
    });
  }
}
