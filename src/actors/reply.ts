/**
 * A reply taken in hand: answers one call later, from anywhere.
 */
import type { Cell } from "./cell.js";

/** Answers one call. The first use counts; later ones, and any after a time-out or the actor's end, do nothing. */
export interface Reply<R = unknown> {
  (value: R): void;
  /** Rejects the caller's promise with `error`; the actor goes on. */
  fail(error: Error): void;
}

/** Takes the reply to the call that `cell` has in hand, and lets its mailbox go on. */
export function takeReply<R>(cell: Cell): Reply<R> {
  const call = cell.current;
  const owedCalls = cell.letGo();
  if (call?.kind !== "call") return Object.assign(() => {}, { fail: () => {} });
  if (!call.isSettled) owedCalls.add(call);
  call.owed = owedCalls;
  const answer = (value: R): void => {
    if (!call.isSettled) cell.debug?.answered(cell, call, value);
    call.answer(value);
  };
  const fail = (error: Error): void => {
    if (!call.isSettled) cell.debug?.refused(cell, call, error);
    call.fail(error);
  };
  return Object.assign(answer, { fail });
}
