/**
 * The report of how a process ended: a value, never an error. Made by the sidecar's client from the wire's `exited`, or from the loss of a sidecar.
 */
import type { EventBodies } from "../wire/messages.js";
import { signalName } from "./signal-name.js";

/** Who began the end of a process: itself, a `stop` of its owner, the loss of its owner, a signal to its sidecar, or the loss of the sidecar. */
export type StoppedBy = "itself" | "owner" | "ownerGone" | "sidecarSignal" | "sidecarLost";

/**
 * The limit that ended a process: its whole life, the time without output, the bytes of output, or its memory. `"memory"` is told only where a
 * cgroup tells it.
 */
export type Limit = "timeout" | "idle" | "output" | "memory";

/** A step of the stop plan that was taken. */
export interface StepTaken {
  /** Which one, from 0. */
  readonly step: number;
  /** Milliseconds since the stop began. */
  readonly afterMs: number;
  /** The system's error number if it could not be done; else null. */
  readonly errno: number | null;
}

/** How a process and its tree ended. When it exists, no process of the tree is left. */
export interface ExitReport {
  /** The leader's exit code, 0 to 255; null when a signal ended it, or when that is not known. */
  readonly code: number | null;
  /** The name of the signal that ended the leader, such as `SIGKILL`; else null. */
  readonly signal: string | null;
  /** Whether the leader dumped core. */
  readonly core: boolean;
  readonly stoppedBy: StoppedBy;
  /** The limit because of which it was stopped; null when none was reached, and when it had ended by itself before the stop arrived. */
  readonly limit: Limit | null;
  /** Whether the kernel killed a process of the tree because its cgroup had no memory left; `limit` is `"memory"` then. */
  readonly oom: boolean;
  /** Whether all output arrived: false when it was cut at its limit, and when the sidecar was lost with what it had not passed on. */
  readonly outputWhole: boolean;
  /** Whether SIGKILL was needed after the stop signal, or asked for. */
  readonly killed: boolean;
  /** The steps of its stop plan that were taken; none where the plan is a signal and a grace. */
  readonly stopSteps: readonly StepTaken[];
  /** Processes of the tree that were still there when the leader ended. */
  readonly leftBehind: number;
  /** Milliseconds from start to the leader's end. */
  readonly wallMs: number;
  /** Milliseconds of processor time of the whole tree, in user and in system mode. */
  readonly userMs: number;
  readonly systemMs: number;
  /** Largest resident set, in bytes, of any one process of the tree. */
  readonly maxRssBytes: number;
}

const LIMITS = { timeout: "timeout", idle: "idle", outputLimit: "output" } as const;

/** Turns the wire's `exited` into a report. */
export function exitReport(body: EventBodies["exited"]): ExitReport {
  const { stoppedBy } = body;
  const limit = stoppedBy in LIMITS ? LIMITS[stoppedBy as keyof typeof LIMITS] : null;
  return {
    code: body.code,
    signal: body.signal === null ? null : signalName(body.signal),
    core: body.core,
    // The sidecar keeps the limits its owner set.
    stoppedBy: limit === null ? (stoppedBy as StoppedBy) : "owner",
    limit: body.oom ? "memory" : limit,
    oom: body.oom ?? false,
    outputWhole: limit !== "output",
    killed: body.killed,
    stopSteps: body.steps ?? [],
    leftBehind: body.leftBehind,
    wallMs: body.wallUs / 1000,
    userMs: body.userUs / 1000,
    systemMs: body.systemUs / 1000,
    maxRssBytes: body.maxRssBytes,
  };
}

/** The report of a process whose sidecar was lost: its end is certain, its exit status is not known. */
export function lostReport(wallMs: number): ExitReport {
  return {
    code: null,
    signal: null,
    core: false,
    stoppedBy: "sidecarLost",
    limit: null,
    oom: false,
    outputWhole: false,
    killed: true,
    stopSteps: [],
    leftBehind: 0,
    wallMs,
    userMs: 0,
    systemMs: 0,
    maxRssBytes: 0,
  };
}
