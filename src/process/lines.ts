/**
 * Iterates over the lines a program writes, as fast as they are taken and no faster. Built on the held process; knows no actor.
 */
import type { OutputStream } from "../sidecar/client.js";
import type { ExitReport } from "../sidecar/exit-report.js";
import type { OsText } from "../sidecar/os-text.js";
import type { StartOptions } from "../sidecar/start-options.js";
import { feed, type InputOptions, stdinFor } from "./feed.js";
import { HeldProcess } from "./held-process.js";
import type { LimitOptions } from "./life-limits.js";
import { checkedLineBytes, LineQueue } from "./line-queue.js";
import { isSuccess, processFailure, STDERR_TAIL_BYTES } from "./process-failure.js";

/** Options of {@link lines}; see `StartOptions` for those of the process. */
export interface LinesOptions extends Omit<StartOptions, "argv" | "stdin" | "stdout">, InputOptions, LimitOptions {
  /** Longest line in bytes, 1 to 268,435,456, default 1 MiB; a longer one comes in pieces of this length, cut between characters. */
  maxLineBytes?: number;
  /** Milliseconds without output while a line is waited for; the time between two lines that the reader takes for itself does not count. */
  idleTimeoutMs?: number;
  /** Sees standard error as it comes; what nobody sees is read and dropped, but for its end, which errors quote. Must not throw. */
  onStderr?: (bytes: Buffer) => void;
  /** Stops the process by its stop plan; the iteration then throws the signal's reason once nothing of it is left. */
  signal?: AbortSignal;
  /** Ends the iteration with `ERR_PROCESS_EXIT` unless the process ended by itself with success. Default false. */
  throws?: boolean;
  /** Exit codes that are a success. Default `[0]`. */
  successExitCodes?: readonly number[];
}

/**
 * Gives the lines that a program writes to its standard output, without their ends; a last line without an end counts.
 *
 * The program is started when the first line is asked for, and the iteration ends when the process has. A reader that takes no lines fills the
 * window (256 KiB), then the process waits. Leaving the loop early kills the whole tree, or stops it by `stop` where that option is given,
 * and waits until none of it is left.
 *
 * The iteration throws, after all lines: what `run` throws when it cannot start; `ERR_PROCESS_EXIT` for a limit that was reached and for a lost
 * sidecar, and with `throws` for any other failure; the abort signal's reason.
 *
 * @throws {RangeError} if `maxLineBytes` is wrong.
 */
export function lines(command: OsText, args: readonly OsText[] = [], options: LinesOptions = {}): Lines {
  return new Lines(command, args, options);
}

type Result = IteratorResult<string, undefined>;
interface Waiting {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

const done: Result = { done: true, value: undefined };

/** The lines of one process; made by {@link lines}. Can be iterated once. */
export class Lines implements AsyncIterableIterator<string, undefined>, AsyncDisposable {
  readonly #command: OsText;
  readonly #options: LinesOptions;
  readonly #argv: readonly OsText[];
  readonly #queue: LineQueue;
  /** Those who wait for a line, oldest first. */
  readonly #waiting: Waiting[] = [];
  #process: HeldProcess | undefined;
  #beginning: Promise<void> | undefined;
  #stderrTail: Buffer = Buffer.alloc(0);
  #report: ExitReport | undefined;
  /** How the iteration ends once all lines are taken. */
  #end: { readonly error?: unknown } | undefined;

  constructor(command: OsText, args: readonly OsText[], options: LinesOptions) {
    this.#command = command;
    this.#argv = [command, ...args];
    this.#options = options;
    this.#queue = new LineQueue(checkedLineBytes(options.maxLineBytes), (bytes) =>
      this.#process?.credit("stdout", bytes),
    );
  }

  /** The report of the process's end; undefined while it runs. */
  get report(): ExitReport | undefined {
    return this.#report;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Resolves with the next line. May be called again before it has resolved; lines go to callers in order. */
  next(): Promise<Result> {
    this.#beginning ??= this.#begin();
    const line = this.#waiting.length === 0 ? this.#queue.take() : undefined;
    if (line !== undefined) {
      this.#process?.limits.pause();
      return Promise.resolve({ done: false, value: line });
    }
    if (this.#end) return this.#finish();
    this.#process?.limits.listen();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Ends the iteration: kills the tree, or stops it by the `stop` option, and resolves when none of it is left. */
  async return(): Promise<Result> {
    this.#end = {};
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(done);
    this.#beginning ??= Promise.resolve();
    await this.#beginning;
    // Forgotten only once the process is known, so that the credit for it is not lost, and what it still says is not waited for.
    this.#queue.clear();
    if (this.#process && !this.#report) await this.#process.stop(this.#options.stop ?? { graceMs: 0 });
    return done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #begin(): Promise<void> {
    const { input, stdin, maxLineBytes, onStderr, throws, successExitCodes, ...held } = this.#options;
    try {
      this.#process = new HeldProcess({ ...held, argv: this.#argv, stdin: stdinFor(input, stdin) });
      await this.#process.begin({
        output: (stream, bytes) => this.#output(stream, bytes),
        closed: () => {},
      });
    } catch (error) {
      return this.#over({ error });
    }
    let inputFailure: { readonly error: unknown } | undefined;
    const process = this.#process;
    if (input !== undefined) {
      feed(process, input).catch((error: unknown) => {
        inputFailure = { error };
        void process.stop();
      });
    }
    void process.exited.then((report) => {
      this.#report = report;
      this.#over(inputFailure ?? this.#judge(report));
    });
  }

  #output(stream: OutputStream, bytes: Buffer): void {
    if (stream === "stdout" && !this.#end) {
      this.#queue.push(bytes);
      return this.#serve();
    }
    if (stream === "stderr") {
      this.#options.onStderr?.(bytes);
      // More than is quoted, so that the tail is cut at a line.
      this.#stderrTail = Buffer.concat([this.#stderrTail, bytes]).subarray(-2 * STDERR_TAIL_BYTES);
    }
    this.#process?.credit(stream, bytes.length);
  }

  #judge(report: ExitReport): { readonly error?: unknown } {
    const { signal, throws = false, successExitCodes } = this.#options;
    if (signal?.aborted && report.stoppedBy === "owner") return { error: signal.reason };
    const isLost = report.limit !== null || report.stoppedBy === "sidecarLost";
    const fails = isLost || (throws && !isSuccess(report, successExitCodes));
    return fails ? { error: processFailure(this.#command, report, this.#stderrTail) } : {};
  }

  #over(end: { readonly error?: unknown }): void {
    this.#end ??= end;
    this.#queue.end();
    this.#serve();
  }

  /** Gives those who wait what there is. */
  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const line = this.#queue.take();
      if (line === undefined && !this.#end) return;
      this.#waiting.shift();
      if (line === undefined) this.#finish().then(first.resolve, first.reject);
      else first.resolve({ done: false, value: line });
    }
    this.#process?.limits.pause();
  }

  /** Tells the end: what went wrong once, then only that it is over. */
  async #finish(): Promise<Result> {
    const end = this.#end;
    this.#end = {};
    if (end && "error" in end) throw end.error;
    return done;
  }
}
