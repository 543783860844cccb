/**
 * A call that came from another thread: it lies in the mailbox as any call does, and its answer goes back over the port it came by.
 */
import type { Cell } from "../actors/cell.js";
import { Call } from "../actors/envelope.js";
import { isPrimitive, packError } from "./parcel.js";
import type { Line } from "./switchboard.js";

/** One call from another thread. The time limit is its caller's business; who keeps what it was asked can know it. */
export class CallFromAfar extends Call {
  readonly #cell: Cell;
  readonly #line: Line;
  readonly #number: number;
  readonly #limitMs: number;

  constructor(
    cell: Cell,
    method: string,
    args: readonly unknown[],
    line: Line,
    number: number,
    limitMs = Number.POSITIVE_INFINITY,
  ) {
    super(cell.ref, method, args, false);
    this.#cell = cell;
    this.#line = line;
    this.#number = number;
    this.#limitMs = limitMs;
  }

  override get farLimitMs(): number {
    return this.#limitMs;
  }

  override answer(value: unknown): void {
    if (!this.#settle()) return;
    try {
      const word = this.#line.speaksLast(this.target) ? "lastAnswer" : "answer";
      // Who has the last answer of an actor knows of its end as well, which is told in the same turn.
      if (isPrimitive(value)) this.#line.post([word, this.#number, value, false], !this.#cell.isEnding);
      else this.#line.parcel(value, (data, isPacked) => [word, this.#number, data, isPacked]);
    } catch (error) {
      this.#line.post(["fail", this.#number, packError(error)]);
    }
  }

  override fail(error: unknown): void {
    // The end of a thread answers for the actor that ends with it.
    if (this.#settle() && !this.#line.speaksLast(this.target))
      this.#line.post(["fail", this.#number, packError(error)]);
  }

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.deadlines?.remove(this);
    this.owed?.delete(this);
    return true;
  }
}
