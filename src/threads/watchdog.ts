/**
 * The watchdog over one worker thread: looks from the main thread whether it goes on, and tells once when it has not for longer than it may. Knows signs of
 * life, and neither actors nor what becomes of the thread.
 */
import type { Occupation, Pulse } from "./pulse.js";

/** A thread as its watchdog sees it. */
export interface Watched {
  readonly pulse: Pulse;
  /** Whether it loads modules now. */
  isLoading(): boolean;
  /** How long its event loop has waited for something to do, in all; it grows while it waits. */
  idleMs(): number;
  /** Asks it for a sign; see {@link Watchdog.sign}. */
  ask(): void;
}

/** What a thread that is stuck is at, as far as that is known, and for how long. */
export type OnStuck = (occupation: Occupation | undefined, forMs: number) => void;

/** How many looks fit into a limit: it is found stuck so much of the limit too late at most. */
const LOOKS_PER_LIMIT = 8;
const SHORTEST_LOOK_MS = 5;
/** How many times as long a thread may be busy while it loads modules: a compiler is at work there, on a busy machine for long. */
const LOADING_FACTOR = 10;

/** Looks after one thread until it is called off. */
export class Watchdog {
  readonly #watched: Watched;
  readonly #onStuck: OnStuck;
  #timer: NodeJS.Timeout | undefined;
  #limitMs = 0;
  #lastLookMs = 0;
  #lastSignMs = 0;
  #beats = 0;
  #idleMs = 0;
  #hasAsked = false;
  #wasLoading = false;

  constructor(watched: Watched, onStuck: OnStuck) {
    this.#watched = watched;
    this.#onStuck = onStuck;
  }

  /** Looks from now on whether it goes on within `limitMs`. */
  guard(limitMs: number): void {
    this.callOff();
    this.#limitMs = limitMs;
    this.#lastLookMs = performance.now();
    this.sign();
    this.#timer = setInterval(() => this.#look(), Math.max(SHORTEST_LOOK_MS, limitMs / LOOKS_PER_LIMIT));
    this.#timer.unref();
  }

  callOff(): void {
    clearInterval(this.#timer);
  }

  /** It goes on. */
  sign(): void {
    this.#lastSignMs = this.#lastLookMs;
    this.#hasAsked = false;
  }

  #look(): void {
    const nowMs = performance.now();
    const sinceMs = nowMs - this.#lastLookMs;
    this.#lastLookMs = nowMs;
    // Of a time in which nobody looked nothing is known: this thread was busy itself, or the whole machine was.
    if (sinceMs > (2 * this.#limitMs) / LOOKS_PER_LIMIT + SHORTEST_LOOK_MS) this.#lastSignMs += sinceMs;
    if (this.#goesOn()) this.sign();
    else if (nowMs - this.#lastSignMs > (this.#wasLoading ? LOADING_FACTOR : 1) * this.#limitMs) {
      this.callOff();
      this.#onStuck(this.#watched.pulse.occupation, nowMs - this.#lastSignMs);
    } else if (!this.#hasAsked) {
      // It neither waits nor handles messages; timers and I/O of its own may well have their turns.
      this.#hasAsked = true;
      this.#watched.ask();
    }
  }

  #goesOn(): boolean {
    const { pulse } = this.#watched;
    const [beats, idleMs, isLoading] = [pulse.beats, this.#watched.idleMs(), this.#watched.isLoading()];
    const goesOn = beats !== this.#beats || idleMs !== this.#idleMs || isLoading !== this.#wasLoading;
    this.#beats = beats;
    this.#idleMs = idleMs;
    this.#wasLoading = isLoading;
    return goesOn;
  }
}
