/**
 * A process's standard input as a Node stream: what is written is on its way as far as the window goes, an end closes the pipe behind it.
 */
import { Writable } from "node:stream";
import type { SidecarClient } from "../sidecar/client.js";

type Done = (error?: Error | null) => void;

/** Bytes that may wait in the stream itself, behind those in the window, before it asks its writer to wait. */
const HIGH_WATER_BYTES = 64 * 1024;

/** Bytes, and writes, on their way up to which the next write is taken at once. One write at a time would cost a round trip each. */
const ON_THE_WAY_BYTES = 256 * 1024;
const ON_THE_WAY_WRITES = 16;

/** Writes that had to wait are joined up to this size, which copies them: a write costs more than its bytes if they are few. */
const JOINED_BYTES = 64 * 1024;

/**
 * A Writable whose `drain` follows the process's reading. A write's callback is called when its bytes are in the pipe or at most 256 KiB before it
 * on their way there; `finish` comes when all are in the pipe. Fails with `code` `EPIPE` once nobody reads any more.
 */
export class StdinWritable extends Writable {
  readonly #client: SidecarClient;
  #writesOnTheWay = 0;

  constructor(client: SidecarClient) {
    super({ decodeStrings: true, highWaterMark: HIGH_WATER_BYTES });
    this.#client = client;
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.#take(this.#client.write(chunk), done);
  }

  override _writev(waiting: { chunk: Buffer }[], done: Done): void {
    const chunks = waiting.map(({ chunk }) => chunk);
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const parts = bytes <= JOINED_BYTES ? [Buffer.concat(chunks, bytes)] : chunks;
    this.#take(Promise.all(parts.map((part) => this.#client.write(part))), done);
  }

  /** Lets the stream go on at once, or where enough is on its way, when this write is done. */
  #take(written: Promise<unknown>, done: Done): void {
    this.#writesOnTheWay++;
    const waits = this.#client.stdinQueuedBytes >= ON_THE_WAY_BYTES || this.#writesOnTheWay >= ON_THE_WAY_WRITES;
    written.then(
      () => {
        this.#writesOnTheWay--;
        if (waits) done();
      },
      (cause: unknown) => {
        const error = asEpipe(cause);
        if (waits) done(error);
        else this.destroy(error);
      },
    );
    if (!waits) done();
  }

  override _final(done: Done): void {
    // A process that has ended has closed its input.
    this.#client.closeStdin().then(
      () => done(),
      () => done(),
    );
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#client.closeStdin().catch(() => {});
    done(error);
  }
}

/** What `child_process` and every other stream of Node calls a pipe that nobody reads. */
function asEpipe(cause: unknown): Error {
  return Object.assign(new Error("write EPIPE: the process does not read its standard input any more", { cause }), {
    code: "EPIPE",
  });
}
