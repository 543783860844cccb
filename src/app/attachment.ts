/**
 * One attachment to a running process: its output to a socket as it comes, keys and sizes from there, one JSON object on each line both
 * ways. It knows one process at a time and is told when that is replaced; whether another comes is decided elsewhere.
 */

import type { Duplex } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { ProcessActor } from "../actors/process-actor.js";
import type { ActorRef } from "../ref.js";
import { JsonLines, type JsonObject } from "./json-lines.js";
import type { LogLine } from "./output-log.js";

/** Bytes that wait for a slow reader; what comes beyond them is left out and counted. */
const outputBufferBytes = 1_048_576;

/** Bytes of input that may wait for the process; an attacher that sends more does not keep to {@link Attachment} and is let go. */
const inputBufferBytes = 1_048_576;

/** What an attachment begins with. */
export interface AttachmentStart {
  readonly path: string;
  readonly osPid: number | null;
  /** Whether the process runs in a terminal. */
  readonly hasTerminal: boolean;
  readonly ref: ActorRef<ProcessActor>;
  /** Its last lines, and what stands behind them without a newline. */
  readonly lastLines: readonly LogLine[];
  readonly unfinished: readonly { readonly stream: "stdout" | "stderr"; readonly text: string }[];
}

/**
 * Joins a socket with a process's streams.
 *
 * To the socket go `attached`, `line` (one each of the last lines), then `output` (`bytes` in base64), `dropped` (how many bytes a reader that is
 * too slow has missed), `taken` (how many bytes of input are in the pipe), `refused` (why input or a size was not), `ended`, `restarted`, and at last `over`.
 * From it come `input` (base64) and `resize` (`rows`, `cols`). An attacher keeps less than 1 MiB of input on the way that is not `taken`.
 */
export class Attachment {
  readonly path: string;
  readonly #socket: Duplex;
  #ref: ActorRef<ProcessActor> | undefined;
  #droppedBytes = 0;
  #inputBytes = 0;
  /** What a new incarnation wrote before it was said that it is there. */
  #early: { readonly stream: "stdout" | "stderr"; readonly bytes: Buffer }[] = [];
  #earlyBytes = 0;

  constructor(socket: Duplex, head: Buffer, start: AttachmentStart) {
    this.path = start.path;
    this.#socket = socket;
    this.#ref = start.ref;
    const { path, osPid, hasTerminal } = start;
    this.#tell({ attached: { path, osPid, hasTerminal } });
    for (const { atMs, stream, line } of start.lastLines)
      this.#tell({ line: { at: new Date(atMs).toISOString(), stream, line } });
    for (const { stream, text } of start.unfinished) this.#write(stream, Buffer.from(text));
    const lines = new JsonLines();
    socket.on("drain", () => this.#tellDropped());
    const decoder = new StringDecoder("utf8");
    socket.on("data", (bytes: Buffer) => {
      try {
        for (const message of lines.push(decoder.write(bytes))) this.#take(message);
      } catch {
        socket.destroy();
      }
    });
    if (head.length > 0) socket.unshift(head);
  }

  /** Whether its process runs, as far as it was told. */
  get isRunning(): boolean {
    return this.#ref !== undefined;
  }

  /** Sends output on its way, or leaves it out if the reader is too far behind. Never waits. */
  output(stream: "stdout" | "stderr", bytes: Buffer): void {
    if (this.#ref !== undefined) return this.#write(stream, bytes);
    if (this.#earlyBytes + bytes.length > outputBufferBytes) {
      this.#droppedBytes += bytes.length;
      return;
    }
    this.#earlyBytes += bytes.length;
    this.#early.push({ stream, bytes: Buffer.from(bytes) });
  }

  /** The process has ended. */
  ended(reason: string): void {
    this.#ref = undefined;
    this.#tellDropped();
    this.#tell({ ended: { reason } });
  }

  /** Another incarnation of it runs, and has the input from now on. */
  restarted(ref: ActorRef<ProcessActor>, osPid: number | null): void {
    this.#ref = ref;
    this.#tell({ restarted: { osPid } });
    this.#flushEarly();
  }

  /** Nothing more will come. */
  over(): void {
    this.#flushEarly();
    this.#tellDropped();
    this.#tell({ over: {} });
    this.#socket.end();
  }

  #write(stream: "stdout" | "stderr", bytes: Buffer): void {
    if (this.#socket.writableLength > outputBufferBytes) {
      this.#droppedBytes += bytes.length;
      return;
    }
    this.#tellDropped();
    this.#tell({ output: { stream, bytes: bytes.toString("base64") } });
  }

  #flushEarly(): void {
    for (const { stream, bytes } of this.#early.splice(0)) this.#write(stream, bytes);
    this.#earlyBytes = 0;
  }

  #tellDropped(): void {
    if (this.#droppedBytes === 0) return;
    const bytes = this.#droppedBytes;
    this.#droppedBytes = 0;
    this.#tell({ dropped: { bytes } });
  }

  #tell(message: JsonObject): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  #take({ input, resize }: JsonObject): void {
    if (typeof input === "string") void this.#input(Buffer.from(input, "base64"));
    if (typeof resize === "object" && resize !== null) void this.#resize(resize as { rows?: unknown; cols?: unknown });
  }

  async #input(bytes: Buffer): Promise<void> {
    this.#inputBytes += bytes.length;
    if (this.#inputBytes > inputBufferBytes) {
      this.#socket.destroy();
      return;
    }
    try {
      // What is pressed between two incarnations is for neither.
      if (this.#ref !== undefined) await this.#ref.within("infinity").call.write(bytes);
    } catch (error) {
      this.#refuse(error);
    } finally {
      this.#inputBytes -= bytes.length;
      this.#tell({ taken: { bytes: bytes.length } });
    }
  }

  async #resize({ rows, cols }: { readonly rows?: unknown; readonly cols?: unknown }): Promise<void> {
    try {
      await this.#ref?.within("infinity").call.resize(Number(rows), Number(cols));
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    // The end of the process is told by itself.
    if (this.#ref !== undefined)
      this.#tell({ refused: { message: error instanceof Error ? error.message : String(error) } });
  }
}
