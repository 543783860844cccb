/**
 * One channel between two threads, in one order each way: what is plain lies in a ring in shared memory, anything else goes over a port, as one batch for
 * what is posted in one turn of the event loop. Who sleeps is woken natively, or over the port where that cannot be. Knows nothing of what the messages say.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type TransferListItem } from "node:worker_threads";
import type { Linger, Lingered } from "./linger.js";
import { beWoken, letSleep, type Waker, wake } from "./native-wake.js";
import { RingReader, RingWriter, ringMemory } from "./ring.js";
import { NO_ROOM } from "./slots.js";
import { readSpill, Spill } from "./spill.js";
import type { ThreadMessage } from "./thread-message.js";

/** What one of two threads needs to speak to the other. The port must be transferred. */
export interface ChannelEnd {
  readonly port: MessagePort;
  /** The rings that this end writes and reads. */
  readonly writes: SharedArrayBuffer;
  readonly reads: SharedArrayBuffer;
}

/** Makes the two ends of a channel. */
export function makeChannel(): readonly [ChannelEnd, ChannelEnd] {
  const { port1, port2 } = new MessageChannel();
  const [one, other] = [ringMemory(), ringMemory()];
  return [
    { port: port1, writes: one, reads: other },
    { port: port2, writes: other, reads: one },
  ];
}

/** A batch of so many fields, some hundred messages, does not wait for the end of the turn. */
const BATCH_FIELDS = 2_048;
/** Nor do so many slots of the ring. */
const UNPUBLISHED_SLOTS = 512;
/** What is posted only to wake the other thread. */
const WAKE = 0;

/** What goes over the port: messages that have to be cloned, or those that found no room in the ring. */
type Batch = readonly unknown[] | SharedArrayBuffer;

/** This thread's end of a channel to another. */
export class ThreadPort implements Lingered {
  readonly #port: MessagePort;
  readonly #out: RingWriter;
  readonly #in: RingReader;
  readonly #linger: Linger;
  readonly #receive: (message: unknown[]) => void;
  /** By what the other thread wakes this end; undefined where that takes a message over the port. */
  readonly #waker: Waker | undefined;
  /** The same of the other end, once it has said so. */
  #otherWaker: Waker | undefined;
  /** The fields of all messages one behind the other, each message behind their number: a list for each would cost the clone several times as much. */
  #batch: unknown[] = [];
  readonly #spill = new Spill();
  /** How many batches have been taken in. */
  #taken = 0;
  #isTurnEnding = false;
  #isOpen = true;

