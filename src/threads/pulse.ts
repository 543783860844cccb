/**
 * What a guarded thread shows of itself in memory that it shares with the main thread: that it goes on, and whose code it runs. It is written with each
 * message and read while the writer may be stuck. Judges nothing.
 */
import type { Cell } from "../actors/cell.js";
import type { Onlooker } from "../actors/runtime.js";

/** What a thread is at. */
export interface Occupation {
  /** The actor's number in its thread. */
  readonly id: number;
  /** What people call the actor. */
  readonly label: string;
  /** The method or callback. */
  readonly callback: string;
}

/** Names are shown to so many UTF-16 units. */
const NAME_UNITS = 256;

// Where the numbers stand, in 32-bit words: the id takes two of them as one 64-bit float.
const BEATS = 0;
const IS_BUSY = 1;
const LABEL_UNITS = 2;
const CALLBACK_UNITS = 3;
const ID_FLOAT = 2;
const NAMES_BYTE = 24;
const BYTES = NAMES_BYTE + 2 * 2 * NAME_UNITS;

/** One thread's pulse: the thread writes it, the main one reads it. */
export class Pulse implements Onlooker {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #id: Float64Array;
  readonly #label: Uint16Array;
  readonly #callback: Uint16Array;
  #lastCell: Cell | undefined;
  #lastCallback = "";

  /** A new one, or the one in `memory`. */
  constructor(memory = new SharedArrayBuffer(BYTES)) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, 4);
    this.#id = new Float64Array(memory, 0, 3);
    this.#label = new Uint16Array(memory, NAMES_BYTE, NAME_UNITS);
    this.#callback = new Uint16Array(memory, NAMES_BYTE + 2 * NAME_UNITS, NAME_UNITS);
  }

  begins(cell: Cell, callback: string): void {
    const words = this.#words;
    if (cell !== this.#lastCell) {
      this.#lastCell = cell;
      this.#id[ID_FLOAT] = cell.ref.id;
      words[LABEL_UNITS] = write(cell.label, this.#label);
    }
    if (callback !== this.#lastCallback) {
      this.#lastCallback = callback;
      words[CALLBACK_UNITS] = write(callback, this.#callback);
    }
    Atomics.add(words, BEATS, 1);
    // Last, and not to be moved behind whatever comes: that may never come back.
    Atomics.store(words, IS_BUSY, 1);
  }

  rests(): void {
    Atomics.store(this.#words, IS_BUSY, 0);
    Atomics.add(this.#words, BEATS, 1);
  }

  /** Another number with everything that the thread begins and ends. */
  get beats(): number {
    return Atomics.load(this.#words, BEATS);
  }

  /** What the thread is at; undefined between messages, and in code that is not known to be an actor's. */
  get occupation(): Occupation | undefined {
    if (Atomics.load(this.#words, IS_BUSY) === 0) return undefined;
    const text = (units: Uint16Array, length = 0) => String.fromCharCode(...units.subarray(0, length));
    return {
      id: this.#id[ID_FLOAT] ?? 0,
      label: text(this.#label, this.#words[LABEL_UNITS]),
      callback: text(this.#callback, this.#words[CALLBACK_UNITS]),
    };
  }
}

function write(text: string, units: Uint16Array): number {
  const length = Math.min(text.length, units.length);
  for (let i = 0; i < length; i++) units[i] = text.charCodeAt(i);
  return length;
}
