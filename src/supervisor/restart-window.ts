/**
 * The restart window: how many restarts a supervisor may make within how long. Pure: time is given, nothing is read.
 */

/**
 * At most `max` restarts within `withinMs` milliseconds, or any number.
 *
 * With the resolution `"otp"` all times are cut to whole seconds before they are compared, as OTP does, so that a restart counts for up to
 * a second longer, and counts from when the supervisor makes it; default `"ms"`, which cuts nothing and counts from when the child had ended.
 */
export type Intensity =
  | { readonly max: number; readonly withinMs: number; readonly resolution?: "ms" | "otp" }
  | "unlimited";

/** Restarts that count now, and how many may; `max` and `withinMs` are null when any number may. */
export interface Budget {
  readonly used: number;
  readonly max: number | null;
  readonly withinMs: number | null;
}

/**
 * A sliding window over the last restarts.
 *
 * A restart counts from its own moment up to and including `withinMs` later. Times must not go back. The window remembers
 * only what still counts.
 */
export class RestartWindow {
  readonly #intensity: Intensity;
  #atMs: number[] = [];
  /** Where the restarts that still count begin. */
  #first = 0;
  #lastThread: number | undefined;

  constructor(intensity: Intensity) {
    this.#intensity = intensity;
  }

  /**
   * Counts the restart, made at `nowMs`, of a child that had ended at `endedMs`. Returns false if that is one too many.
   *
   * Of children that ended one after the other with the same `thread` only the first counts, unless all is to be as OTP has it.
   */
  add(endedMs: number, nowMs = endedMs, thread?: number): boolean {
    if (this.#intensity === "unlimited") return true;
    const atMs = this.#cut(this.#isOtp ? nowMs : endedMs);
    this.#forget(atMs - this.#intensity.withinMs);
    if (thread === undefined || thread !== this.#lastThread || this.#isOtp) this.#atMs.push(atMs);
    this.#lastThread = thread;
    return this.#atMs.length - this.#first <= this.#intensity.max;
  }

  /** The same restarts so far, under another intensity. */
  under(intensity: Intensity): RestartWindow {
    const window = new RestartWindow(intensity);
    window.#atMs = this.#atMs.slice(this.#first);
    return window;
  }

  /** What it has used at `nowMs`, of what; `max` and `withinMs` are null when any number is allowed. */
  budget(nowMs: number): Budget {
    const used = this.used(nowMs);
    if (this.#intensity === "unlimited") return { used, max: null, withinMs: null };
    const { max, withinMs } = this.#intensity;
    return { used, max, withinMs };
  }

  /** How many restarts count at `nowMs`; 0 when any number is allowed. */
  used(nowMs: number): number {
    if (this.#intensity === "unlimited") return 0;
    this.#forget(this.#cut(nowMs) - this.#intensity.withinMs);
    return this.#atMs.length - this.#first;
  }

  get #isOtp(): boolean {
    return this.#intensity !== "unlimited" && this.#intensity.resolution === "otp";
  }

  #cut(ms: number): number {
    return this.#isOtp ? Math.floor(ms / 1_000) * 1_000 : ms;
  }

  #forget(beforeMs: number): void {
    while (this.#first < this.#atMs.length && (this.#atMs[this.#first] ?? 0) < beforeMs) this.#first++;
    // Moving the rest forward only when half is dead keeps the cost of a restart constant.
    if (this.#first * 2 > this.#atMs.length) {
      this.#atMs = this.#atMs.slice(this.#first);
      this.#first = 0;
    }
  }
}
