/**
 * The compute pool as a worker thread is lent it: orders go to the main thread, with the port over which arguments and answers then pass it by. An order is
 * told of by a number.
 */
import type { MessagePort } from "node:worker_threads";
import type { ComputeEnd, ComputeHost, ComputeJob, ComputeOrder } from "../compute/compute-host.js";
import type { Line } from "./switchboard.js";

/** What this thread has asked for and not heard the end of. */
export class BorrowedCompute implements ComputeHost {
  readonly #main: Line;
  readonly #onEnds = new Map<number, (end: ComputeEnd) => void>();
  #lastNumber = 0;

  constructor(main: Line) {
    this.#main = main;
  }

  submit(order: ComputeOrder, port: MessagePort, onEnd: (end: ComputeEnd) => void): ComputeJob {
    const number = ++this.#lastNumber;
    this.#onEnds.set(number, onEnd);
    this.#main.postNow(["compute", number, order, port], [port]);
    return { abort: () => this.#main.post(["abortCompute", number]) };
  }

  /** The main thread tells what became of an order. */
  ended(number: number, end: ComputeEnd): void {
    const onEnd = this.#onEnds.get(number);
    this.#onEnds.delete(number);
    onEnd?.(end);
  }
}
