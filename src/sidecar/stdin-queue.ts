/**
 * The bytes on their way to a process's standard input: cut into `write` commands, held back by the window, answered when they are in the
 * pipe; or, where they are many, written to the pipe from here. Acts only through what it is given; knows no connection.
 */
import { Fifo } from "./fifo.js";
import type { LentPipe } from "./lent-pipe.js";

/** Largest data of one `write` command, so that a kill never waits behind a long frame. */
const MAX_WRITE_BYTES = 64 * 1024;

/** While so many commands are under way small writes wait until they fill one, or an answer comes: a command costs more than the bytes of a small write. */
const MANY_COMMANDS = 16;

/** Writes up to this size are joined, which copies them. */
const JOINED_BYTES = 4096;

/**
 * A process is written to without the sidecar once it got so many bytes in large writes, or so many writes each of which came when the one before was in
 * the pipe, as in a conversation. Opening a pipe costs a round trip.
 */
const BORROW_AFTER_BYTES = 1024 * 1024;
const BULK_WRITE_BYTES = 16 * 1024;
const BORROW_AFTER_TURNS = 64;

/** A write that is in the pipe already. */
const DONE = Promise.resolve();

interface Pending {
  /** Bytes of this write that were not sent yet. */
  rest: Uint8Array;
  resolve(): void;
  reject(error: Error): void;
}

/** A command that was not answered yet. */
interface Sent {
  readonly id: number;
  readonly bytes: number;
  /** The writes whose last byte it carries. */
  readonly completes: readonly Pending[];
}

/** How bytes get to the process. */
export interface StdinWay {
  /** Sends one `write` command and gives its id. */
  send(data: Uint8Array): number;
  /** Asks for the pipe itself while every command is answered; undefined where it cannot be had. Never rejects. */
  borrow(): Promise<LentPipe | undefined>;
  /** Bytes in large writes after which it is asked for; 0: with the first such write. */
  readonly borrowAfterBytes?: number;
  /** Makes the error of a write that nobody will read. */
  broken(cause?: Error): Error;
}

/** Keeps the order of writes, the window, and who waits for what. */
export class StdinQueue {
  readonly #windowBytes: number;
  readonly #way: StdinWay;
  /** Commands sent and not answered, oldest first. */
  readonly #sent: Sent[] = [];
  /** Writes not wholly sent, and writes given to the pipe that are not wholly in it; oldest first. */
  readonly #unsent = new Fifo<Pending>();
  readonly #inPipe = new Fifo<Pending>();
  #inFlightBytes = 0;
  #queuedBytes = 0;
  /** Bytes that came in large writes so far. */
  #bulkBytes = 0;
  /** Writes so far that found nothing on its way. */
  #turns = 0;
  /** Whether the pipe was not asked for yet; it is asked for once. */
  #mayBorrow = true;
  #isBorrowing = false;
  #pipe: LentPipe | undefined;
  #failure: (() => Error) | undefined;
  readonly #onDrain: (() => void)[] = [];

  constructor(windowBytes: number, way: StdinWay) {
    this.#windowBytes = windowBytes;
    this.#way = way;
  }

