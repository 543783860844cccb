/**
 * The system's way to put work off, watched: it tells whether anything is put off now and how much has run, which is how virtual time knows that
 * nothing is left to do. Knows no actors.
 */
import { type Scheduler, systemScheduler } from "../actors/scheduler.js";

/** Microtasks and `setImmediate`, counted. */
export class WatchedScheduler implements Scheduler {
  #pending = 0;
  #done = 0;

  /** Tasks that were put off and have not run yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Tasks that have run. */
  get done(): number {
    return this.#done;
  }

  soon(task: () => void): void {
    systemScheduler.soon(this.#counted(task));
  }

  later(task: () => void): void {
    systemScheduler.later(this.#counted(task));
  }

  #counted(task: () => void): () => void {
    this.#pending++;
    return () => {
      this.#pending--;
      this.#done++;
      task();
    };
  }
}
