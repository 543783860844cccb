/**
 * An OS process without supervision, as a session one can talk with. Built on the sidecar client; knows no actor.
 */
import type { Readable, Writable } from "node:stream";
import {
  type OutputStream,
  type SidecarClient,
  type Started,
  startSidecar,
  type TreeStats,
} from "../sidecar/client.js";
import type { ExitReport } from "../sidecar/exit-report.js";
import type { OsText } from "../sidecar/os-text.js";
import type { StartOptions } from "../sidecar/start-options.js";
import type { StopPlan } from "../sidecar/stop-plan.js";
import { OutputReadable } from "./output-readable.js";
import { StdinWritable } from "./stdin-writable.js";

/** Options of {@link open}; see {@link StartOptions} for those of the process. */
export interface OpenOptions extends Omit<StartOptions, "argv"> {
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
  const { signal, ...start } = options;
  signal?.throwIfAborted();
  const session = new Session();
  await session[begin]({ ...start, argv: [command, ...args] });
  if (signal) {
    const stop = () => void session.stop();
    signal.addEventListener("abort", stop, { once: true });
    void session.exited.then(() => signal.removeEventListener("abort", stop));
    if (signal.aborted) {
      await session.stop();
      signal.throwIfAborted();
    }
  }
  return session;
}

const begin = Symbol("begin");

/** A running process: its three streams, its signals, its end. Made by {@link open}. */
export class Session implements AsyncDisposable {
  /** Resolves with the report once the process and its whole tree are gone and all output has arrived; never rejects. */
  readonly exited: Promise<ExitReport>;
  #client!: SidecarClient;
  #onExit!: (report: ExitReport) => void;
  #report: ExitReport | undefined;
  #stdin: StdinWritable | undefined;
  readonly #outputs: Partial<Record<OutputStream, OutputReadable>> = {};
  /** Output that arrived before anybody asked for its stream; bounded by the window. */
  readonly #early: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [] };
  readonly #closed = new Set<OutputStream>();

  constructor() {
    this.exited = new Promise((resolve) => {
      this.#onExit = resolve;
    });
  }

  /** @internal */
  async [begin](options: StartOptions): Promise<void> {
    this.#client = await startSidecar(options, {
      output: (stream, bytes) => {
        const output = this.#outputs[stream];
        if (output) output.arrived(bytes);
        else this.#early[stream].push(bytes);
      },
      closed: (stream) => {
        this.#closed.add(stream);
        this.#outputs[stream]?.ended();
      },
      exited: (report) => {
        this.#report = report;
        this.#onExit(report);
      },
    });
  }

  /** What runs, and what holds it. */
  get place(): Started {
    return this.#client.place;
  }

  /** Its process id, as the operating system counts. */
  get osPid(): number {
    return this.#client.place.osPid;
  }

  /** The report of its end; undefined while it runs. */
  get report(): ExitReport | undefined {
    return this.#report;
  }

  /** Standard input. Ending it closes the pipe; destroying it does too. */
  get stdin(): Writable {
    this.#stdin ??= new StdinWritable(this.#client);
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

  /** Sends a signal, by name or number, to the leader (default), its process group, or the whole tree. */
  signal(signal: string | number, target: "leader" | "group" | "tree" = "leader"): Promise<void> {
    return this.#client.signal(signal, target);
  }

  /** Stops the whole tree (signal, grace, SIGKILL) and resolves with the report when none of it is left. */
  async stop(plan?: StopPlan): Promise<ExitReport> {
    await this.#client.stop(plan);
    return this.exited;
  }

  /** Freezes the whole tree until {@link resume}; a stop thaws it. */
  pause(): Promise<void> {
    return this.#client.pause();
  }

  /** Lets a frozen tree go on. */
  resume(): Promise<void> {
    return this.#client.resume();
  }

  /** Changes the size of its terminal, in characters; rejects where there is none. */
  resize(rows: number, cols: number): Promise<void> {
    return this.#client.resize(rows, cols);
  }

  /** Counts the processes of the tree and what they use. */
  stats(): Promise<TreeStats> {
    return this.#client.stats();
  }

  /** Lets Node end although this process runs; it ends with Node. */
  unref(): void {
    this.#client.keepsNodeRunning(false);
  }

  /** Stops the process with its stop plan and waits until none of its tree is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #output(stream: OutputStream): OutputReadable {
    const existing = this.#outputs[stream];
    if (existing) return existing;
    const output = new OutputReadable((bytes) => this.#client.credit(stream, bytes));
    this.#outputs[stream] = output;
    for (const bytes of this.#early[stream].splice(0)) output.arrived(bytes);
    if (this.#closed.has(stream)) output.ended();
    return output;
  }
}
