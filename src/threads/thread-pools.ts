/**
 * Which shared thread a new actor gets: a free one, else a new one while the pool is not full, else the one with the fewest actors. Pools of different
 * limits are kept apart, and their threads are numbered together. Makes and ends no thread itself.
 */
import { availableParallelism } from "node:os";
import type { ThreadLimits, WorkerThread } from "./worker-thread.js";

/** A pool: how many threads at most, and what each may use. */
export interface PoolOptions extends ThreadLimits {
  /** Default: one fewer than there are cores, from 1 to 8. */
  readonly size?: number;
}

/** Enough to use the machine, few enough to leave the main thread its place. */
const DEFAULT_SIZE = Math.max(1, Math.min(8, availableParallelism() - 1));

interface Shared {
  readonly pool: string;
  /** What people count it by: `pool-1` is 1. */
  readonly number: number;
  readonly thread: WorkerThread;
}

/** The shared threads of this process. */
export class ThreadPools {
  readonly #shared = new Set<Shared>();

  /** Gives the thread for one more actor; `make` makes the thread of a number if one is missing. */
  choose(
    { size = DEFAULT_SIZE, ...limits }: PoolOptions,
    make: (number: number, limits: ThreadLimits) => WorkerThread,
  ) {
    const pool = JSON.stringify([size, limits.heapMb, limits.youngHeapMb, limits.stackMb]);
    const live = [...this.#shared].filter((one) => one.pool === pool && !one.thread.isLeaving);
    const [least] = live.sort((one, other) => one.thread.actors - other.thread.actors);
    if (least && (least.thread.actors === 0 || live.length >= size)) return least.thread;
    const number = this.#freeNumber();
    const thread = make(number, limits);
    this.#shared.add({ pool, number, thread });
    return thread;
  }

  /** Forgets a thread that has ended. */
  forget(thread: WorkerThread): void {
    for (const one of this.#shared) if (one.thread === thread) this.#shared.delete(one);
  }

  #freeNumber(): number {
    const taken = new Set([...this.#shared].filter(({ thread }) => !thread.isLeaving).map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number++;
    return number;
  }
}
