/**
 * Time that a test owns: a runtime on a virtual clock, with ways to move it and to wait until its actors have nothing left to do. It sees actors, their
 * timers and fake processes; real sockets, files and `setTimeout` of user code are out of its sight.
 */
import { Runtime } from "../actors/runtime.js";
import type { FakeProcesses } from "./fake-processes.js";
import { seededScheduler } from "./seeded-scheduler.js";
import { VirtualClock } from "./virtual-clock.js";
import { WatchedScheduler } from "./watched-scheduler.js";

/** What else the runtime is made of. */
export interface VirtualTimeOptions {
  /** Explores an interleaving of the actors that this whole number names; without it they go first come, first served. */
  readonly seed?: number;
  /** Its process actors hold these instead of real processes, and the fakes' delays and graces are virtual too. */
  readonly processes?: FakeProcesses;
}

/** A message to a fake process and its answer take some turns of the event loop each, during which nothing is to be seen of them. */
const QUIET_TURNS = 4;
const MOST_TURNS = 200_000;

/**
 * Makes a runtime in virtual time: `start(tree, { runtime: time.runtime })`, then `await time.advance(5_000)`.
 *
 * What is awaited meanwhile, such as a call, goes on by itself; only timers wait for {@link VirtualTime.advance}. A call that waits for an answer which only
 * the passing of time brings is therefore not awaited before time is moved.
 */
export function virtualTime(options: VirtualTimeOptions = {}): VirtualTime {
  return new VirtualTime(options);
}

/** Virtual time and the runtime that lives in it; made by {@link virtualTime}. */
export class VirtualTime {
  readonly clock = new VirtualClock();
  readonly runtime: Runtime;
  readonly seed: number | undefined;
  readonly #scheduler: WatchedScheduler;
  readonly #processes: FakeProcesses | undefined;

  constructor({ seed, processes }: VirtualTimeOptions) {
    this.seed = seed;
    this.#scheduler = seed === undefined ? new WatchedScheduler() : seededScheduler(seed);
    this.#processes = processes;
    if (processes) processes.clock = this.clock;
    this.runtime = new Runtime({
      clock: this.clock,
      scheduler: this.#scheduler,
      ...(processes && { sidecars: processes }),
    });
  }

  /** Milliseconds that have passed since it was made. */
  get nowMs(): number {
    return this.clock.nowMs();
  }

  /**
   * Moves time on by `byMs` milliseconds. Before the first timer fires, and after each, everything runs until nothing is left to do, as it would if a machine
   * were fast enough.
   *
   * @throws {Error} as {@link runUntilIdle}.
   */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.nowMs + byMs;
    do await this.runUntilIdle();
    while (this.clock.fireNext(untilMs));
    this.clock.advance(untilMs - this.nowMs);
  }

  /**
   * Resolves when no actor has anything to do until time moves: mailboxes are empty, or wait for something async that is not of this runtime.
   *
   * @throws {Error} if that does not come to pass, because messages cause messages without end.
   */
  async runUntilIdle(): Promise<void> {
    let quiet = 0;
    let seen = this.#activity();
    for (let turns = 0; quiet < QUIET_TURNS; turns++) {
      if (turns === MOST_TURNS)
        throw new Error(`not idle after ${MOST_TURNS} turns: messages cause messages without end`);
      await new Promise((resolve) => setImmediate(resolve));
      const now = this.#activity();
      quiet = now === seen && this.#scheduler.pending === 0 ? quiet + 1 : 0;
      seen = now;
    }
  }

  #activity(): number {
    return this.#scheduler.done + (this.#processes?.activity ?? 0);
  }
}
