/**
 * What waits for its turn: higher priorities first, first come, first served among equals. Knows nothing of what waits.
 */

/** A queue by priority. Adding costs a search among the priorities in use, anything else nothing to speak of. */
export class PriorityQueue<T> {
  /** Sets keep the order of arrival and give anything up at once. */
  readonly #waiting = new Map<number, Set<T>>();
  /** The priorities in use, the highest last. */
  readonly #priorities: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds what must not be there yet. */
  push(one: T, priority: number): void {
    let equals = this.#waiting.get(priority);
    if (equals === undefined) {
      equals = new Set();
      this.#waiting.set(priority, equals);
      const at = this.#priorities.findIndex((other) => other > priority);
      this.#priorities.splice(at < 0 ? this.#priorities.length : at, 0, priority);
    }
    equals.add(one);
    this.#size++;
  }

  /** Takes what is next; nothing if nothing waits. */
  shift(): T | undefined {
    const priority = this.#priorities.at(-1);
    if (priority === undefined) return undefined;
    const [first] = this.#waiting.get(priority) ?? [];
    if (first !== undefined) this.remove(first, priority);
    return first;
  }

  /** Takes `one` out again; false if it does not wait under this priority. */
  remove(one: T, priority: number): boolean {
    const equals = this.#waiting.get(priority);
    if (!equals?.delete(one)) return false;
    this.#size--;
    if (equals.size > 0) return true;
    this.#waiting.delete(priority);
    this.#priorities.splice(this.#priorities.indexOf(priority), 1);
    return true;
  }
}
