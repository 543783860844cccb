/**
 * The rows of `copal ps`: one plain object for each node of a tree, as it is now.
 * It reads plans, refs and the supervisors' snapshots; it measures nothing and prints nothing.
 */

import { cellOf } from "../actors/address.js";
import { placeOf } from "../actors/process-actor.js";
import { mailboxLength } from "../actors/runtime.js";
import { type ExitReason, formatExit } from "../exit.js";
import type { ActorRef } from "../ref.js";
import { type ChildSnapshot, type SupervisorSnapshot, supervisorSnapshot } from "../supervisor/snapshot.js";
import { threadName } from "../threads/threads.js";
import type { FarLook } from "./far-look.js";
import type { PlannedNode, PlannedSupervisor } from "./plan.js";

/** A node of a tree, as `copal ps --json` shows it; what does not apply or is not known is null. */
export interface TreeRow {
  readonly path: string;
  readonly id: string;
  readonly kind: "supervisor" | "process" | "actor" | "module";
  readonly state: "starting" | "running" | "ready" | "backoff" | "stopping" | "stopped" | "failed";
  readonly osPid: number | null;
  readonly sidecarPid: number | null;
  /** How often it was started again since its supervisor started. */
  readonly restarts: number;
  /** Of a supervisor: restarts within its window, and how many it allows; max is null when unlimited. */
  readonly budget: { readonly used: number; readonly max: number | null } | null;
  readonly lastExit: LastExit | null;
  readonly uptimeMs: number | null;
  readonly thread: string | null;
  readonly containment: "cgroup2" | "cgroup1" | "pidns" | "tree" | null;
  /** Messages that wait in its mailbox. */
  readonly mailbox: number | null;
  /** Resident memory of the whole process tree. */
  readonly rssBytes: number | null;
  /** 100 is one processor, wholly used, since the last look. */
  readonly cpuPercent: number | null;
}

/** How a node's last incarnation ended. */
export interface LastExit {
  /** One short line: `exit 3`, `signal SIGKILL`, `error TypeError: …`. */
  readonly reason: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly oom: boolean;
  /** When, in ISO 8601. */
  readonly at: string;
}

/** What a tree remembers of its nodes by itself, by path. */
export interface TreeMemory {
  /** The present or last incarnation. */
  readonly refs: ReadonlyMap<string, ActorRef>;
  /** How the last one ended, also of a temporary child that its supervisor has forgotten. */
  readonly ends: ReadonlyMap<string, { readonly reason: ExitReason; readonly atMs: number }>;
  /** What nodes that live in other threads were like when they were last looked at. */
  readonly looks: WeakMap<ActorRef, FarLook>;
  readonly isStarting: boolean;
  readonly startedAtMs: number;
}

/** Gives a row for each node, parents first, siblings in the order in which they start. */
export function treeRows(root: PlannedSupervisor, memory: TreeMemory): readonly TreeRow[] {
  const rows: TreeRow[] = [];
  const ref = memory.refs.get(root.path);
  const { startedAtMs } = memory;
  const state = rootState(memory.isStarting, ref);
  addNode(
    rows,
    root,
    { id: root.id, path: root.path, type: "supervisor", state, ref, restarts: 0, startedAtMs },
    memory,
  );
  return rows;
}

function rootState(isStarting: boolean, ref: ActorRef | undefined): TreeRow["state"] & Known["state"] {
  if (ref === undefined) return isStarting ? "starting" : "stopped";
  const { isEnding, hasEnded } = cellOf(ref);
  if (hasEnded) return "stopped";
  if (isEnding) return "stopping";
  return isStarting ? "starting" : "running";
}

/** What is known of a node: a supervisor's snapshot of it, or the little that is known of the root and of what never ran. */
type Known = Omit<ChildSnapshot, "ref" | "lastExit" | "startedAtMs"> & {
  readonly ref?: ActorRef | undefined;
  readonly lastExit?: ChildSnapshot["lastExit"] | undefined;
  readonly startedAtMs?: number | undefined;
};

function addNode(rows: TreeRow[], plan: PlannedNode | undefined, known: Known, memory: TreeMemory): void {
  const ref = known.ref ?? memory.refs.get(known.path);
  // One that is ending is still there: its process is what a person looks for when a stop takes long.
  const isUp = ref !== undefined && !cellOf(ref).hasEnded;
  const snapshot = known.type === "supervisor" && ref !== undefined ? supervisorSnapshot(ref) : undefined;
  const look = isUp ? memory.looks.get(ref) : undefined;
  const place = isUp ? (placeOf(ref) ?? look?.place) : undefined;
  rows.push({
    path: known.path,
    id: known.id,
    kind: plan?.kind ?? (known.type === "supervisor" ? "supervisor" : place === undefined ? "actor" : "process"),
    state: known.state,
    osPid: place?.osPid ?? null,
    sidecarPid: place?.sidecarPid ?? null,
    restarts: known.restarts,
    budget: snapshot === undefined ? null : { used: snapshot.budget.used, max: snapshot.budget.max },
    lastExit: lastExitOf(known.lastExit ?? memory.ends.get(known.path), plan),
    uptimeMs: isUp && known.startedAtMs !== undefined ? Math.max(0, Date.now() - known.startedAtMs) : null,
    thread: isUp ? threadName(ref.thread) : null,
    containment: place?.containment ?? null,
    mailbox: isUp ? (cellOf(ref).remote ? (look?.mailbox ?? null) : mailboxLength(ref)) : null,
    rssBytes: null,
    cpuPercent: null,
  });
  if (known.type === "supervisor") addChildren(rows, plan, known, snapshot, memory);
}

function addChildren(
  rows: TreeRow[],
  plan: PlannedNode | undefined,
  parent: Known,
  snapshot: SupervisorSnapshot | undefined,
  memory: TreeMemory,
): void {
  const planned = plan?.kind === "supervisor" ? plan.children : [];
  const left = new Map((snapshot?.children ?? []).map((child) => [child.id, child]));
  for (const node of planned) {
    const child = left.get(node.id);
    left.delete(node.id);
    if (child !== undefined) addNode(rows, node, { ...child, path: node.path }, memory);
    // Before the supervisor's first child starts, and when a temporary child is forgotten, the plan is all there is.
    else addNode(rows, node, unknownChild(node, parent), memory);
  }
  for (const child of left.values()) addNode(rows, undefined, { ...child, path: `${parent.path}/${child.id}` }, memory);
}

function unknownChild(node: PlannedNode, parent: Known): Known {
  const type = node.kind === "supervisor" ? "supervisor" : "worker";
  return {
    id: node.id,
    path: node.path,
    type,
    state: parent.state === "starting" ? "starting" : "stopped",
    restarts: 0,
  };
}

function lastExitOf(
  end: { readonly reason: ExitReason; readonly atMs: number } | undefined,
  plan: PlannedNode | undefined,
): LastExit | null {
  if (end === undefined) return null;
  const { reason, atMs } = end;
  const isData = typeof reason === "object";
  return {
    reason: formatExit(reason),
    code: isData && "exit" in reason ? reason.exit : reason === "normal" ? successCode(plan) : null,
    signal: isData && "signal" in reason ? reason.signal : null,
    oom: isData && "limit" in reason && reason.limit === "memory",
    at: new Date(atMs).toISOString(),
  };
}

/** The code a process ended with when all that is known is that it was a success; null when several are. */
function successCode(plan: PlannedNode | undefined): number | null {
  if (plan?.kind !== "process" || plan.successExitCodes.length !== 1) return null;
  return plan.successExitCodes[0] ?? null;
}
