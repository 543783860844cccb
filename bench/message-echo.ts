/**
 * The far end of the benchmark `message`: an actor that answers and hears, and, run as a worker of its own, a bare port that does the same.
 */
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { Actor } from "copal";

/** Answers what it is sent, and counts what it is told. */
export class Echo extends Actor {
  #heard = 0;

  echo(value: unknown): unknown {
    return value;
  }

  hear(_value: unknown): void {
    this.#heard++;
  }

  heard(): number {
    return this.#heard;
  }
}

if (!isMainThread && workerData === "bare") {
  let heard = 0;
  parentPort?.on("message", (message: unknown) => {
    if (message === "hear") heard++;
    else parentPort?.postMessage(message === "heard" ? heard : message);
  });
}
