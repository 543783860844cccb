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
  #toldMs: number | undefined;

  constructor(runtime: Runtime, main: Line) {
    this.#runtime = runtime;
    this.#main = main;
    runtime.guard = (cell, limitMs) => this.#guard(cell, limitMs);
  }

  /** The class of `cell` is to be loaded. Guards the thread as long as it lives, if it has a limit. */
  loads(cell: Cell, limitMs: number | undefined): void {
    if (limitMs !== undefined) this.#guard(cell, limitMs);
    this.#pulse?.begins(cell, "import");
  }

  #guard(cell: Cell, limitMs: number): void {
    this.#limitsMs.set(cell, limitMs);
    this.#pulse ??= this.#show();
    onEnd(cell, () => {
      this.#limitsMs.delete(cell);
      this.#tell();
    });
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
    const leastMs = Math.min(...this.#limitsMs.values());
    const toldMs = Number.isFinite(leastMs) ? leastMs : undefined;
    if (toldMs === this.#toldMs) return;
    this.#toldMs = toldMs;
    // Now: what is begun next may never end.
    this.#main.postNow(["guard", toldMs, this.#pulse?.memory]);
  }
}
