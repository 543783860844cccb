/**
 * Looking into actors and holding them up, as OTP's `sys` does; for people who debug, not for programs. Every request waits its turn among the actor's
 * messages, is served also while the actor is suspended, and works on every actor, supervisors and process actors included.
 *
 * An actor whose state is in `#private` fields shows it with `[sys.giveState]() { … }`; see {@link giveState}.
 */
import { NoProcError, UnsupportedError } from "../errors.js";
import { type ActorRef, defaultCallTimeoutMs, portOf } from "../ref.js";
import { cellOf } from "./address.js";
import { answeringRef } from "./answering-ref.js";
import type { Cell } from "./cell.js";
import { cloneable } from "./cloneable.js";
import { Debug, type Statistics, type TraceEvent, type TraceSink } from "./debug.js";
import { Detour } from "./detour.js";
import { lendState, returnState } from "./lent-state.js";
import { formattedState, putState, stateOf } from "./state.js";
import { type ActorStatus, statusOf } from "./status.js";
import { type SystemCallOptions, systemCall, systemRequest } from "./system-call.js";

export { formatStatus, giveState, takeState } from "./state.js";
/** What {@link peek} and {@link glance} tell of an actor. */
export type { ActorStatus } from "./status.js";

const gettingState = systemRequest("sys.getState", stateOf);
const replacingState = systemRequest("sys.replaceState", (cell, change: (state: unknown) => unknown) => {
  const state = change(stateOf(cell));
  putState(cell, state);
  return state;
});
const lending = systemRequest("sys.lendState", lendState);
const takingBack = systemRequest("sys.returnState", returnState, { isAtOnce: true });
const suspending = systemRequest("sys.suspend", (cell) => {
  cell.detour ??= new Detour();
  cell.detour.isSuspended = true;
});
const resuming = systemRequest("sys.resume", (cell) => {
  if (cell.detour) cell.detour.isSuspended = false;
});
const gettingStatus = systemRequest("sys.getStatus", (cell) => ({ ...statusOf(cell), state: formattedState(cell) }), {
  forFar: (status) => ({ ...farStatus(status), state: cloneable(status.state) }),
});
const glancing = systemRequest("sys.glance", statusOf, { isAtOnce: true, forFar: farStatus });
const counting = systemRequest("sys.statistics", (cell, what: "get" | boolean) => {
  if (what !== "get") withDebug(cell, (debug) => debug.count(what));
  return cell.debug?.statistics ?? "no_statistics";
});
const tracing = systemRequest("sys.trace", (cell, sink: TraceSink) =>
  withDebug(cell, (debug) => debug.addSink(cell, sink)),
);
const tracingFar = systemRequest("sys.traceFar", (cell, to: ActorRef) => traceTo(cell, to));
const untracingFar = systemRequest("sys.untraceFar", (cell, to: ActorRef) => untraceTo(cell, to), { isAtOnce: true });

/**
 * Resolves with the actor's state: what its `[sys.giveState]()` returns, else a copy of its own enumerable fields; of an actor in another thread a clone of it.
 *
 * Rejects with what the actor's own code throws over it, and as a call does; the actor goes on.
 */
export function getState(ref: ActorRef, options: SystemCallOptions = {}): Promise<unknown> {
  return systemCall(ref, gettingState, options);
}

/**
 * Gives the actor the state that `change` makes of the present one, by its `[sys.takeState](state)`, else field by field; resolves with it.
 *
 * `change` runs in this thread. An actor of another one handles nothing until it has its new state, or, if that does not come within the time limit,
 * goes on with the old one.
 *
 * Rejects with what `change` or the actor's own code throws, and as a call does; the actor goes on with the state it had.
 */
export async function replaceState(
  ref: ActorRef,
  change: (state: unknown) => unknown,
  options: SystemCallOptions = {},
): Promise<unknown> {
  if (!cellOf(ref).remote) return systemCall(ref, replacingState, options, change);
  const { timeoutMs = defaultCallTimeoutMs } = options;
  const lentMs = timeoutMs === "infinity" ? defaultCallTimeoutMs : timeoutMs;
  const { loan, state } = await systemCall(ref, lending, options, lentMs);
  let changed: unknown;
  try {
    changed = change(state);
  } catch (thrown) {
    await systemCall(ref, takingBack, options, loan);
    throw thrown;
  }
  await systemCall(ref, takingBack, options, loan, { state: changed });
  return changed;
}

