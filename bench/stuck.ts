/**
 * The far end of the benchmark `stop`: an actor that can be made to spin for ever, and, run as a worker of its own, a bare one that does nothing else.
 */
import { isMainThread, workerData } from "node:worker_threads";
import { Actor } from "copal";

/** Answers, until it spins. */
export class Stuck extends Actor {
  echo(value: unknown): unknown {
    return value;
  }

  spin(spins: Int32Array): void {
    spinForEver(spins);
  }
}

/** Says that it spins, and does. */
function spinForEver(spins: Int32Array): never {
  Atomics.store(spins, 0, 1);
  for (;;);
}

if (!isMainThread && workerData?.spins instanceof Int32Array) spinForEver(workerData.spins);
