/**
 * The far end of the benchmark `message`: an actor that answers and hears; and, run as a worker, what the peers speak to that does the same.
 */
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import type { Endpoint } from "comlink";
import nodeEndpoint, { type NodeEndpoint } from "comlink/dist/umd/node-adapter.js";
import { Actor, transfer } from "copal";
import { Delays, type DelaysSeen } from "./message-delays.js";

/** Answers what it is sent, and counts what it is told. */
export class Echo extends Actor {
  #heard = 0;
  readonly #delays = new Delays();

  echo(value: unknown): unknown {
    return value;
  }

  pass(bytes: Uint8Array): Uint8Array {
    return transfer(bytes, [bytes.buffer]);
  }

  hear(_value: unknown): void {
    this.#heard++;
  }

  heard(): number {
    return this.#heard;
  }

  /** Begins to look how long timers and I/O of this thread take. */
  watchDelays(): void {
    this.#delays.begin();
  }

  delays(): Promise<DelaysSeen> {
    return this.#delays.end();
  }
}

/** What a pool of workers runs. */
export default function echo(value: unknown): unknown {
  return value;
}

if (!isMainThread && workerData === "MessageChannel") answerOverPort();
if (!isMainThread && workerData === "comlink") await exposeEcho();

function answerOverPort(): void {
  let heard = 0;
  const delays = new Delays();
  const port = parentPort as NonNullable<typeof parentPort>;
  port.on("message", (message: unknown) => {
    if (message === "hear") heard++;
    else if (message === "heard") port.postMessage(heard);
    else if (message === "watchDelays") delays.begin();
    else if (message === "delays") void delays.end().then((seen) => port.postMessage(seen));
    else if (isPassed(message)) port.postMessage(message.pass, [message.pass.buffer as ArrayBuffer]);
    else port.postMessage(message);
  });
}

async function exposeEcho(): Promise<void> {
  const { expose, transfer: move } = await import("comlink");
  const pass = (bytes: Uint8Array) => move(bytes, [bytes.buffer]);
  expose({ echo, pass }, endpointOf(parentPort as never));
}

/** What comlink speaks over. Its adapter for Node is this, in a module whose types do not say so. */
export function endpointOf(port: NodeEndpoint): Endpoint {
  return (nodeEndpoint as unknown as (port: NodeEndpoint) => Endpoint)(port);
}

function isPassed(message: unknown): message is { pass: Uint8Array } {
  return typeof message === "object" && message !== null && "pass" in message;
}
