/**
 * A ring of messages in memory that two threads share: one writes, the other reads, and neither ever waits. Knows no ports: a message that does not go
 * into the ring goes over one, as part of a batch, and each message in the ring says how many batches come before it, so that there is one order.
 */
import type { Waker } from "./native-wake.js";
import { NO_ROOM, readFields, type Slots, slotsOf, writeFields, writePair } from "./slots.js";

/** How many slots; a power of two. */
const SLOTS = 4_096;
/** No message takes more. One that begins in the last slot may end so many behind it, and the next begins in the first. */
const MOST_SLOTS = 256;
/** Before its fields: how many they are, and how many batches come before the message. */
const HEAD_SLOTS = 1;

/** Where the numbers are that both threads look at. What each of the two writes lies apart, so that they do not take it from each other's caches. */
const WRITTEN = 0;
const POSTED = 1;
const READ = 32;
const ASLEEP = 33;
const WAKER_THREAD = 34;
const WAKER_KEY = 35;
const SHARED_NUMBERS = 64;

/** Makes the memory of one ring, whose reader is asleep. */
export function ringMemory(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(4 * SHARED_NUMBERS + 8 * (SLOTS + MOST_SLOTS));
  sharedNumbers(memory)[ASLEEP] = 1;
  return memory;
}

/** The end that writes. */
export class RingWriter {
  readonly #shared: Int32Array;
  readonly #slots: Slots;
  /** Slots written, published, and known to be read, since the beginning; in 32 bits. */
  #written = 0;
  #published = 0;
  #read = 0;
  #posted = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#shared = sharedNumbers(memory);
    this.#slots = slotsOf(memory, 4 * SHARED_NUMBERS);
  }

  /** How many slots are written that the reader cannot see yet. */
  get unpublished(): number {
    return (this.#written - this.#published) | 0;
  }

  /** Whether the reader sleeps now. */
  get isReaderAsleep(): boolean {
    return Atomics.load(this.#shared, ASLEEP) === 1;
  }

  /** Writes `message`, which can be read once it is published; gives {@link NO_ROOM}, or `NOT_PLAIN`, if it cannot. */
  write(message: readonly unknown[]): number {
    if (this.#free() < MOST_SLOTS) {
      this.#read = Atomics.load(this.#shared, READ);
      if (this.#free() < MOST_SLOTS) return NO_ROOM;
    }
    const at = placeOf(this.#written);
    const next = writeFields(this.#slots, at + HEAD_SLOTS, at + MOST_SLOTS, message);
    if (next <= 0) return next;
    writePair(this.#slots, at, message.length, this.#posted);
    this.#written = (this.#written + Math.min(next, SLOTS) - at) | 0;
    return next;
  }

  /** Lets the reader see what is written, if it looks. */
  publish(): void {
    this.#published = this.#written;
    Atomics.store(this.#shared, WRITTEN, this.#written);
  }

  /**
   * Tells, once, that the reader must be woken to see what is published.
   *
   * The race: a reader that goes to sleep says so, and only then looks for the last time. Either it sees there what is published, or it is seen here
   * that it sleeps.
   */
  takeSleep(): boolean {
    return this.isReaderAsleep && Atomics.exchange(this.#shared, ASLEEP, 0) === 1;
  }

  /** By what the reader is woken; undefined while it has not said so. */
  get waker(): Waker | undefined {
    const thread = Atomics.load(this.#shared, WAKER_THREAD);
    return thread === 0 ? undefined : { thread, key: this.#shared[WAKER_KEY] as number };
  }

  /** Counts a batch that was posted behind all that is written, and published. */
  hasPosted(): void {
    this.#posted = (this.#posted + 1) | 0;
    Atomics.store(this.#shared, POSTED, this.#posted);
  }

  #free(): number {
    return SLOTS - ((this.#written - this.#read) | 0);
  }
}

/** The end that reads. */
export class RingReader {
  readonly #shared: Int32Array;
  readonly #slots: Slots;
  /** Slots known to be written, and read, since the beginning; in 32 bits. */
  #written = 0;
  #read = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#shared = sharedNumbers(memory);
    this.#slots = slotsOf(memory, 4 * SHARED_NUMBERS);
  }

  /** Tells the writer by what this end is woken. */
  wakeBy({ thread, key }: Waker): void {
    this.#shared[WAKER_KEY] = key;
    Atomics.store(this.#shared, WAKER_THREAD, thread);
  }

  /** Whether there is something to read. */
  get hasMore(): boolean {
    return Atomics.load(this.#shared, WRITTEN) !== this.#read;
  }

  /** Whether more batches were posted than `taken`. Whoever looks first and reads then has read all that came before the next one. */
  isBehind(taken: number): boolean {
    return ((Atomics.load(this.#shared, POSTED) - taken) | 0) > 0;
  }

  /** Looks what there is to read; tells whether there is anything. */
  look(): boolean {
    this.#written = Atomics.load(this.#shared, WRITTEN);
    return this.#written !== this.#read;
  }

  /** Reads the next message that was there at the last look; undefined if there is none, or more than `taken` batches come before it. */
  next(taken: number): unknown[] | undefined {
    if (this.#read === this.#written) return undefined;
    const { halves } = this.#slots;
    const at = placeOf(this.#read);
    if (halves[2 * at + 1] !== taken) return undefined;
    const message: unknown[] = new Array(halves[2 * at] as number);
    const next = readFields(this.#slots, at + HEAD_SLOTS, message);
    this.#read = (this.#read + Math.min(next, SLOTS) - at) | 0;
    return message;
  }

  /** Lets the writer use again what is read. */
  release(): void {
    Atomics.store(this.#shared, READ, this.#read);
  }

  /** The reader will look without being woken. */
  stayAwake(): void {
    Atomics.store(this.#shared, ASLEEP, 0);
  }

  /** The reader must be woken from now on; tells whether something came before it could be. */
  sleep(): boolean {
    Atomics.store(this.#shared, ASLEEP, 1);
    return this.hasMore;
  }
}

function placeOf(slotsSinceBegin: number): number {
  return slotsSinceBegin & (SLOTS - 1);
}

function sharedNumbers(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory, 0, SHARED_NUMBERS);
}
