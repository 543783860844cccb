/**
 * The limits a caller sets on a process: its whole life, the time without output, the bytes of output. Knows clocks and counts; does not know
 * sidecars, and only says that it is time to stop.
 */
import type { ExitReport, Limit } from "../sidecar/exit-report.js";

/** Limits on one process. What reaches one is stopped by its stop plan, and its report names the limit. */
export interface LimitOptions {
  /** Milliseconds it may run, 1 to 2,147,000,000. Default: as long as it likes. */
  timeoutMs?: number;
  /** Milliseconds it may go without writing to stdout or stderr. Default: as long as it likes. */
  idleTimeoutMs?: number;
  /** Bytes it may write to stdout and stderr together; what comes beyond them is dropped. May be `Infinity`. */
  outputLimitBytes?: number;
}

/** What a timer of Node counts, less the backstop's margin. */
const MAX_LIMIT_MS = 2_147_000_000;

/** resin keeps the whole life's limit as well, and better where this thread is busy; ours is this much later, for a resin that does not move. */
const BACKSTOP_MS = 500;

/** Watches the limits of one life. Its clocks keep nothing running: the process does. */
export class LifeLimits {
  readonly #idleTimeoutMs: number | undefined;
  readonly #reached: () => void;
  #life: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #heardAt = 0;
  #roomBytes: number;
  #limit: Limit | null = null;
  #cut = false;
  #isOver = false;

  /**
   * Starts the clocks. `reached` is called at most once.
   *
   * @throws {RangeError} if a limit is out of its range.
   */
  constructor(
    options: { readonly [Name in keyof LimitOptions]-?: LimitOptions[Name] | undefined },
    reached: () => void,
  ) {
    const { timeoutMs, idleTimeoutMs, outputLimitBytes = Number.POSITIVE_INFINITY } = options;
    checked("timeoutMs", timeoutMs, MAX_LIMIT_MS);
    checked("idleTimeoutMs", idleTimeoutMs, MAX_LIMIT_MS);
    if (outputLimitBytes !== Number.POSITIVE_INFINITY)
      checked("outputLimitBytes", outputLimitBytes, Number.MAX_SAFE_INTEGER);
    this.#roomBytes = outputLimitBytes;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#reached = reached;
    if (timeoutMs !== undefined) this.#life = setTimeout(() => this.#reach("timeout"), timeoutMs + BACKSTOP_MS).unref();
    this.listen();
  }

  /** The limit that was reached first; null while none was. */
  get limit(): Limit | null {
    return this.#limit;
  }

  /** Takes note of output and says how many of its bytes are within the limit. */
  heard(bytes: number): number {
    if (this.#idleTimeoutMs !== undefined) this.#heardAt = performance.now();
    if (bytes <= this.#roomBytes) {
      this.#roomBytes -= bytes;
      return bytes;
    }
    const room = this.#roomBytes;
    this.#roomBytes = 0;
    this.#cut = true;
    this.#reach("output");
    return room;
  }

  /** Lets the idle clock run, from zero. */
  listen(): void {
    if (this.#idleTimeoutMs === undefined || this.#isOver) return;
    this.#heardAt = performance.now();
    this.#idle ??= setTimeout(() => this.#silent(), this.#idleTimeoutMs).unref();
  }

  /** Stops the idle clock: whoever reads is busy, and silence would be its own doing. */
  pause(): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
  }

  /** Stops all clocks. */
  over(): void {
    this.#isOver = true;
    clearTimeout(this.#life);
    this.pause();
  }

  /** Adds to a report what these limits did. */
  judged(report: ExitReport): ExitReport {
    const limit = report.limit ?? (report.stoppedBy === "owner" ? this.#limit : null);
    if (limit === report.limit && !this.#cut) return report;
    return { ...report, limit, outputWhole: report.outputWhole && !this.#cut };
  }

  /** The timer is not set anew for every chunk: when it fires it looks how long the silence has been. */
  #silent(): void {
    const left = (this.#idleTimeoutMs as number) - (performance.now() - this.#heardAt);
    if (left <= 0) return this.#reach("idle");
    this.#idle = setTimeout(() => this.#silent(), Math.ceil(left)).unref();
  }

  #reach(limit: Limit): void {
    if (this.#limit !== null) return;
    this.#limit = limit;
    this.over();
    this.#reached();
  }
}

function checked(field: string, value: number | undefined, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= max)) return;
  throw new RangeError(`${field} must be a whole number from 1 to ${max}, got ${value}`);
}
