/**
 * Messages that found no room in the ring: memory that is written once, sent, and read once. Knows no ports.
 */
import { readFields, type Slots, slotsOf, writeFields, writePair } from "./slots.js";

/** How many slots: some two hundred messages. */
const SLOTS = 2_048;

/** Collects what goes as one batch. */
export class Spill {
  #memory: SharedArrayBuffer | undefined;
  #slots: Slots | undefined;
  #next = 0;

  get isEmpty(): boolean {
    return this.#next === 0;
  }

  /** Writes `message`; gives `NO_ROOM`, or `NOT_PLAIN`, if it cannot. */
  write(message: readonly unknown[]): number {
    if (this.#slots === undefined) {
      this.#memory = new SharedArrayBuffer(8 * SLOTS);
      this.#slots = slotsOf(this.#memory, 0);
    }
    // The slot behind the last message stays 0, which no message begins with.
    const next = writeFields(this.#slots, this.#next + 1, SLOTS - 1, message);
    if (next <= 0) return next;
    writePair(this.#slots, this.#next, message.length, 0);
    this.#next = next;
    return next;
  }

  /** Gives what was written, and begins anew. */
  take(): SharedArrayBuffer | undefined {
    const memory = this.#memory;
    this.#memory = undefined;
    this.#slots = undefined;
    this.#next = 0;
    return memory;
  }
}

/** Reads what was written into a spill, in order. */
export function readSpill(memory: SharedArrayBuffer, receive: (message: unknown[]) => void): void {
  const slots = slotsOf(memory, 0);
  const { halves } = slots;
  for (let at = 0, count = halves[0] as number; count > 0; count = halves[2 * at] as number) {
    const message: unknown[] = new Array(count);
    at = readFields(slots, at + 1, message);
    receive(message);
  }
}