  /** Bytes accepted and not yet in the pipe. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Accepts bytes; resolves when all of them are in the pipe, rejects when they never will be. */
  write(data: Uint8Array): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure());
    const written = this.#pipe?.writeNow(data) ?? 0;
    if (written > 0 && written === data.length) return DONE;
    if (this.#queuedBytes === 0) this.#turns++;
    return new Promise((resolve, reject) => {
      this.#unsent.push({ rest: written > 0 ? data.subarray(written) : data, resolve, reject });
      this.#queuedBytes += data.length - written;
      if (data.length >= BULK_WRITE_BYTES) this.#bulkBytes += data.length;
      this.#goOn();
    });
  }

  /**
   * Resolves when a `closeStdin` may follow everything accepted so far: when it was sent (not when it arrived), and where it was written from here,
   * when it is in the pipe and this end of the pipe is closed.
   */
  async readyToClose(): Promise<void> {
    while (this.#unsent.length + this.#inPipe.length > 0)
      await new Promise<void>((resolve) => this.#onDrain.push(resolve));
    this.#mayBorrow = false;
    this.#closePipe();
  }

  /** Everything up to and including command `id` is in the pipe. */
  acknowledge(id: number): void {
    while (this.#sent.length > 0 && (this.#sent[0] as { id: number }).id <= id) {
      const { bytes, completes } = this.#sent.shift() as Sent;
      this.#inFlightBytes -= bytes;
      this.#queuedBytes -= bytes;
      for (const write of completes) write.resolve();
    }
    this.#goOn();
  }

  /** The sidecar has closed its end of the pipe: nobody reads any more, or a stop had it closed. Then ours goes as well, or the process would see no end. */
  closedBySidecar(): void {
    this.#mayBorrow = false;
    if (this.#pipe) this.fail(() => this.#way.broken());
  }

  /** Rejects everything that waits, and everything to come, with what `failure` makes. */
  fail(failure: () => Error): void {
    this.#failure ??= failure;
    this.#queuedBytes = 0;
    this.#inFlightBytes = 0;
    this.#closePipe();
    const sent = this.#sent.splice(0).flatMap(({ completes }) => completes);
    for (const write of [...sent, ...this.#inPipe.takeAll(), ...this.#unsent.takeAll()]) write.reject(failure());
    this.#drained();
  }

  #goOn(): void {
    if (this.#pipe) return this.#writeAll(this.#pipe);
    while (this.#unsent.length > 0) {
      if (this.#isBorrowing) return;
      const { borrowAfterBytes = BORROW_AFTER_BYTES } = this.#way;
      if (this.#mayBorrow && (this.#bulkBytes > borrowAfterBytes || this.#turns > BORROW_AFTER_TURNS)) {
        // Two writers have no order: the pipe is asked for when all that was sent is in it.
        if (this.#sent.length === 0) void this.#borrow();
        return;
      }
      if (this.#sent.length >= MANY_COMMANDS && this.#queuedBytes - this.#inFlightBytes < MAX_WRITE_BYTES) return;
      if (!this.#sendNext(Math.min(this.#windowBytes - this.#inFlightBytes, MAX_WRITE_BYTES))) return;
    }
    this.#drained();
  }

  /** Sends one command with no more bytes than there is room for: part of a write, or as many small writes as fit. Answers whether it did. */
  #sendNext(roomBytes: number): boolean {
    const parts: Uint8Array[] = [];
    const completes: Pending[] = [];
    let bytes = 0;
    for (let write = this.#unsent.first; write !== undefined; write = this.#unsent.first) {
      const { length } = write.rest;
      if (parts.length > 0 ? length > Math.min(JOINED_BYTES, roomBytes - bytes) : length > 0 && roomBytes <= 0) break;
      const part = write.rest.subarray(0, roomBytes);
      write.rest = write.rest.subarray(part.length);
      parts.push(part);
      bytes += part.length;
      if (write.rest.length > 0) break;
      this.#unsent.shift();
      completes.push(write);
      if (length > JOINED_BYTES) break;
    }
    const [only] = parts;
    if (only === undefined) return false;
    const id = this.#way.send(parts.length === 1 ? only : Buffer.concat(parts, bytes));
    this.#sent.push({ id, bytes, completes });
    this.#inFlightBytes += bytes;
    return true;
  }

  async #borrow(): Promise<void> {
    this.#isBorrowing = true;
    const pipe = await this.#way.borrow();
    this.#isBorrowing = false;
    // What closed or ended meanwhile has cleared this, or says so by its failure.
    if (this.#failure || !this.#mayBorrow) pipe?.close();
    else this.#pipe = pipe;
    this.#mayBorrow = false;
    this.#pipe?.onBroken((cause) => this.fail(() => this.#way.broken(cause)));
    this.#goOn();
  }

  #writeAll(pipe: LentPipe): void {
    for (const write of this.#unsent.takeAll()) {
      this.#inPipe.push(write);
      pipe.write(write.rest, () => this.#written(write));
    }
  }

  #written(write: Pending): void {
    // One that has failed is in nobody's list any more.
    if (this.#inPipe.first !== write) return;
    this.#inPipe.shift();
    this.#queuedBytes -= write.rest.length;
    write.resolve();
    if (this.#inPipe.length === 0) this.#drained();
  }

  #drained(): void {
    for (const resolve of this.#onDrain.splice(0)) resolve();
  }

  #closePipe(): void {
    this.#pipe?.close();
    this.#pipe = undefined;
  }
}
