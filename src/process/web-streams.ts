/**
 * A session's streams in the web's form. Each is the Node stream in other clothes: no bytes are kept here, so the flow is that of the Node stream.
 */
import type { Readable, Writable } from "node:stream";

/** Where the three Node streams of a session are; each is made when it is asked for. */
interface NodeStreams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/** The three standard streams as web streams. */
export class WebStreams {
  readonly #streams: NodeStreams;
  #stdin: WritableStream<Uint8Array | string> | undefined;
  #stdout: ReadableStream<Uint8Array> | undefined;
  #stderr: ReadableStream<Uint8Array> | undefined;

  constructor(streams: NodeStreams) {
    this.#streams = streams;
  }

  /** Standard input: a write is done as the Node stream's is, closing closes the pipe; `closed` tells of a process that reads no more. */
  get stdin(): WritableStream<Uint8Array | string> {
    this.#stdin ??= writable(this.#streams.stdin);
    return this.#stdin;
  }

  /** Standard output. Cancelling it drops what comes, so that the process is not held up. */
  get stdout(): ReadableStream<Uint8Array> {
    this.#stdout ??= readable(this.#streams.stdout);
    return this.#stdout;
  }

  /** Standard error, likewise. */
  get stderr(): ReadableStream<Uint8Array> {
    this.#stderr ??= readable(this.#streams.stderr);
    return this.#stderr;
  }
}

function readable(stream: Readable): ReadableStream<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        stream.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}

function writable(stream: Writable): WritableStream<Uint8Array | string> {
  let failure: Error | undefined;
  return new WritableStream<Uint8Array | string>(
    {
      start(controller) {
        stream.on("error", (error) => {
          failure = error;
          controller.error(error);
        });
      },
      write: (chunk) =>
        new Promise((resolve, reject) => {
          if (failure) return reject(failure);
          stream.write(chunk, (error) => (error ? reject(error) : resolve()));
        }),
      close: () => new Promise((resolve) => stream.end(() => resolve())),
      abort: (reason: unknown) => {
        stream.destroy(reason instanceof Error ? reason : undefined);
      },
    },
    { highWaterMark: 1 },
  );
}
