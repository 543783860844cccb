/**
 * What a supervisor looks like from outside, read at once and not through its mailbox, which may be busy; also after its end.
 */
import { cellOf } from "../actors/address.js";
import type { Cell } from "../actors/cell.js";
import { type ExitReason, formatExit } from "../exit.js";
import type { ActorRef } from "../ref.js";
import type { ChildType } from "./child-spec.js";
import type { Child, ChildState } from "./child-table.js";
import type { Budget } from "./restart-window.js";
import type { Strategy } from "./strategy.js";

/** How a child ended last. */
export interface LastExit {
  readonly reason: ExitReason;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Why it gave up, if it was a supervisor that did. */
  readonly exhaustion?: Exhaustion;
}

/** Why a supervisor gave up. */
export interface Exhaustion {
  /** The supervisor's path. */
  readonly path: string;
  /** The path of the child whose restart was one too many. */
  readonly child: string;
  /** How often that child was restarted in the supervisor's life. */
  readonly restarts: number;
  readonly max: number | null;
  readonly withinMs: number | null;
  /** The failures in a row that its back-off allows, if it is that which was used up; `max` and `withinMs` are null then. */
  readonly attempts?: number;
  readonly lastExit: LastExit;
}

/** One child of a supervisor. */
export interface ChildSnapshot {
  readonly id: string;
  readonly path: string;
  readonly type: ChildType;
  readonly state: ChildState;
  /** Present while it runs. */
  readonly ref?: ActorRef;
  /** How often it was started again, attempts that failed included. */
  readonly restarts: number;
  readonly lastExit?: LastExit;
  /** Milliseconds since 1970. */
  readonly startedAtMs?: number;
}

/** A supervisor and its children, in start order. */
export interface SupervisorSnapshot {
  readonly path: string;
  readonly strategy: Strategy;
  readonly budget: Budget;
  readonly children: readonly ChildSnapshot[];
  readonly exhaustion?: Exhaustion;
}

/** The key under which a supervisor gives its snapshot. */
export const snapshot: unique symbol = Symbol.for("copal.snapshot") as never;

/** What supervisors of other threads looked like when they were last heard of. */
const remembered = new WeakMap<Cell, SupervisorSnapshot>();

/** Remembers what a supervisor of another thread looks like. */
export function rememberSnapshot(ref: ActorRef, seen: SupervisorSnapshot): void {
  remembered.set(cellOf(ref), seen);
}

/**
 * Returns what the supervisor of `ref` looks like now, or looked like when it ended; undefined if it is no supervisor, or has not begun. One of another thread
 * looks as it did when that last told of it, which it does within a tenth of a second of a change.
 */
export function supervisorSnapshot(ref: ActorRef): SupervisorSnapshot | undefined {
  const cell = cellOf(ref);
  const instance = cell.instance as { [snapshot]?: () => SupervisorSnapshot | undefined } | undefined;
  const seen = remembered.get(cell);
  if (!seen || instance) return instance?.[snapshot]?.();
  return { ...seen, children: seen.children.map((child) => (isGone(child) ? withoutRef(child) : child)) };
}

function isGone({ ref }: ChildSnapshot): boolean {
  return ref !== undefined && cellOf(ref).hasEnded;
}

function withoutRef({ ref, ...child }: ChildSnapshot): ChildSnapshot {
  return { ...child, state: "stopped" };
}

/** What one child looks like now. */
export function childSnapshot({ spec, path, state, ref, restarts, lastExit, startedAtMs }: Child): ChildSnapshot {
  const hasEnded = ref !== undefined && cellOf(ref).hasEnded;
  return {
    id: spec.id,
    path,
    type: spec.type,
    state: hasEnded ? "stopped" : state,
    ...(ref && !hasEnded && { ref }),
    restarts,
    ...(lastExit && { lastExit }),
    ...(startedAtMs !== undefined && { startedAtMs }),
  };
}

/** Tells why a supervisor gave up, one line per supervisor of the chain, the outermost first. */
export function formatExhaustion(exhaustion: Exhaustion): string[] {
  const { path, child, restarts, max, withinMs, attempts, lastExit } = exhaustion;
  const times = restarts === 1 ? "once" : `${restarts} times`;
  const budget =
    attempts === undefined
      ? `more than ${max} ${max === 1 ? "restart" : "restarts"} within ${withinMs} ms (intensity)`
      : `${attempts} ${attempts === 1 ? "failure" : "failures"} in a row (backoff.attempts)`;
  const line = `${path} gave up: ${budget}; ${child} was restarted ${times}, its last exit: ${formatExit(lastExit.reason)}`;
  return lastExit.exhaustion ? [line, ...formatExhaustion(lastExit.exhaustion)] : [line];
}
