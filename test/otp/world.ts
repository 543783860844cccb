/**
 * What all processes of one scenario share: a runtime of their own in virtual time, the plan table of the scripted workers and the list of
 * events. Each scenario gets a new one. Knows no scenario.
 */
import { type VirtualTime, virtualTime } from "#src/testing/virtual-time.js";
import { listenToReports } from "./reports.js";
import type { Term } from "./term.js";

/** The surroundings of one scenario. */
export class World {
  readonly runtime: VirtualTime["runtime"];
  readonly clock: VirtualTime["clock"];
  /** Start outcomes still to come, by worker id; one is taken per start, the last one stays. */
  readonly plan = new Map<string, Term[]>();
  events: Term[] = [];
  readonly #time: VirtualTime;
  readonly #stopListening: () => void;
  #supervisors = 0;

  /** With a `seed` the processes take their turns in an order that this number names. */
  constructor(seed?: number) {
    this.#time = virtualTime(seed === undefined ? {} : { seed });
    this.runtime = this.#time.runtime;
    this.clock = this.#time.clock;
    this.#stopListening = listenToReports(this.runtime, (event) => this.log(event));
  }

  /** Adds an event, as a process of the original sends one to its collector. */
  log(event: Term): void {
    this.events.push(event);
  }

  /** The next start outcome of the worker `id`; `"ok"` unless planned. */
  nextOutcome(id: string): Term {
    const planned = this.plan.get(id);
    if (planned === undefined) return "ok";
    return planned.length > 1 ? planned.shift() : planned[0];
  }

  /**
   * Lets time pass until `work` settles, and settles like it. Time passes only when nobody has anything left to do, and then jumps to the next
   * timer: a scenario may sleep as long as its original, takes no time and always runs the same way.
   *
   * Rejects if that is not so after `limitMs`, or when no timer is left that could bring it about.
   */
  async passTimeUntil<T>(work: Promise<T>, limitMs: number): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    work.then(settled, settled);
    for (;;) {
      await this.#time.runUntilIdle();
      if (isSettled) return work;
      if (!this.clock.fireNext(limitMs))
        throw new Error(`still waiting after ${this.clock.nowMs()} ms of virtual time`);
    }
  }

  /** A path that no supervisor of this scenario has. */
  nextPath(): string {
    this.#supervisors++;
    return `s${this.#supervisors}`;
  }

  /** Stops collecting reports. */
  close(): void {
    this.#stopListening();
  }
}
