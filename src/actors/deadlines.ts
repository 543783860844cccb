/**
 * The time limits of pending calls, without a timer or a look at the clock per call. Calls with one limit expire in the order
 * they were made, so each limit has a list and one coarse timer, which runs only while the list has calls.
 */
import type { Clock, Timer } from "./clock.js";
import type { Call } from "./envelope.js";

const ticksPerLimit = 32;

/** The pending calls of one runtime. A call expires between `timeoutMs` and a 32nd part (at least 1 ms) after it, as far
 * as the event loop is free to look; never earlier. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #onExpired: (call: Call, timeoutMs: number) => void;
  #lists: DeadlineList[] = [];
  #latest: DeadlineList | undefined;

  constructor(clock: Clock, onExpired: (call: Call, timeoutMs: number) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  /** Counts `call` as pending until it settles or `timeoutMs` have passed. */
  add(call: Call, timeoutMs: number): void {
    if (timeoutMs === Number.POSITIVE_INFINITY) return;
    if (this.#latest?.timeoutMs !== timeoutMs) this.#latest = this.#listOf(timeoutMs);
    this.#latest.add(call);
  }

  /** Lets calls that are still pending now, when nothing is left to run, keep the program alive until they settle. */
  holdPending(): void {
    for (let i = 0; i < this.#lists.length; i++) this.#lists[i]?.holdPending();
  }

  #listOf(timeoutMs: number): DeadlineList {
    const known = this.#lists.find((list) => list.timeoutMs === timeoutMs);
    if (known) return known;
    const list = new DeadlineList(timeoutMs, this.#clock, this.#onExpired);
    this.#lists = [...this.#lists.filter(({ isIdle }) => !isIdle), list];
    return list;
  }
}

/**
 * The pending calls with one time limit, in a circle from the oldest to the newest and on to the oldest again: what refers to the newest finds both ends.
 *
 * While there are any, a tick comes every 32nd part of the limit. It gives the calls made since the last one their date, reckoned
 * from itself, and expires those whose date has come.
 */
export class DeadlineList {
  readonly timeoutMs: number;
  readonly #clock: Clock;
  readonly #onExpired: (call: Call, timeoutMs: number) => void;
  readonly #tickMs: number;
  #newest: Call | undefined;
  #timer: Timer | undefined;
  #holds = false;

  constructor(timeoutMs: number, clock: Clock, onExpired: (call: Call, timeoutMs: number) => void) {
    this.timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#onExpired = onExpired;
    this.#tickMs = Math.max(1, Math.floor(timeoutMs / ticksPerLimit));
  }

  /** True if it neither has calls nor a timer running. */
  get isIdle(): boolean {
    return this.#timer === undefined;
  }

  add(call: Call): void {
    call.deadlines = this;
    const newest = this.#newest;
    if (newest !== undefined) {
      call.earlier = newest;
      call.later = newest.later;
      newest.later.earlier = call;
      newest.later = call;
    }
    this.#newest = call;
    if (this.#timer === undefined) this.#arm(this.#tickMs);
  }

  remove(call: Call): void {
    const { earlier, later } = call;
    if (earlier === call) this.#newest = undefined;
    else {
      earlier.later = later;
      later.earlier = earlier;
      if (call === this.#newest) this.#newest = earlier;
      call.earlier = call;
      call.later = call;
    }
    call.deadlines = undefined;
    if (this.#holds && this.#newest === undefined) this.#hold(false);
  }

  holdPending(): void {
    if (!this.#holds && this.#newest !== undefined) this.#hold(true);
  }

  #hold(holds: boolean): void {
    this.#holds = holds;
    this.#timer?.hold(holds);
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.setTimer(delayMs, this.#onTick);
    this.#timer.hold(this.#holds);
  }

  readonly #onTick = (): void => {
    this.#timer = undefined;
    const nowMs = this.#clock.nowMs();
    for (let call = this.#newest; call !== undefined && call.dueMs === undefined; call = call.earlier)
      call.dueMs = nowMs + this.timeoutMs;
    for (let oldest = this.#newest?.later; oldest?.dueMs !== undefined; oldest = this.#newest?.later) {
      // A timer may fire a little early; the next one is never put off to nothing.
      if (oldest.dueMs > nowMs) return this.#arm(Math.min(this.#tickMs, Math.max(1, Math.ceil(oldest.dueMs - nowMs))));
      this.#onExpired(oldest, this.timeoutMs);
    }
  };
}
