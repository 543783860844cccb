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
 * The pending calls with one time limit, oldest first.
 *
 * While there are any, a tick comes every 32nd part of the limit. It gives the calls made since the last one their date, reckoned
 * from itself, and expires those whose date has come.
 */
export class DeadlineList {
  readonly timeoutMs: number;
  readonly #clock: Clock;
  readonly #onExpired: (call: Call, timeoutMs: number) => void;
  readonly #tickMs: number;
  #first: Call | undefined;
  #last: Call | undefined;
  /** The first call that no tick has seen yet. */
  #undated: Call | undefined;
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
    call.earlier = this.#last;
    if (this.#last === undefined) this.#first = call;
    else this.#last.later = call;
    this.#last = call;
    this.#undated ??= call;
    if (this.#timer === undefined) this.#arm(this.#tickMs);
  }

  remove(call: Call): void {
    if (call === this.#undated) this.#undated = call.later;
    if (call.earlier === undefined) this.#first = call.later;
    else call.earlier.later = call.later;
    if (call.later === undefined) this.#last = call.earlier;
    else call.later.earlier = call.earlier;
    call.earlier = undefined;
    call.later = undefined;
    call.deadlines = undefined;
    if (this.#holds && this.#first === undefined) this.#hold(false);
  }

  holdPending(): void {
    if (!this.#holds && this.#first !== undefined) this.#hold(true);
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
    for (let call = this.#undated; call !== undefined; call = call.later) call.dueMs = nowMs + this.timeoutMs;
    this.#undated = undefined;
    for (let call = this.#first; call !== undefined && call.dueMs <= nowMs; call = this.#first) {
      this.#onExpired(call, this.timeoutMs);
    }
    // A timer may fire a little early; the next one is never put off to nothing.
    if (this.#first !== undefined) this.#arm(Math.min(this.#tickMs, Math.max(1, Math.ceil(this.#first.dueMs - nowMs))));
  };
}