  constructor({ port, writes, reads }: ChannelEnd, linger: Linger, receive: (message: ThreadMessage) => void) {
    this.#port = port;
    this.#out = new RingWriter(writes);
    this.#in = new RingReader(reads);
    this.#linger = linger;
    this.#receive = receive as unknown as (message: unknown[]) => void;
    port.on("message", this.#onMessage);
    this.#waker = beWoken(() => this.#onMessage(WAKE));
    if (this.#waker) this.#in.wakeBy(this.#waker);
  }

  /**
   * Posts `message` at the end of this turn, behind all that was posted before; if somebody waits for it and the other thread sleeps, now: to be woken takes
   * that thread longer than what else is done here. It must be cloneable, and nobody may change it.
   */
  post(message: ThreadMessage, isAwaited = false): void {
    const batch = this.#batch;
    if (batch.length > 0 || !this.#writes(message)) {
      batch.push(message.length);
      for (let i = 0; i < message.length; i++) batch.push(message[i]);
      if (batch.length >= BATCH_FIELDS) return this.flush();
    } else if (isAwaited && this.#out.isReaderAsleep) return this.flush();
    if (this.#isTurnEnding) return;
    this.#isTurnEnding = true;
    process.nextTick(this.#onTurnEnd);
  }

  /**
   * Posts `message` now, so that it is cloned as it is. Nothing has left, and nothing else is harmed, if that throws.
   *
   * @throws {DataCloneError} if it cannot be cloned, or something of `transfer` not be transferred.
   */
  postNow(message: ThreadMessage, transfer?: readonly TransferListItem[]): void {
    this.flush();
    if (!this.#isOpen) return;
    this.#postBatch([message.length, ...message], transfer);
    this.#linger.traffic(this);
  }

  /** Lets the other thread have what waits for the end of the turn. */
  flush(): void {
    const batch = this.#batch;
    const isSpilt = !this.#spill.isEmpty;
    if (!this.#isOpen || (this.#out.unpublished === 0 && batch.length === 0 && !isSpilt)) return;
    if (this.#out.unpublished > 0) this.#out.publish();
    // A batch wakes the reader as well.
    if (isSpilt) this.#postBatch(this.#spill.take());
    else if (batch.length > 0) {
      this.#batch = [];
      this.#postBatch(batch);
    } else if (this.#out.takeSleep()) this.#wakeOther();
    this.#linger.traffic(this);
  }

  poll(): boolean {
    return (this.#in.hasMore || this.#in.isBehind(this.#taken)) && this.#takeSome();
  }

  stayAwake(): void {
    this.#in.stayAwake();
  }

  sleep(): void {
    if (this.#in.sleep()) setImmediate(this.#goOn);
  }

  /** Takes in everything that has arrived. */
  drain(): void {
    while (this.#takeSome());
    this.sleep();
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
    if (this.#waker) letSleep(this.#waker);
    this.#port.close();
  }

  /** Writes a message into the ring, or behind what the ring has no room for; false, and all before it has left, if it must be cloned. */
  #writes(message: ThreadMessage): boolean {
    if (this.#spill.isEmpty) {
      const written = this.#out.write(message);
      if (written > 0) {
        if (this.#out.unpublished >= UNPUBLISHED_SLOTS) this.flush();
        return true;
      }
      return written === NO_ROOM && this.#spill.write(message) > 0;
    }
    const written = this.#spill.write(message);
    if (written > 0) return true;
    this.flush();
    return written === NO_ROOM && this.#writes(message);
  }

  #wakeOther(): void {
    this.#otherWaker ??= this.#out.waker;
    if (this.#otherWaker) wake(this.#otherWaker);
    else this.#port.postMessage(WAKE);
  }

  #postBatch(batch: Batch | undefined, transfer?: readonly TransferListItem[]): void {
    this.#port.postMessage(batch, transfer);
    this.#out.hasPosted();
  }

  /**
   * Takes in what is in the ring before the next batch, or else that batch; tells whether there was anything. No more at once: the actors are to handle
   * it before there is too much of it. What was posted to wake this thread may be gone then: it must {@link sleep}.
   */
  #takeSome(): boolean {
    const isBehind = this.#in.isBehind(this.#taken);
    if (this.#takeRing()) return true;
    const batch = isBehind ? this.#nextBatch() : undefined;
    if (batch !== undefined) this.#take(batch);
    return batch !== undefined;
  }

  #takeRing(): boolean {
    if (!this.#in.look()) return false;
    let message = this.#in.next(this.#taken);
    if (message === undefined) return false;
    for (; message !== undefined; message = this.#in.next(this.#taken)) this.#receive(message);
    this.#in.release();
    return true;
  }

  #take(batch: Batch): void {
    this.#taken = (this.#taken + 1) | 0;
    if (batch instanceof SharedArrayBuffer) return readSpill(batch, this.#receive);
    for (let at = 0; at < batch.length; ) {
      const begin = at + 1;
      at = begin + (batch[at] as number);
      this.#receive(batch.slice(begin, at));
    }
  }

  #nextBatch(): Batch | undefined {
    for (;;) {
      const next = receiveMessageOnPort(this.#port);
      if (next === undefined || next.message !== WAKE) return next?.message as Batch | undefined;
    }
  }

  readonly #onMessage = (data: Batch | typeof WAKE): void => {
    try {
      this.#takeRing();
      if (data !== WAKE) this.#take(data);
    } finally {
      if (!this.#linger.traffic(this)) this.sleep();
    }
  };

  readonly #goOn = (): void => {
    if (this.#takeSome()) this.sleep();
  };

  readonly #onTurnEnd = (): void => {
    this.#isTurnEnding = false;
    this.flush();
  };
}
