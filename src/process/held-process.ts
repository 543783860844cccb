/**
 * One process for a caller without supervision: a sidecar client with the caller's limits and AbortSignal upon it. What `run`, `lines` and `open`
 * have in common; does not know what becomes of the output.
 */
import { type OutputStream, type SidecarClient, type SidecarSink, startSidecar } from "../sidecar/client.js";
import type { ExitReport } from "../sidecar/exit-report.js";
import type { SidecarHost } from "../sidecar/sidecar-host.js";
import type { StartOptions } from "../sidecar/start-options.js";
import type { StopPlan } from "../sidecar/stop-plan.js";
import { LifeLimits, type LimitOptions } from "./life-limits.js";

/** How to start, limit and abort a process. */
export interface HoldOptions extends StartOptions, LimitOptions {
  /** Stops the process by its stop plan when it aborts, also while it is being started. */
  signal?: AbortSignal;
}

/** Every option there is; the compiler sees to it that none is missing. */
const KNOWN: Readonly<Record<keyof StartOptions, true>> = {
  argv: true,
  arg0: true,
  cwd: true,
  env: true,
  clearEnv: true,
  inheritEnv: true,
  envFile: true,
  addEnv: true,
  stdin: true,
  stdout: true,
  stderr: true,
  mergeStderr: true,
  pty: true,
  windowBytes: true,
  stop: true,
  orphanGraceMs: true,
  contain: true,
  limits: true,
  required: true,
  timeoutMs: true,
  idleTimeoutMs: true,
  outputLimitBytes: true,
  user: true,
  group: true,
  groups: true,
  umask: true,
  nice: true,
  ionice: true,
  oomScoreAdj: true,
  rlimits: true,
  noNewPrivs: true,
  dropCapabilities: true,
  descriptors: true,
};

/** A process that is held until it ends. */
export class HeldProcess {
  /** Resolves when nothing of the tree is left; never rejects. */
  readonly exited: Promise<ExitReport>;
  readonly limits: LifeLimits;
  readonly #options: StartOptions;
  readonly #signal: AbortSignal | undefined;
  #onExit!: (report: ExitReport) => void;
  #client: SidecarClient | undefined;
  /** Credit given before the news of the start was handed on. */
  readonly #earlyCredit = { stdout: 0, stderr: 0 };
  #hasExited = false;
  #wantsStop = false;
  readonly #abort = () => void this.stop();

  /**
   * Prepares a process and starts its clocks; {@link begin} starts it.
   *
   * @throws {RangeError} if a limit is wrong, or an option unknown. @throws the signal's reason if it has aborted.
   */
  constructor({ signal, timeoutMs, idleTimeoutMs, outputLimitBytes, ...start }: HoldOptions) {
    signal?.throwIfAborted();
    refuseUnknown(start);
    this.#options = timeoutMs === undefined ? start : { ...start, timeoutMs };
    this.#signal = signal;
    this.exited = new Promise((resolve) => {
      this.#onExit = resolve;
    });
    this.limits = new LifeLimits({ timeoutMs, idleTimeoutMs, outputLimitBytes }, () => void this.stop());
  }

  /**
   * Starts the process, in a sidecar of `host` (by default of this thread's fork server), and resolves once it runs. The sink may be called before
   * that.
   *
   * @throws what `startSidecar` throws; the signal's reason if it aborted before the program ran, once nothing of it is left.
   */
  async begin(sink: Omit<SidecarSink, "exited">, host?: SidecarHost): Promise<void> {
    try {
      const own: SidecarSink = {
        output: (stream, bytes) => this.#output(sink, stream, bytes),
        closed: (stream) => sink.closed(stream),
        exited: (report) => this.#exited(report),
      };
      this.#client = await startSidecar(this.#options, own, host);
    } catch (error) {
      this.limits.over();
      throw error;
    }
    // What happened between the program's start and the news of it is made up for.
    for (const stream of ["stdout", "stderr"] as const)
      if (this.#earlyCredit[stream] > 0) this.#client.credit(stream, this.#earlyCredit[stream]);
    if (this.#wantsStop) void this.stop();
    if (!this.#signal) return;
    if (this.#signal.aborted) {
      await this.stop();
      this.#signal.throwIfAborted();
    }
    this.#signal.addEventListener("abort", this.#abort, { once: true });
    if (this.#hasExited) this.#signal.removeEventListener("abort", this.#abort);
  }

  /** The client; there is one from the start on. */
  get client(): SidecarClient {
    return this.#client as SidecarClient;
  }

  /** Gives back bytes that were consumed. */
  credit(stream: OutputStream, bytes: number): void {
    if (this.#client) this.#client.credit(stream, bytes);
    else this.#earlyCredit[stream] += bytes;
  }

  /** Stops the whole tree and resolves with the report when none of it is left. */
  async stop(plan?: StopPlan): Promise<ExitReport> {
    this.#wantsStop = true;
    await this.#client?.stop(plan);
    return this.exited;
  }

  #output(sink: Omit<SidecarSink, "exited">, stream: OutputStream, bytes: Buffer): void {
    const within = this.limits.heard(bytes.length);
    if (within > 0) sink.output(stream, within === bytes.length ? bytes : bytes.subarray(0, within));
    if (within < bytes.length) this.credit(stream, bytes.length - within);
  }

  #exited(report: ExitReport): void {
    this.#hasExited = true;
    this.limits.over();
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#onExit(this.limits.judged(report));
  }
}

function refuseUnknown(options: object): void {
  for (const name in options) {
    if (name in KNOWN || options[name as keyof typeof options] === undefined) continue;
    throw new RangeError(`there is no option \`${name}\``);
  }
}
