/**
 * Who else answers calls across threads: a bare port, comlink, and two pools of workers with one thread each.
 */
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { transfer, wrap } from "comlink";
import { Piscina } from "piscina";
import Tinypool from "tinypool";
import type { DelaysSeen } from "./message-delays.js";
import { endpointOf } from "./message-echo.js";
import type { Peer } from "./message-talk.js";

const far = new URL("./message-echo.js", import.meta.url);

/** A bare port: one `postMessage` a message, answers matched by their order. */
export class BarePort implements Peer {
  readonly #worker = new Worker(far, { workerData: "MessageChannel" });
  readonly #waiting: ((answer: unknown) => void)[] = [];

  constructor() {
    this.#worker.on("message", (answer: unknown) => this.#waiting.shift()?.(answer));
  }

  readonly call = (value: unknown): Promise<unknown> => this.#ask(value);

  readonly pass = (bytes: Uint8Array): Promise<Uint8Array> =>
    this.#ask({ pass: bytes }, [bytes.buffer as ArrayBuffer]) as Promise<Uint8Array>;

  readonly cast = (): void => this.#worker.postMessage("hear");

  readonly heard = (): Promise<number> => this.#ask("heard") as Promise<number>;

  watchDelays(): void {
    this.#worker.postMessage("watchDelays");
  }

  delays(): Promise<DelaysSeen> {
    return this.#ask("delays") as Promise<DelaysSeen>;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(message: unknown, moving?: readonly ArrayBuffer[]): Promise<unknown> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#worker.postMessage(message, moving);
    });
  }
}

/** comlink over the same kind of port. */
export function comlink(): Peer {
  const worker = new Worker(far, { workerData: "comlink" });
  const remote = wrap<{ echo(value: unknown): unknown; pass(bytes: Uint8Array): Uint8Array }>(endpointOf(worker));
  return {
    call: (value) => remote.echo(value) as Promise<unknown>,
    pass: (bytes) => remote.pass(transfer(bytes, [bytes.buffer])),
    end: () => worker.terminate(),
  };
}

/** A piscina of one thread, which takes as many tasks at once as are in flight. */
export function piscina(inFlight: number): Peer {
  const pool = new Piscina({
    filename: fileURLToPath(far),
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: inFlight,
  });
  return { call: (value) => pool.run(value), end: () => pool.destroy() };
}

/** A tinypool of one thread, likewise. */
export function tinypool(inFlight: number): Peer {
  const pool = new Tinypool({
    filename: far.href,
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: inFlight,
  });
  return { call: (value) => pool.run(value), end: () => pool.destroy() };
}
