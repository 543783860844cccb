/**
 * The main thread's side of functions that a worker thread has asked for: it hands them to the pool, and ends those of a thread that is gone.
 */
import type { MessagePort } from "node:worker_threads";
import { type ComputeJob, type ComputeOrder, computeHost } from "../compute/compute-host.js";
import type { Line } from "./switchboard.js";

/** The functions of one worker thread. */
export class LentCompute {
  readonly #line: Line;
  readonly #jobs = new Map<number, ComputeJob>();
  #onEmpty: () => void = () => {};

  constructor(line: Line) {
    this.#line = line;
  }

  /** The thread asks for a function, under this number. */
  submit(number: number, order: ComputeOrder, port: MessagePort): void {
    let hasEnded = false;
    const job = computeHost().submit(order, port, (end) => {
      hasEnded = true;
      this.#line.post(["computed", number, end]);
      this.#jobs.delete(number);
      if (this.#jobs.size === 0) this.#onEmpty();
    });
    if (!hasEnded) this.#jobs.set(number, job);
  }

  /** The thread does not want it any more; it hears of the end as ever. */
  abort(number: number): void {
    this.#jobs.get(number)?.abort();
  }

  /** The thread is gone: resolves when nothing that it had asked for runs any more; at once if it had nothing. */
  ended(): Promise<void> | undefined {
    if (this.#jobs.size === 0) return undefined;
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      for (const job of [...this.#jobs.values()]) job.abort();
    });
  }
}
