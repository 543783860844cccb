/**
 * When actors run: the two ways to put work off, and the run queue that uses them. A drain runs as a microtask, so that a
 * message is handled as soon as the sender's code returns; after a budget of messages or milliseconds it goes on behind the
 * event loop's timers and I/O, so that no chain of messages starves them. Knows actors only as things that take turns.
 */
import type { Clock } from "./clock.js";

/** The two ways to run something not now. Injectable together with the clock. */
export interface Scheduler {
  /** Runs `task` when the current code has returned, before timers and I/O. */
  soon(task: () => void): void;
  /** Runs `task` after timers and I/O had their turn. */
  later(task: () => void): void;
  /** Makes the run queue, where it is to be another than {@link RunQueue}; `onIdle` is due each time the queue has run empty. */
  queueFor?(clock: Clock, onIdle: () => void): ActorQueue;
}

/** Where actors wait for their turn. */
export interface ActorQueue {
  /** Adds `runnable`, which must not be in the queue. */
  push(runnable: Runnable): void;
  /** Runs `task` after timers and I/O had their turn. */
  later(task: () => void): void;
}

const settled = Promise.resolve();

/** Microtasks and `setImmediate`. */
export const systemScheduler: Scheduler = {
  soon: (task) => {
    settled.then(task);
  },
  later: (task) => {
    setImmediate(task);
  },
};

/** Something that waits in the run queue and takes a turn when it comes up. */
export interface Runnable {
  /** The queue's own link; nobody else touches it. */
  nextRunnable: Runnable | undefined;
  /** Does at most `limit` units of work and returns how many it did. Must not throw. */
  turn(limit: number): number;
}

const turnMessages = 32;
// Answers continue their callers in microtasks of their own, which run only when a drain returns.
const drainMessages = 64;
const sliceMessages = 1_024;
const sliceMs = 5;
const lookAtClockEvery = 16;

/** The run queue: first come, first served, a turn of at most 32 messages each. */
export class RunQueue implements ActorQueue {
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #onIdle: () => void;
  #first: Runnable | undefined;
  #last: Runnable | undefined;
  #armed = false;
  #spent = 0;
  #nextLook = lookAtClockEvery;
  #sliceStartMs: number;

  /** `onIdle` is called each time the queue has run empty. */
  constructor(scheduler: Scheduler, clock: Clock, onIdle: () => void) {
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#onIdle = onIdle;
    this.#sliceStartMs = clock.nowMs();
  }

  /** Adds `runnable`, which must not be in the queue. */
  push(runnable: Runnable): void {
    if (this.#last === undefined) this.#first = runnable;
    else this.#last.nextRunnable = runnable;
    this.#last = runnable;
    if (this.#armed) return;
    this.#armed = true;
    this.#scheduler.soon(this.#drain);
  }

  /** Runs `task` after timers and I/O had their turn. */
  later(task: () => void): void {
    this.#scheduler.later(task);
  }

  readonly #drain = (): void => {
    const enough = this.#spent + drainMessages;
    for (let next = this.#first; next !== undefined; next = this.#first) {
      if (this.#isSliceOver()) {
        this.#scheduler.later(this.#newSlice);
        return;
      }
      if (this.#spent >= enough) {
        this.#scheduler.soon(this.#drain);
        return;
      }
      this.#first = next.nextRunnable;
      if (this.#first === undefined) this.#last = undefined;
      next.nextRunnable = undefined;
      this.#spent += next.turn(turnMessages);
    }
    this.#armed = false;
    this.#onIdle();
  };

  readonly #newSlice = (): void => {
    this.#spent = 0;
    this.#nextLook = lookAtClockEvery;
    this.#sliceStartMs = this.#clock.nowMs();
    this.#drain();
  };

  /** A slice spans drains: a chain of calls, each awaited, is many short drains without a look at the event loop. */
  #isSliceOver(): boolean {
    if (this.#spent < this.#nextLook) return false;
    if (this.#spent >= sliceMessages) return true;
    this.#nextLook = this.#spent + lookAtClockEvery;
    return this.#clock.nowMs() - this.#sliceStartMs > sliceMs;
  }
}
