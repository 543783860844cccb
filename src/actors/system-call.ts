/**
 * Asks the runtime's side of an actor for something, in the order of its messages; OTP's system messages. The actor's own code is not asked. A request has a
 * name that every thread knows, since a function cannot cross to the actor's own.
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

/** Something that the runtime's side of any actor can be asked for. */
export interface SystemRequest<A extends readonly unknown[] = readonly unknown[], R = unknown> {
  /** It names the request in errors as well. */
  readonly name: string;
  /** Gives the answer, in the actor's thread; what it throws rejects the call and harms the actor in no way. */
  serve(cell: Cell, ...args: A): R;
  /** It is served when it arrives and not in its turn: also by an actor that is stuck, unless its thread is. */
  readonly isAtOnce: boolean;
  /** Makes an answer for another thread, where it has to be cloned. */
  forFar(answer: R): R;
}

const requests = new Map<string, SystemRequest<never>>();

/** Defines a request; in every thread that is to serve it, and once. */
export function systemRequest<A extends readonly unknown[], R>(
  name: string,
  serve: (cell: Cell, ...args: A) => R,
  { isAtOnce = false, forFar = (answer: R) => answer }: { isAtOnce?: boolean; forFar?: (answer: R) => R } = {},
): SystemRequest<A, R> {
  const request = { name, serve, isAtOnce, forFar };
  requests.set(name, request as SystemRequest<never>);
  return request;
}

/** Returns the request of this name; undefined if this thread knows none. */
export function requestNamed(name: string): SystemRequest | undefined {
  return requests.get(name) as SystemRequest | undefined;
}

/**
 * Has `request` served when the actor's turn comes, also while it is suspended, and resolves with the answer.
 *
 * Rejects with what serving it throws, and as a call does: `ERR_NOPROC`, `ERR_ACTOR_EXIT`, `ERR_CALL_TIMEOUT`; for an actor of another thread also with
 * `ERR_NOT_CLONEABLE` if the arguments or the answer cannot be cloned.
 */
export function systemCall<A extends readonly unknown[], R>(
  ref: ActorRef,
  request: SystemRequest<A, R>,
  { timeoutMs = defaultCallTimeoutMs }: SystemCallOptions,
  ...args: A
): Promise<R> {
  const cell = cellOf(ref);
  const call = new Call(ref, request.name, args);
  const serve = (self: Cell): unknown => request.serve(self, ...args);
  if (cell.hasEnded) {
    const why = `it has ended: ${formatExit(cell.reason)}`;
    call.fail(new NoProcError(`cannot ${request.name} of ${describeRef(ref)} (${cell.label}): ${why}`, { ref }));
  } else if (request.isAtOnce && !cell.remote) {
    new SystemEnvelope(call, serve).answerFor(cell);
  } else {
    cell.runtime.deadlines.add(call, timeoutMs === "infinity" ? Number.POSITIVE_INFINITY : timeoutMs);
    cell.push(new SystemEnvelope(call, serve));
    if (cell.isBusy) cell.runtime.deadlines.holdPending();
  }
  return call.promise as Promise<R>;
}
