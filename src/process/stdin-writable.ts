/**
 * A process's standard input as a Node stream: a write is done when its bytes are in the pipe, an end closes the pipe behind them.
 */
import { Writable } from "node:stream";
import type { SidecarClient } from "../sidecar/client.js";

type Done = (error?: Error | null) => void;

/** A Writable whose callbacks and `drain` follow the process's reading; fails with `code` `EPIPE` once nobody reads any more. */
export class StdinWritable extends Writable {
  readonly #client: SidecarClient;

  constructor(client: SidecarClient) {
    super({ decodeStrings: true });
    this.#client = client;
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.#client.write(chunk).then(
      () => done(),
      (error: unknown) => done(asEpipe(error)),
    );
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "buffer", done);
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
