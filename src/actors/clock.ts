/**
 * The time an actor runtime lives by. Injectable, so that a test can own it; knows no actors.
 */

/** A timer that has not fired yet. */
export interface Timer {
  /** Stops it; does nothing once it has fired. */
  cancel(): void;
  /** Says whether it keeps the program running until it fires; it does unless told otherwise. */
  hold(holds: boolean): void;
}

/** A monotonic clock with timers. */
export interface Clock {
  /** Milliseconds, with fractions, since some fixed moment; never goes back. */
  nowMs(): number;
  /** Calls `fire` once, `delayMs` milliseconds from now or somewhat later. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

// Node fires a timer at once when its delay does not fit 31 bits.
const longestDelayMs = 2 ** 31 - 1;

class SystemTimer implements Timer {
  #timeout: NodeJS.Timeout;
  #holds = true;

  constructor(delayMs: number, fire: () => void) {
    this.#timeout = this.#arm(delayMs, fire);
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  hold(holds: boolean): void {
    this.#holds = holds;
    if (holds) this.#timeout.ref();
    else this.#timeout.unref();
  }

  #arm(delayMs: number, fire: () => void): NodeJS.Timeout {
    if (delayMs <= longestDelayMs) return setTimeout(fire, delayMs);
    return setTimeout(() => {
      this.#timeout = this.#arm(delayMs - longestDelayMs, fire);
      this.hold(this.#holds);
    }, longestDelayMs);
  }
}

/** Real time. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  setTimer: (delayMs, fire) => new SystemTimer(delayMs, fire),
};
