/**
 * Asks the runtime's side of an actor for something, in the order of its messages; OTP's system messages. The actor's own code is not asked.
 */
import { NoProcError } from "../errors.js";
import { formatExit } from "../exit.js";
import { type ActorRef, defaultCallTimeoutMs } from "../ref.js";
import { cellOf } from "./address.js";
import type { Cell } from "./cell.js";
import { Call, SystemEnvelope } from "./envelope.js";
import { describeRef } from "./runtime.js";

/** How long to wait for an actor that has other messages to handle first: milliseconds, default 5,000, or for ever. */
export interface SystemCallOptions {
  readonly timeoutMs?: number | "infinity";
}

/**
 * Runs `serve` when the actor's turn comes, also while it is suspended, and resolves with what it returns.
 *
 * `request` names it in errors. Rejects with what `serve` throws, and as a call does: `ERR_NOPROC`, `ERR_ACTOR_EXIT`, `ERR_CALL_TIMEOUT`.
 */
export function systemCall<R>(
  ref: ActorRef,
  request: string,
  { timeoutMs = defaultCallTimeoutMs }: SystemCallOptions,
  serve: (cell: Cell) => R,
): Promise<R> {
  const cell = cellOf(ref);
  const call = new Call(ref, request, []);
  if (cell.hasEnded) {
    const why = `it has ended: ${formatExit(cell.reason)}`;
    call.fail(new NoProcError(`cannot ${request} of ${describeRef(ref)} (${cell.label}): ${why}`, { ref }));
  } else {
    cell.runtime.deadlines.add(call, timeoutMs === "infinity" ? Number.POSITIVE_INFINITY : timeoutMs);
    cell.push(new SystemEnvelope(call, serve));
    if (cell.isBusy) cell.runtime.deadlines.holdPending();
  }
  return call.promise as Promise<R>;
}
