/**
 * Runs a program to its end and gathers what it wrote. Built on the held process; knows no stream and no actor.
 */
import type { OutputStream } from "../sidecar/client.js";
import type { ExitReport } from "../sidecar/exit-report.js";
import type { OsText } from "../sidecar/os-text.js";
import type { StartOptions } from "../sidecar/start-options.js";
import { feed, type InputOptions, stdinFor } from "./feed.js";
import { HeldProcess } from "./held-process.js";
import type { LimitOptions } from "./life-limits.js";
import { isSuccess, processFailure } from "./process-failure.js";

/** Bytes of output that are kept where no other limit is set: 128 MiB. */
export const DEFAULT_OUTPUT_LIMIT_BYTES = 128 * 1024 * 1024;

/**
 * Sees a stream's bytes as they arrive. While a promise that it returned is pending, no more is read from the process than a window. What it throws
 * stops the process and rejects the run.
 */
export type OutputObserver = (bytes: Buffer) => unknown;

/** Options of {@link run}; see `StartOptions` for those of the process. */
export interface RunOptions extends Omit<StartOptions, "argv" | "stdin">, InputOptions, LimitOptions {
  /** How output becomes text; `"buffer"` leaves it bytes. Default `"utf8"`, with U+FFFD for what is not UTF-8. */
  encoding?: BufferEncoding | "buffer";
  /** Bytes of stdout and stderr together that are kept; a program that writes more is stopped. Default 128 MiB; may be `Infinity`. */
  outputLimitBytes?: number;
  /** See the output as it comes, besides its being gathered. */
  onStdout?: OutputObserver;
  onStderr?: OutputObserver;
  /** Stops the process by its stop plan; the run then rejects with the signal's reason once nothing of it is left. */
  signal?: AbortSignal;
  /** Rejects with `ERR_PROCESS_EXIT` unless the process ended by itself with success. Default false: every end is a value. */
  throws?: boolean;
  /** Exit codes that are a success. Default `[0]`. */
  successExitCodes?: readonly number[];
}

/** What a program wrote, and how it ended. */
export interface RunResult<Text = string> extends ExitReport {
  readonly stdout: Text;
  readonly stderr: Text;
  /** Whether it ended by itself, within all limits, with a code of success. */
  readonly ok: boolean;
}

/** What output becomes under these options: bytes, or text. */
export type OutputOf<Options extends RunOptions> = Options extends { readonly encoding: "buffer" } ? Buffer : string;

/**
 * Runs a program and resolves with its output and the report of its end, once nothing of its whole tree is left.
 *
 * Any end is a value: a code, a signal, a limit (`limit`, with the output so far), a lost sidecar. Output is whole, also that of a program
 * that exits at once. What the program leaves running in the background is stopped when it ends.
 *
 * @throws {RangeError} if an option is wrong. @throws {StartError} if the program cannot be started, with stage and errno in `failure`.
 * @throws {SidecarError} if `resin` is missing or of another version. @throws the signal's reason if it aborted.
 * @throws {ProcessExitError} if `throws` is set and the program failed; `report` says how, `message` ends with its last words on stderr.
 */
export async function run<Options extends RunOptions = RunOptions>(
  command: OsText,
  args: readonly OsText[] = [],
  options?: Options,
): Promise<RunResult<OutputOf<Options>>> {
  const {
    input,
    stdin,
    encoding = "utf8",
    onStdout,
    onStderr,
    throws = false,
    successExitCodes,
    ...held
  }: RunOptions = options ?? {};
  if (encoding !== "buffer" && !Buffer.isEncoding(encoding))
    throw new RangeError(`encoding must be "buffer" or one that Buffer knows, got ${String(encoding)}`);
  const process = new HeldProcess({
    outputLimitBytes: DEFAULT_OUTPUT_LIMIT_BYTES,
    ...held,
    argv: [command, ...args],
    stdin: stdinFor(input, stdin),
  });
  const gathered = new Gathered(process, { stdout: onStdout, stderr: onStderr });
  await process.begin(gathered);
  if (input !== undefined) void feed(process, input).catch((error: unknown) => gathered.fail(error));
  const report = await process.exited;
  if (gathered.failure) throw gathered.failure.error;
  held.signal?.throwIfAborted();
  const stderr = gathered.take("stderr");
  if (throws && !isSuccess(report, successExitCodes)) throw processFailure(command, report, stderr);
  const stdout = gathered.take("stdout");
  const decoded = (bytes: Buffer) => (encoding === "buffer" ? bytes : bytes.toString(encoding)) as OutputOf<Options>;
  return {
    ...report,
    ok: isSuccess(report, successExitCodes),
    stdout: decoded(stdout),
    stderr: decoded(stderr),
  };
}

/** Keeps the output, shows it to observers, and gives credit when they have seen it. */
class Gathered {
  /** What an observer, or the input, threw. */
  failure: { readonly error: unknown } | undefined;
  readonly #process: HeldProcess;
  readonly #observers: Readonly<Record<OutputStream, OutputObserver | undefined>>;
  readonly #chunks: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [] };

  constructor(process: HeldProcess, observers: Readonly<Record<OutputStream, OutputObserver | undefined>>) {
    this.#process = process;
    this.#observers = observers;
  }

  output(stream: OutputStream, bytes: Buffer): void {
    this.#chunks[stream].push(bytes);
    const credit = () => this.#process.credit(stream, bytes.length);
    const seen = this.#show(stream, bytes);
    if (!(seen instanceof Promise)) return credit();
    seen.catch((error: unknown) => this.fail(error)).then(credit);
  }

  closed(): void {
    // The end of the process tells it all.
  }

  /** The run is to reject with `error`, once nothing of the process is left. */
  fail(error: unknown): void {
    this.failure ??= { error };
    void this.#process.stop();
  }

  take(stream: OutputStream): Buffer {
    const chunks = this.#chunks[stream];
    return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  }

  #show(stream: OutputStream, bytes: Buffer): unknown {
    if (this.failure) return undefined;
    try {
      return this.#observers[stream]?.(bytes);
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }
}
