/**
 * An OS process without supervision, as a session one can talk with. Built on the sidecar client; knows no actor.
 */
import type { Readable, Writable } from "node:stream";
import type { OutputStream, SidecarClient, TreeStats } from "../sidecar/client.js";
import type { ExitReport } from "../sidecar/exit-report.js";
import type { OsText } from "../sidecar/os-text.js";
import type { StartOptions } from "../sidecar/start-options.js";
import type { Started } from "../sidecar/started.js";
import type { StopPlan } from "../sidecar/stop-plan.js";
import { HeldProcess, type HoldOptions } from "./held-process.js";
import type { LimitOptions } from "./life-limits.js";
import { checkedLineBytes } from "./line-queue.js";
import { LineSplitter } from "./line-splitter.js";
import { OutputReadable } from "./output-readable.js";
import { Pull } from "./pull.js";
import { StdinWritable } from "./stdin-writable.js";
import { WebStreams } from "./web-streams.js";

/** Options of {@link open}; see {@link StartOptions} for those of the process. */
export interface OpenOptions extends Omit<StartOptions, "argv">, LimitOptions {
  /** Stops the process by its stop plan when it aborts, also while it is being started. */
  signal?: AbortSignal;
}

/**
 * Starts a program in a sidecar of its own and resolves once it runs.
 *
 * The process keeps Node running until it ends; when Node ends first, for whatever reason, the process and everything it started end too.
 * A stream that nobody reads fills its window (256 KiB), then the process blocks.
 *
 * @throws {RangeError} if an option is wrong. @throws {StartError} if the program cannot be started, with stage and errno in `reason.startFailed`.
 * @throws {SidecarError} if `resin` is missing or of another version. @throws the signal's reason if it aborted before the program ran.
 */
export async function open(command: OsText, args: readonly OsText[] = [], options: OpenOptions = {}): Promise<Session> {
  const session = new Session({ ...options, argv: [command, ...args] });
  await session[begin]();
  return session;
}

const begin = Symbol("begin");

/** A running process: its three streams, its signals, its end. Made by {@link open}. */
export class Session implements AsyncDisposable {
  /** Resolves with the report once the process and its whole tree are gone and all output has arrived; never rejects. */
  readonly exited: Promise<ExitReport>;
  readonly #process: HeldProcess;
  #report: ExitReport | undefined;
  #stdin: StdinWritable | undefined;
  readonly #outputs: Partial<Record<OutputStream, OutputReadable>> = {};
  /** Output that arrived before anybody asked for its stream; bounded by the window. */
  readonly #early: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [] };
  readonly #closed = new Set<OutputStream>();
  readonly #pulls: Partial<Record<OutputStream, Pull>> = {};
  #web: WebStreams | undefined;

  /** Use {@link open}, which starts the process as well. */
  constructor(options: HoldOptions) {
    this.#process = new HeldProcess(options);
    this.exited = this.#process.exited.then((report) => {
      this.#report = report;
      return report;
    });
  }

  /** @internal */
  [begin](): Promise<void> {
    return this.#process.begin({
      output: (stream, bytes) => {
        const output = this.#outputs[stream];
        if (output) output.arrived(bytes);
        else this.#early[stream].push(bytes);
      },
      closed: (stream) => {
        this.#closed.add(stream);
        this.#outputs[stream]?.ended();
      },
    });
  }

  /** What runs, and what holds it. */
  get place(): Started {
    return this.#client().place;
  }

  /** Its process id, as the operating system counts. */
  get osPid(): number {
    return this.#client().place.osPid;
  }

  /** The report of its end, for as long as the session is kept; undefined while it runs. */
  get report(): ExitReport | undefined {
    return this.#report;
  }

  /** Standard input. Ending it closes the pipe; destroying it does too. */
  get stdin(): Writable {
    this.#stdin ??= new StdinWritable(this.#client());
    return this.#stdin;
  }

  /** Standard output, as bytes. Made when first asked for. */
  get stdout(): Readable {
    return this.#output("stdout");
  }

  /** Standard error, as bytes. Made when first asked for. */
  get stderr(): Readable {
    return this.#output("stderr");
  }

  /** The three streams in the web's form; use each stream either from here or as a Node stream. */
  get web(): WebStreams {
    this.#web ??= new WebStreams(this);
    return this.#web;
  }

  /** Writes to standard input and resolves when the bytes are in the pipe; rejects with `ERR_SIDECAR` when nobody reads them (`osCode` `EPIPE`). */
  write(data: string | Uint8Array): Promise<void> {
    return this.#client().write(typeof data === "string" ? Buffer.from(data) : data);
  }

  /** Closes standard input behind everything written before; its output still arrives. */
  closeStdin(): Promise<void> {
    return this.#client().closeStdin();
  }

  /**
   * Takes the next bytes of an output stream, as many as are there; undefined at its end. An alternative to the streams: use one or the other for
   * each of the two.
   *
   * Rejects with the reason of `signal` if that aborts first; what comes then is the next read's.
   */
  async read(
    stream: OutputStream = "stdout",
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Buffer | undefined> {
    this.#pulls[stream] ??= new Pull(this.#output(stream));
    return this.#pulls[stream].next(signal);
  }

  /**
   * Iterates over the lines of an output stream, without their ends. Leaving the loop gives the stream up: what still comes is dropped, the process goes on.
   *
   * @throws {RangeError} if `maxLineBytes` (1 to 268,435,456, default 1 MiB) is wrong.
   */
  async *lines(
    stream: OutputStream = "stdout",
    { maxLineBytes = checkedLineBytes() } = {},
  ): AsyncGenerator<string, void> {
    let ready: string[] = [];
    const splitter = new LineSplitter((line) => ready.push(line), checkedLineBytes(maxLineBytes));
    for await (const bytes of this.#output(stream)) {
      splitter.push(bytes as Buffer);
      yield* ready;
      ready = [];
    }
    splitter.end();
    yield* ready;
  }

  /** Sends a signal, by name or number, to the leader (default), its process group, or the whole tree. */
  signal(signal: string | number, target: "leader" | "group" | "tree" = "leader"): Promise<void> {
    return this.#client().signal(signal, target);
  }

  /** Stops the whole tree (signal, grace, SIGKILL) and resolves with the report when none of it is left. */
  stop(plan?: StopPlan): Promise<ExitReport> {
    return this.#process.stop(plan);
  }

  /** Freezes the whole tree until {@link resume}; a stop thaws it. */
  pause(): Promise<void> {
    return this.#client().pause();
  }

  /** Lets a frozen tree go on. */
  resume(): Promise<void> {
    return this.#client().resume();
  }

  /** Changes the size of its terminal, in characters; rejects where there is none. */
  resize(rows: number, cols: number): Promise<void> {
    return this.#client().resize(rows, cols);
  }

  /** Counts the processes of the tree and what they use. */
  stats(): Promise<TreeStats> {
    return this.#client().stats();
  }

  /** Lets Node end although this process runs; it ends with Node. */
  unref(): void {
    this.#client().keepsNodeRunning(false);
  }

  /** Stops the process with its stop plan and waits until none of its tree is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #output(stream: OutputStream): OutputReadable {
    const existing = this.#outputs[stream];
    if (existing) return existing;
    const output = new OutputReadable((bytes) => this.#process.credit(stream, bytes));
    this.#outputs[stream] = output;
    for (const bytes of this.#early[stream].splice(0)) output.arrived(bytes);
    if (this.#closed.has(stream)) output.ended();
    return output;
  }

  #client(): SidecarClient {
    return this.#process.client;
  }
}
