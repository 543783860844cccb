/**
 * A scheduler that lets chance, from a seed, decide which of the ready actors goes next and how long its turn is: the orders that a busy
 * system might bring, each of them repeatable. Each actor still handles its messages in order of arrival, so what one actor sends another arrives
 * in the order it was sent.
 */
import type { Clock } from "../actors/clock.js";
import type { ActorQueue, Runnable } from "../actors/scheduler.js";
import { WatchedScheduler } from "./watched-scheduler.js";

const longestTurn = 3;

/** Numbers that look like chance and are the same for the same seed (mulberry32). */
export class SeededRandom {
  #state: number;

  /** Takes a whole number; only its lowest 32 bits count. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** Gives a whole number from 0 to below `bound`. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }
}

/** Makes a scheduler that explores interleavings; one for each runtime. The same seed and the same program give the same run. */
export function seededScheduler(seed: number): SeededScheduler {
  return new SeededScheduler(seed);
}

/** Lets chance decide who goes next; made by {@link seededScheduler}. */
export class SeededScheduler extends WatchedScheduler {
  readonly seed: number;
  readonly #random: SeededRandom;

  constructor(seed: number) {
    super();
    this.seed = seed;
    this.#random = new SeededRandom(seed);
  }

  queueFor(_clock: Clock, onIdle: () => void): ActorQueue {
    return new SeededQueue(this, this.#random, onIdle);
  }
}

/** The ready actors; one turn of one to three messages at a time, of whomever chance names. */
class SeededQueue implements ActorQueue {
  readonly #scheduler: WatchedScheduler;
  readonly #random: SeededRandom;
  readonly #onIdle: () => void;
  readonly #ready: Runnable[] = [];
  #armed = false;

  constructor(scheduler: WatchedScheduler, random: SeededRandom, onIdle: () => void) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#onIdle = onIdle;
  }

  push(runnable: Runnable): void {
    this.#ready.push(runnable);
    if (!this.#armed) this.#arm();
  }

  later(task: () => void): void {
    this.#scheduler.later(task);
  }

  readonly #turn = (): void => {
    const [next] = this.#ready.splice(this.#random.below(this.#ready.length), 1);
    next?.turn(1 + this.#random.below(longestTurn));
    if (this.#ready.length > 0) return this.#arm();
    this.#armed = false;
    this.#onIdle();
  };

  /** Async methods go on in microtasks of their own: the next turn comes before some of them, or behind all. */
  #arm(): void {
    this.#armed = true;
    if (this.#random.below(4) === 0) this.#scheduler.later(this.#turn);
    else this.#afterHops(this.#random.below(6));
  }

  #afterHops(hops: number): void {
    this.#scheduler.soon(hops === 0 ? this.#turn : () => this.#afterHops(hops - 1));
  }
}
