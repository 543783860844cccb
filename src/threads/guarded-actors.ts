/**
 * A worker thread's side of the watchdog: which of its actors ask for one. The thread shows its pulse while any does, and tells the main thread the
 * shortest of their limits. What becomes of a thread that is stuck is decided there.
 */
import type { Cell } from "../actors/cell.js";
import { lookOn } from "../actors/following.js";
import { callbackOf } from "../actors/handling.js";
import { onEnd } from "../actors/monitor.js";
import type { Runtime } from "../actors/runtime.js";
import { Pulse } from "./pulse.js";
import type { Line } from "./switchboard.js";

/** The actors of one thread that are guarded. */
export class GuardedActors {
  readonly #runtime: Runtime;
  readonly #main: Line;
  readonly #limitsMs = new Map<Cell, number>();
  #pulse: Pulse | undefined;

  constructor(runtime: Runtime, main: Line) {
    this.#runtime = runtime;
    this.#main = main;
  }

  /** Guards the thread with this limit as long as `cell` lives; it is at loading the actor's class. */
  add(cell: Cell, limitMs: number): void {
    this.#limitsMs.set(cell, limitMs);
    onEnd(cell, () => {
      this.#limitsMs.delete(cell);
      this.#tell();
    });
    this.#pulse ??= this.#show();
    this.#pulse.begins(cell, "import");
    this.#tell();
  }

  #show(): Pulse {
    const pulse = new Pulse();
    this.#runtime.onlooker = pulse;
    lookOn((speaker) => {
      if (speaker) pulse.begins(speaker, callbackOf(speaker.current));
      else pulse.rests();
    });
    return pulse;
  }

  #tell(): void {
    const limits = [...this.#limitsMs.values()];
    // Now: what is begun next may never end.
    this.#main.postNow(["guard", limits.length === 0 ? undefined : Math.min(...limits), this.#pulse?.memory]);
  }
}
