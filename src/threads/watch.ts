/**
 * How other threads hear of the end of an actor of this one. What they do with it is theirs.
 */
import type { Cell } from "../actors/cell.js";
import type { Monitor } from "../actors/monitor.js";
import type { ExitReason } from "../exit.js";
import { packReason } from "./parcel.js";
import type { Line, Switchboard } from "./switchboard.js";

/** A monitor on one actor for all the threads that want to hear of its end. */
export class Watch implements Monitor {
  readonly target: Cell;
  readonly #board: Switchboard;
  readonly #lines = new Set<Line>();

  constructor(board: Switchboard, target: Cell) {
    this.#board = board;
    this.target = target;
  }

  add(line: Line): void {
    this.#lines.add(line);
  }

  notify(reason: ExitReason): void {
    this.#board.hasEnded(this.target);
    if (this.target === this.#board.lastActor) this.#board.onLast(reason, this.target.cause);
    else for (const line of this.#lines) line.post(["ended", this.target.ref.id, packReason(reason)]);
  }
}
