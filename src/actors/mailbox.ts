/**
 * The mailbox: first in, first out, every operation but those that look for one in constant time. A linked list through the envelopes
 * themselves: an empty mailbox costs nothing.
 */
import type { Envelope } from "./envelope.js";

/** A queue of envelopes; an envelope is in at most one. */
export class Mailbox {
  #first: Envelope | undefined;
  #last: Envelope | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(envelope: Envelope): void {
    if (this.#last === undefined) this.#first = envelope;
    else this.#last.next = envelope;
    this.#last = envelope;
    this.#length++;
  }

  /** Puts `envelope` before all others. */
  unshift(envelope: Envelope): void {
    envelope.next = this.#first;
    this.#first = envelope;
    this.#last ??= envelope;
    this.#length++;
  }

  shift(): Envelope | undefined {
    const envelope = this.#first;
    if (envelope === undefined) return undefined;
    this.#first = envelope.next;
    if (this.#first === undefined) this.#last = undefined;
    // A dead envelope that has grown old would drag all that came after it into the old generation.
    envelope.next = undefined;
    this.#length--;
    return envelope;
  }

  /** Tells whether one in it `matches`. */
  some(matches: (envelope: Envelope) => boolean): boolean {
    for (let envelope = this.#first; envelope !== undefined; envelope = envelope.next)
      if (matches(envelope)) return true;
    return false;
  }

  /** Takes out the first envelope that `matches`; looks no further. */
  take(matches: (envelope: Envelope) => boolean): Envelope | undefined {
    let before: Envelope | undefined;
    for (let envelope = this.#first; envelope !== undefined; before = envelope, envelope = envelope.next) {
      if (!matches(envelope)) continue;
      if (before === undefined) return this.shift();
      before.next = envelope.next;
      if (envelope === this.#last) this.#last = before;
      envelope.next = undefined;
      this.#length--;
      return envelope;
    }
    return undefined;
  }

  /** Takes out every envelope that `matches`, in order; looks at all of them. */
  remove(matches: (envelope: Envelope) => boolean): Envelope[] {
    const removed: Envelope[] = [];
    for (let left = this.#length; left > 0; left--) {
      const envelope = this.shift();
      if (envelope === undefined) break;
      if (matches(envelope)) removed.push(envelope);
      else this.push(envelope);
    }
    return removed;
  }
}
