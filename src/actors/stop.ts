/**
 * Stops an actor in order, as OTP's `gen_server:stop` does: it ends when its turn comes, by its own `terminate`.
 */
import { isDeepStrictEqual } from "node:util";
import { ActorExitError, CallTimeoutError } from "../errors.js";
import { asExitReason, type ExitReason, formatExit } from "../exit.js";
import { type ActorRef, muted } from "../ref.js";
import { cellOf } from "./address.js";
import type { Cell } from "./cell.js";
import { onEnd } from "./monitor.js";
import { describeRef } from "./runtime.js";
import { systemCall, systemRequest } from "./system-call.js";

const stopping = systemRequest("stop", (cell, reason: ExitReason) => cell.end(reason, true));

/**
 * Ends an actor with `reason` (default `"normal"`) behind the messages it has, also if it is suspended, and resolves when the end is complete.
 * `terminate` is called, whether it traps exits or not.
 *
 * Rejects with `ERR_NOPROC` if it has ended already; with `ERR_ACTOR_EXIT` if it ends with another reason, which the error carries; with
 * `ERR_CALL_TIMEOUT` after `timeoutMs` (default: no limit), and then it ends all the same, in its own time; with `ERR_ACTOR_EXIT`, and nothing is asked,
 * in code of an actor that has ended itself.
 */
export async function stop(
  ref: ActorRef,
  reason: ExitReason = "normal",
  timeoutMs: number | "infinity" = "infinity",
): Promise<void> {
  const mute = muted();
  if (mute) throw mute;
  const wanted = asExitReason(reason);
  const cell = cellOf(ref);
  const { clock } = cell.runtime;
  if (cell.hasEnded) return systemCall(ref, stopping, {}, wanted);
  const ended = new Promise<ExitReason>((resolve, reject) => {
    const tooLate = (): void => {
      const message = `${describeRef(ref)} did not end within ${timeoutMs} ms`;
      callOff();
      reject(new CallTimeoutError(message, { ref, method: "stop", timeoutMs: Number(timeoutMs) }));
    };
    const timer = timeoutMs === "infinity" ? undefined : clock.setTimer(timeoutMs, tooLate);
    const callOff = onEnd(cell, (actual) => {
      timer?.cancel();
      resolve(actual);
    });
  });
  // What becomes of the request shows in how the actor ends.
  if (cell.remote) cell.remote.stop(wanted);
  else endInTurn(cell, wanted);
  const actual = await ended;
  if (isSameReason(actual, wanted)) return;
  throw new ActorExitError(`${cell.label} ended: ${formatExit(actual)}`, { ref, reason: actual });
}

/** Ends an actor of this thread behind the messages it has. */
export function endInTurn(cell: Cell, reason: ExitReason): void {
  systemCall(cell.ref, stopping, { timeoutMs: "infinity" }, reason).catch(() => {});
}

function isSameReason(one: ExitReason, other: ExitReason): boolean {
  try {
    return isDeepStrictEqual(one, other);
  } catch {
    return false;
  }
}
