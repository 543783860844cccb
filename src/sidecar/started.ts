/**
 * What is known of a process from its start on: what it is called, what holds it, which of its limits hold. Made from the wire's `started`.
 */
import type { EventBodies } from "../wire/messages.js";
import type { LimitMissing } from "./resource-limits.js";

/** What a running process is called and what holds it. */
export type Started = Readonly<{
  osPid: number;
  sidecarPid: number;
  /** Clock ticks since boot at which the process started: with the pid, its name for ever. */
  startTime: number;
  containment: "cgroup2" | "cgroup1" | "pidns" | "tree";
  /** The cgroup's directory, or null. */
  cgroup: string | null;
  /** Directories of its cgroups of version 1, which keep limits where cgroup2 lacks a controller. */
  cgroups1: readonly string[];
  /** The names of its limits that hold. */
  limitsApplied: readonly string[];
  /** Those that were asked for and do not hold. */
  limitsMissing: readonly LimitMissing[];
  /** The first process of its PID namespace: when it is gone nothing in there is left. Null where it has none. */
  pidns: Readonly<{ osPid: number; startTime: number }> | null;
  /** Why it has none although `contain` is `pidns`; else null. */
  pidnsMissing: string | null;
}>;

/** Turns the wire's `started` into what is known of the process. */
export function startedOf(body: EventBodies["started"], sidecarPid: number): Started {
  const { cgroup, cgroups1, limitsApplied = NONE, limitsMissing = NONE, pidnsMissing = null } = body;
  return {
    osPid: body.pid,
    sidecarPid,
    startTime: body.startTime,
    containment: body.containment,
    cgroup: cgroup && text(cgroup),
    cgroups1: cgroups1?.map(text) ?? NONE,
    limitsApplied,
    limitsMissing,
    pidns: body.pidns ? { osPid: body.pidns.pid, startTime: body.pidns.startTime } : null,
    pidnsMissing,
  };
}

const NONE = Object.freeze([]);

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
