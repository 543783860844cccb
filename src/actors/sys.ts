/**
 * Looking into actors and holding them up, as OTP's `sys` does; for people who debug, not for programs. Every request waits its turn among the actor's
 * messages, is served also while the actor is suspended, and works on every actor, supervisors and process actors included.
 *
 * An actor whose state is in `#private` fields shows it with `[sys.giveState]() { … }`; see {@link giveState}.
 */
import type { ActorRef } from "../ref.js";
import { cellOf } from "./address.js";
import type { Cell } from "./cell.js";
import { Debug, type Statistics, type TraceSink } from "./debug.js";
import { Detour } from "./detour.js";
import { type MessageView, viewOf } from "./message-view.js";
import { formattedState, putState, stateOf } from "./state.js";
import { type SystemCallOptions, systemCall } from "./system-call.js";

export { formatStatus, giveState, takeState } from "./state.js";

/** What an actor is doing, as far as the runtime knows. */
export interface ActorStatus {
  readonly ref: ActorRef;
  readonly label: string;
  /** `busy`: an async callback holds the mailbox. */
  readonly condition: "starting" | "running" | "busy" | "suspended" | "ending";
  /** The message in hand; undefined if there is none. */
  readonly inHand: MessageView | undefined;
  readonly messagesWaiting: number;
  readonly trapExit: boolean;
  readonly parent: ActorRef | undefined;
  readonly children: readonly ActorRef[];
  readonly links: readonly ActorRef[];
  /** Actors whose end it is told of. */
  readonly monitors: readonly ActorRef[];
  /** How many watch it. */
  readonly watchers: number;
  readonly statistics: Statistics | undefined;
}

/**
 * Resolves with the actor's state: what its `[sys.giveState]()` returns, else a copy of its own enumerable fields.
 *
 * Rejects with what the actor's own code throws over it, and as a call does; the actor goes on.
 */
export function getState(ref: ActorRef, options: SystemCallOptions = {}): Promise<unknown> {
  return systemCall(ref, "sys.getState", options, stateOf);
}

/**
 * Gives the actor the state that `change` makes of the present one, by its `[sys.takeState](state)`, else field by field; resolves with it.
 *
 * Rejects with what `change` or the actor's own code throws, and as a call does; the actor goes on with the state it had.
 */
export function replaceState(
  ref: ActorRef,
  change: (state: unknown) => unknown,
  options: SystemCallOptions = {},
): Promise<unknown> {
  return systemCall(ref, "sys.replaceState", options, (cell) => {
    const state = change(stateOf(cell));
    putState(cell, state);
    return state;
  });
}

/**
 * Stops the actor from handling messages until {@link resume}; they wait, and calls may time out. Requests of `sys`, `stop`, its parent's exit signal and
 * signals that it does not trap still reach it. Suspending twice is suspending once.
 */
export function suspend(ref: ActorRef, options: SystemCallOptions = {}): Promise<void> {
  return systemCall(ref, "sys.suspend", options, (cell) => {
    cell.detour ??= new Detour();
    cell.detour.isSuspended = true;
  });
}

/** Lets a suspended actor go on with what waits. */
export function resume(ref: ActorRef, options: SystemCallOptions = {}): Promise<void> {
  return systemCall(ref, "sys.resume", options, (cell) => {
    if (cell.detour) cell.detour.isSuspended = false;
  });
}

/** Resolves with what the actor is doing and its state, as its `[sys.formatStatus](state)` shows it. */
export function getStatus(
  ref: ActorRef,
  options: SystemCallOptions = {},
): Promise<ActorStatus & { readonly state: unknown }> {
  return systemCall(ref, "sys.getStatus", options, (cell) => ({ ...statusOf(cell), state: formattedState(cell) }));
}

/** Says what the actor is doing now, without asking it: also one that is stuck. Its state can only be had from {@link getStatus}. */
export function peek(ref: ActorRef): ActorStatus {
  return statusOf(cellOf(ref));
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
  return systemCall(ref, "sys.statistics", options, (cell) => {
    if (what !== "get") withDebug(cell, (debug) => debug.count(what));
    return cell.debug?.statistics ?? "no_statistics";
  });
}

/**
 * Shows `sink` what the actor does from now on: messages in, answers out, its state when it is another one. Resolves with what ends the trace.
 *
 * `sink` is called in the actor's own turn, so it must be quick; if it throws, the trace ends. An actor that nobody traces pays nothing for it.
 */
export async function trace(ref: ActorRef, sink: TraceSink, options: SystemCallOptions = {}): Promise<() => void> {
  await systemCall(ref, "sys.trace", options, (cell) => withDebug(cell, (debug) => debug.addSink(cell, sink)));
  return () => {
    const cell = cellOf(ref);
    if (cell.debug) withDebug(cell, (debug) => debug.removeSink(sink));
  };
}

function withDebug(cell: Cell, act: (debug: Debug) => void): void {
  const debug = cell.debug ?? new Debug();
  act(debug);
  cell.debug = debug.isIdle ? undefined : debug;
}

function statusOf(cell: Cell): ActorStatus {
  const refsOf = (cells: Iterable<Cell> = []): ActorRef[] => [...cells].map(({ ref }) => ref);
  return {
    ref: cell.ref,
    label: cell.label,
    condition: conditionOf(cell),
    inHand: cell.current && viewOf(cell.current),
    messagesWaiting: cell.mailboxLength,
    trapExit: cell.trapExit,
    parent: cell.parent?.ref,
    children: refsOf(cell.children),
    links: refsOf(cell.links),
    monitors: [...(cell.watching?.values() ?? [])].map(({ target }) => target.ref),
    watchers: cell.monitors.size,
    statistics: cell.debug?.statistics,
  };
}

function conditionOf(cell: Cell): ActorStatus["condition"] {
  if (cell.isEnding) return "ending";
  if (!cell.hasStarted) return "starting";
  if (cell.detour?.isSuspended) return "suspended";
  return cell.isBusy ? "busy" : "running";
}
