/**
 * The bytes on their way to a process's standard input: cut into `write` commands, held back by the window, answered when they are in the
 * pipe. Pure but for the two functions it is given; knows no socket.
 */

/** Largest data of one `write` command, so that a kill never waits behind a long frame. */
const MAX_WRITE_BYTES = 64 * 1024;

interface Pending {
  /** Bytes of this write that were not sent yet. */
  rest: Uint8Array;
  /** Id of its last `write` command; meaningful once everything was sent. */
  lastId: number;
  resolve(): void;
  reject(error: Error): void;
}

/** Sends one `write` command and gives its id. */
type SendWrite = (data: Uint8Array) => number;

/** Keeps the order of writes, the window, and who waits for what. */
export class StdinQueue {
  readonly #windowBytes: number;
  readonly #send: SendWrite;
  /** Commands sent and not answered, oldest first. */
  readonly #sent: { id: number; bytes: number }[] = [];
  /** Writes not wholly sent, and writes sent whose last byte is not in the pipe; oldest first. */
  readonly #unsent: Pending[] = [];
  readonly #unanswered: Pending[] = [];
  #inFlightBytes = 0;
  #queuedBytes = 0;
  #failure: (() => Error) | undefined;
  readonly #onDrain: (() => void)[] = [];

  constructor(windowBytes: number, send: SendWrite) {
    this.#windowBytes = windowBytes;
    this.#send = send;
  }

  /** Bytes accepted and not yet in the pipe. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Accepts bytes; resolves when all of them are in the pipe, rejects when they never will be. */
  write(data: Uint8Array): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure());
    return new Promise((resolve, reject) => {
      this.#unsent.push({ rest: data, lastId: 0, resolve, reject });
      this.#queuedBytes += data.length;
      this.#sendWhatFits();
    });
  }

  /** Resolves when everything accepted so far was sent (not when it arrived), so that a `closeStdin` may follow it. */
  allSent(): Promise<void> {
    if (this.#failure || this.#unsent.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onDrain.push(resolve));
  }

  /** Everything up to and including command `id` is in the pipe. */
  acknowledge(id: number): void {
    while (this.#sent.length > 0 && (this.#sent[0] as { id: number }).id <= id) {
      const { bytes } = this.#sent.shift() as { bytes: number };
      this.#inFlightBytes -= bytes;
      this.#queuedBytes -= bytes;
    }
    while (this.#unanswered.length > 0 && (this.#unanswered[0] as Pending).lastId <= id)
      this.#unanswered.shift()?.resolve();
    this.#sendWhatFits();
  }

  /** Rejects everything that waits, and everything to come, with what `failure` makes. */
  fail(failure: () => Error): void {
    this.#failure ??= failure;
    this.#queuedBytes = 0;
    this.#inFlightBytes = 0;
    this.#sent.length = 0;
    if (this.#unanswered.length + this.#unsent.length + this.#onDrain.length === 0) return;
    for (const write of [...this.#unanswered.splice(0), ...this.#unsent.splice(0)]) write.reject(failure());
    for (const resolve of this.#onDrain.splice(0)) resolve();
  }

  #sendWhatFits(): void {
    for (let write = this.#unsent[0]; write !== undefined; write = this.#unsent[0]) {
      do {
        const room = Math.min(this.#windowBytes - this.#inFlightBytes, MAX_WRITE_BYTES);
        if (room <= 0 && write.rest.length > 0) return;
        const part = write.rest.subarray(0, room);
        write.rest = write.rest.subarray(part.length);
        write.lastId = this.#send(part);
        this.#sent.push({ id: write.lastId, bytes: part.length });
        this.#inFlightBytes += part.length;
      } while (write.rest.length > 0);
      this.#unsent.shift();
      this.#unanswered.push(write);
    }
    for (const resolve of this.#onDrain.splice(0)) resolve();
  }
}
