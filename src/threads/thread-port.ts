/**
 * One port between two threads: what is posted in one turn of the event loop goes as one batch, in order. Knows nothing of what the messages say.
 */
import { type MessagePort, receiveMessageOnPort, type TransferListItem } from "node:worker_threads";
import type { Linger, Lingered } from "./linger.js";
import type { ThreadMessage } from "./thread-message.js";

/** A batch that is this long does not wait for the end of the turn. */
const BATCH_MESSAGES = 512;

/** The near end of a port to another thread. */
export class ThreadPort implements Lingered {
  readonly #port: MessagePort;
  readonly #linger: Linger;
  readonly #receive: (message: ThreadMessage) => void;
  #batch: ThreadMessage[] = [];
  #isOpen = true;

  constructor(port: MessagePort, linger: Linger, receive: (message: ThreadMessage) => void) {
    this.#port = port;
    this.#linger = linger;
    this.#receive = receive;
    port.on("message", (batch: readonly ThreadMessage[]) => {
      this.#take(batch);
      linger.traffic(this);
    });
  }

  /** Posts `message` at the end of this turn, behind all that was posted before. It must be cloneable, and nobody may change it. */
  post(message: ThreadMessage): void {
    if (this.#batch.push(message) === 1) process.nextTick(this.#onTurnEnd);
    else if (this.#batch.length >= BATCH_MESSAGES) this.flush();
  }

  /**
   * Posts `message` now, so that it is cloned as it is. Nothing has left, and nothing else is harmed, if that throws.
   *
   * @throws {DataCloneError} if it cannot be cloned, or something of `transfer` not be transferred.
   */
  postNow(message: ThreadMessage, transfer?: readonly TransferListItem[]): void {
    this.flush();
    if (!this.#isOpen) return;
    this.#port.postMessage([message], transfer);
    this.#linger.traffic(this);
  }

  /** Posts what waits for the end of the turn. */
  flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    if (!this.#isOpen) return;
    this.#port.postMessage(batch);
    this.#linger.traffic(this);
  }

  poll(): boolean {
    const next = this.#isOpen ? receiveMessageOnPort(this.#port) : undefined;
    if (next === undefined) return false;
    this.#take(next.message as readonly ThreadMessage[]);
    return true;
  }

  /** Takes in everything that has arrived. */
  drain(): void {
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port))
      this.#take(next.message as readonly ThreadMessage[]);
  }

  /** Says whether the open port keeps its thread running. */
  hold(holds: boolean): void {
    if (holds) this.#port.ref();
    else this.#port.unref();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.flush();
    this.#linger.forget(this);
    this.#isOpen = false;
    this.#port.close();
  }

  #take(batch: readonly ThreadMessage[]): void {
    for (const message of batch) this.#receive(message);
  }

  readonly #onTurnEnd = (): void => this.flush();
}
