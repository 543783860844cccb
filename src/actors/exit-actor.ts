/**
 * Ends actors from outside all actors, and waits for ends.
 */
import { asExitReason, type ExitReason } from "../exit.js";
import { type ActorRef, muted } from "../ref.js";
import { cellOf } from "./address.js";
import type { Cell } from "./cell.js";
import { sendExit } from "./link.js";
import { onEnd } from "./monitor.js";

/** How long an actor may take to end: milliseconds, for ever, or not at all. */
export type Shutdown = number | "infinity" | "brutal_kill";

/**
 * Sends an exit signal from outside all actors, as OTP's `exit/2` does; an actor has `this.exit(ref, reason)`.
 *
 * `"kill"` ends the actor with `"killed"`, whatever it does; one that traps exits gets an `EXIT` message; `"normal"` is ignored otherwise; anything
 * else ends it with that reason. To an actor that was started from outside it is its parent's signal. Does nothing if the actor has ended.
 *
 * @throws {ActorExitError} in code of an actor that has ended itself.
 */
export function exitActor(ref: ActorRef, reason: ExitReason): void {
  const mute = muted();
  if (mute) throw mute;
  const cell = cellOf(ref);
  sendExit(cell, cell.runtime.outside, asExitReason(reason), "order");
}

/** Resolves with the actor's exit reason when it has ended. */
export function whenEnded(ref: ActorRef): Promise<ExitReason> {
  return new Promise((resolve) => {
    onEnd(cellOf(ref), resolve);
  });
}

/**
 * Stops an actor and resolves with its exit reason when it has ended.
 *
 * Sends the exit signal `reason` (default `"shutdown"`), waits at most `shutdown` (default 5,000 ms), then kills it and waits without
 * a limit, since what it holds is released even then. `"brutal_kill"` kills it at once; 0 sends the signal and kills.
 */
export function stopActor(
  ref: ActorRef,
  { reason = "shutdown", shutdown = 5_000, from }: { reason?: ExitReason; shutdown?: Shutdown; from?: Cell } = {},
): Promise<ExitReason> {
  const cell = cellOf(ref);
  const { clock, outside } = cell.runtime;
  return new Promise((resolve) => {
    const timer =
      typeof shutdown === "number" && !cell.hasEnded ? clock.setTimer(shutdown, () => cell.kill()) : undefined;
    onEnd(cell, (ended) => {
      timer?.cancel();
      resolve(ended);
    });
    if (shutdown === "brutal_kill") cell.kill();
    else sendExit(cell, from?.ref ?? outside, asExitReason(reason), from?.unwinds ? "stop" : "order");
  });
}
