/**
 * A clock that stands still until a test moves it. Knows timers only; whether anything else is still at work is `virtual-time.ts`'s business.
 */
import type { Clock, Timer } from "../actors/clock.js";

interface Pending {
  readonly atMs: number;
  readonly fire: () => void;
}

/** Time under the test's control, from 0 on. Timers fire in the order they are due, those due at one moment in the order they were set. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  /** In the order they will fire. */
  readonly #timers: Pending[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  /** Sets a timer; it never keeps the program running. */
  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), fire };
    this.#timers.splice(this.#after(timer.atMs), 0, timer);
    return { cancel: () => this.#cancel(timer), hold: () => {} };
  }

  /** How many timers are running. */
  get timers(): number {
    return this.#timers.length;
  }

  /** When the next timer is due; undefined while none runs. */
  get nextAtMs(): number | undefined {
    return this.#timers[0]?.atMs;
  }

  /**
   * Moves time on by `byMs` milliseconds; what falls due fires, each at its own moment, also timers that are set meanwhile. Nothing else runs
   * in between: for that there is `virtualTime()`.
   */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    while (this.fireNext(untilMs));
    this.#nowMs = untilMs;
  }

  /** Moves time on to the next timer and fires it, if it is due by `untilMs`. Tells whether there was one. */
  fireNext(untilMs: number): boolean {
    const next = this.#timers[0];
    if (!next || next.atMs > untilMs) return false;
    this.#timers.shift();
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.fire();
    return true;
  }

  /** The place behind everything that is due by `atMs`. */
  #after(atMs: number): number {
    let [low, high] = [0, this.#timers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#timers[middle] as Pending).atMs <= atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #cancel(timer: Pending): void {
    for (let at = this.#after(timer.atMs) - 1; at >= 0 && this.#timers[at]?.atMs === timer.atMs; at--) {
      if (this.#timers[at] !== timer) continue;
      this.#timers.splice(at, 1);
      return;
    }
  }
}
