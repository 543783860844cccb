/**
 * Takes the chunks of a stream one at a time, as they are asked for. It knows no process; how much may wait in the stream is the stream's business.
 */
import type { Readable } from "node:stream";

/** One reader's way through a stream. */
export class Pull {
  readonly #chunks: AsyncIterator<Buffer>;
  /** Asked for by those who have given up, oldest first. */
  readonly #unclaimed: Promise<Buffer | undefined>[] = [];

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Resolves with the next chunk; undefined at the end. Rejects with the signal's reason if that aborts first, and takes nothing then. */
  async next(signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    signal?.throwIfAborted();
    const next = this.#unclaimed.shift() ?? this.#chunks.next().then(({ value, done }) => (done ? undefined : value));
    if (signal === undefined) return next;
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#unclaimed.push(next);
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      next.then(resolve, reject).then(() => signal.removeEventListener("abort", giveUp));
    });
  }
}
