/**
 * What a supervisor tells the world, on the channel `copal:supervisor`: an event for each thing that happens to a child, and OTP's
 * reports with OTP's content. Publishing costs nothing while nobody listens. Decides nothing.
 */
import { channel } from "node:diagnostics_channel";
import type { Shutdown } from "../actors/exit-actor.js";
import type { ExitReason } from "../exit.js";
import type { ActorRef } from "../ref.js";
import type { ChildType, Restart } from "./child-spec.js";
import type { Exhaustion } from "./snapshot.js";

/**
 * What happens to a child; of `exhausted` the path is the supervisor's.
 *
 * `backoff`: it is started again in `waitMs`. `abandoned`: a supervisor that gave up, and that nobody starts again because it is transient or
 * temporary.
 */
export interface SupervisorEvent {
  readonly type:
    | "started"
    | "exited"
    | "restarting"
    | "startFailed"
    | "backoff"
    | "stopping"
    | "stopped"
    | "exhausted"
    | "abandoned";
  readonly path: string;
  readonly id: string;
  readonly ref?: ActorRef;
  readonly reason?: ExitReason;
  /** Restarts that count now, of how many. */
  readonly used?: number;
  readonly max?: number | null;
  readonly withinMs?: number | null;
  readonly waitMs?: number;
  /** Failures in a row, of a child with back-off. */
  readonly failures?: number;
  readonly exhaustion?: Exhaustion;
}

/** The child a report is about; `count` stands for `ref` where children that ended alike are reported together. */
export interface Offender {
  readonly id: string | undefined;
  /** The incarnation that ended, or runs now; none if its start failed. */
  readonly ref?: ActorRef | undefined;
  readonly count?: number;
  readonly restart: Restart;
  readonly significant: boolean;
  readonly shutdown: Shutdown;
  readonly type: ChildType;
}

/** What was going on when something went wrong. */
export type ErrorContext = "child_terminated" | "start_error" | "shutdown_error" | "shutdown";

/**
 * OTP's reports. A supervisor report tells that a child ended where it should not have (`child_terminated`), did not come up by itself
 * (`start_error`; not after a request), did not stop as it was asked to (`shutdown_error`), or was restarted too often (`shutdown`).
 * A progress report tells that a child is up.
 */
export type SupervisorReport =
  | {
      readonly type: "report";
      readonly kind: "supervisor_report";
      /** The supervisor's. */
      readonly path: string;
      readonly errorContext: ErrorContext;
      readonly reason: ExitReason | "reached_max_restart_intensity";
      readonly offender: Offender;
    }
  | { readonly type: "report"; readonly kind: "progress"; readonly path: string; readonly started: Offender };

const events = channel("copal:supervisor");

/** Publishes an event. */
export function publishEvent(event: SupervisorEvent): void {
  if (events.hasSubscribers) events.publish(event);
}

/** What a report takes over from a child's specification. */
export type Reported = Omit<Offender, "ref" | "count">;

/** Publishes a supervisor report of the supervisor at `path`. */
export function reportError(
  path: string,
  errorContext: ErrorContext,
  reason: ExitReason | "reached_max_restart_intensity",
  spec: Reported,
  who: Pick<Offender, "ref" | "count">,
): void {
  if (!events.hasSubscribers) return;
  const offender = offenderOf(spec, who);
  events.publish({
    type: "report",
    kind: "supervisor_report",
    path,
    errorContext,
    reason,
    offender,
  } satisfies SupervisorReport);
}

/** Publishes a progress report of the supervisor at `path`. */
export function reportProgress(path: string, spec: Reported, ref: ActorRef): void {
  if (!events.hasSubscribers) return;
  const started = offenderOf(spec, { ref });
  events.publish({ type: "report", kind: "progress", path, started } satisfies SupervisorReport);
}

function offenderOf(
  { id, restart, significant, shutdown, type }: Reported,
  who: Pick<Offender, "ref" | "count">,
): Offender {
  return { ...who, id, restart, significant, shutdown, type };
}