/**
 * Stops the actor from handling messages until {@link resume}; they wait, and calls may time out. Requests of `sys`, `stop`, its parent's exit signal and
 * signals that it does not trap still reach it. Suspending twice is suspending once.
 */
export function suspend(ref: ActorRef, options: SystemCallOptions = {}): Promise<void> {
  return systemCall(ref, suspending, options);
}

/** Lets a suspended actor go on with what waits. */
export function resume(ref: ActorRef, options: SystemCallOptions = {}): Promise<void> {
  return systemCall(ref, resuming, options);
}

/**
 * Resolves with what the actor is doing and its state, as its `[sys.formatStatus](state)` shows it. What of an actor in another thread cannot be cloned is
 * told as text: `{ failed, text }`.
 */
export function getStatus(
  ref: ActorRef,
  options: SystemCallOptions = {},
): Promise<ActorStatus & { readonly state: unknown }> {
  return systemCall(ref, gettingStatus, options);
}

/**
 * Says what an actor of this thread is doing now, without asking it: also one that is stuck. Its state can only be had from {@link getStatus}.
 *
 * @throws {UnsupportedError} for an actor of another thread, of which nothing is known at once: {@link glance} asks its thread.
 */
export function peek(ref: ActorRef): ActorStatus {
  const cell = cellOf(ref);
  if (cell.remote && !cell.hasEnded)
    throw new UnsupportedError(`${cell.label} lives in another thread: sys.glance asks that`, { feature: "peek" });
  return statusOf(cell);
}

/** Resolves with what {@link peek} says, for an actor of any thread: its thread is asked and not the actor, which may be stuck. */
export function glance(ref: ActorRef, options: SystemCallOptions = {}): Promise<ActorStatus> {
  return systemCall(ref, glancing, options);
}

/**
 * Turns statistics on (from 0) or off, or gets them; `"no_statistics"` if they are off.
 *
 * They cost nothing while they are off, and begin when they are turned on.
 */
export function statistics(
  ref: ActorRef,
  what: "get" | boolean = "get",
  options: SystemCallOptions = {},
): Promise<Statistics | "no_statistics"> {
  return systemCall(ref, counting, options, what);
}

/**
 * Shows `sink` what the actor does from now on: messages in, answers out, its state when it is another one. Resolves with what ends the trace.
 *
 * `sink` is called in the actor's own turn, so it must be quick; for an actor of another thread it is called when the news arrives, with values that cannot be
 * cloned told as text. If it throws, the trace ends. An actor that nobody traces pays nothing for it.
 */
export async function trace(ref: ActorRef, sink: TraceSink, options: SystemCallOptions = {}): Promise<() => void> {
  const cell = cellOf(ref);
  if (cell.remote) return traceFar(ref, sink, options);
  await systemCall(ref, tracing, options, sink);
  return () => {
    if (cell.debug) withDebug(cell, (debug) => debug.removeSink(sink));
  };
}

async function traceFar(ref: ActorRef, sink: TraceSink, options: SystemCallOptions): Promise<() => void> {
  let isOver = false;
  const end = (): void => {
    isOver = true;
    systemCall(ref, untracingFar, options, to).catch(() => {});
  };
  const to = answeringRef(cellOf(ref).runtime, (_method, [event]) => {
    if (isOver) return;
    try {
      sink(event as TraceEvent);
    } catch {
      end();
    }
  });
  await systemCall(ref, tracingFar, options, to);
  return end;
}

/** The sinks that stand for those of other threads, by the ref that reaches them. */
const farSinks = new WeakMap<ActorRef, TraceSink>();

function traceTo(cell: Cell, to: ActorRef): void {
  const sink = (event: TraceEvent): void => {
    if (cellOf(to).hasEnded) throw new NoProcError("whoever traced is gone", { ref: to });
    portOf(to).cast("show", [cloneable(event)]);
  };
  farSinks.set(to, sink);
  withDebug(cell, (debug) => debug.addSink(cell, sink));
}

function untraceTo(cell: Cell, to: ActorRef): void {
  const sink = farSinks.get(to);
  if (sink && cell.debug) withDebug(cell, (debug) => debug.removeSink(sink));
}

function farStatus<S extends ActorStatus>(status: S): S {
  return status.inHand ? { ...status, inHand: cloneable(status.inHand) } : status;
}

function withDebug(cell: Cell, act: (debug: Debug) => void): void {
  const debug = cell.debug ?? new Debug();
  act(debug);
  cell.debug = debug.isIdle ? undefined : debug;
}
