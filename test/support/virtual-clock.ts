/**
 * A clock that stands still until a test moves it.
 */
import type { Clock, Timer } from "#src/actors/clock.js";

interface Pending {
  readonly atMs: number;
  readonly fire: () => void;
}

/** Time under the test's control; timers fire in order within `advance`. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<Pending>();

  nowMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, fire };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer), hold: () => {} };
  }

  /** How many timers are running. */
  get timers(): number {
    return this.#timers.size;
  }

  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const due = [...this.#timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#nowMs = due.atMs;
      due.fire();
    }
    this.#nowMs = untilMs;
  }
}
