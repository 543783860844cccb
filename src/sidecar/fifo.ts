/**
 * A queue whose first is taken in constant time however long it is: of a long array, `shift` moves everything. Knows nothing of what it holds.
 */

/** What was taken is cleared away when it is this much, and half of all there is. */
const CLEARED_AT = 1024;

/** First in, first out. */
export class Fifo<T> {
  readonly #items: (T | undefined)[] = [];
  #at = 0;

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#at;
  }

  /** The one that has waited longest. */
  get first(): T | undefined {
    return this.#items[this.#at];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the first. */
  shift(): T | undefined {
    const item = this.#items[this.#at];
    if (this.length === 0) return undefined;
    this.#items[this.#at++] = undefined;
    if (this.#at === this.#items.length || (this.#at >= CLEARED_AT && this.#at * 2 >= this.#items.length)) {
      this.#items.splice(0, this.#at);
      this.#at = 0;
    }
    return item;
  }

  /** Takes all of them, in order. */
  takeAll(): T[] {
    const items = this.#items.splice(0).slice(this.#at) as T[];
    this.#at = 0;
    return items;
  }
}
