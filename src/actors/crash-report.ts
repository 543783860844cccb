/**
 * Crash reports: what is told on the channel `copal:crash` about actors that end abnormally by their own doing. Reports only; decides nothing
 * about ends, and reads user data without ever printing it.
 */
import { channel } from "node:diagnostics_channel";
import { type ExitReason, isNormalExit } from "../exit.js";
import type { ActorRef } from "../ref.js";
import type { Cell } from "./cell.js";
import { type MessageView, viewOf } from "./message-view.js";
import { formattedState } from "./state.js";

/**
 * What is known of a crash, sent exactly where OTP's gen_server and proc_lib do: not after `"normal"`, `"shutdown"` and `{ shutdown }`, not
 * after a kill or a signal that the actor did not trap.
 *
 * - `gen_server_terminate`: `terminate` has returned, or was not there; not if `init` had not finished. `state` as in `sys.getStatus`.
 * - `crash_report`: the end is complete, except that nobody has been told yet. Comes after the one before.
 */
export interface CrashReport {
  readonly kind: "gen_server_terminate" | "crash_report";
  readonly ref: ActorRef;
  readonly label: string;
  readonly reason: ExitReason;
  /** What was thrown, if that is why. */
  readonly cause: unknown;
  /** The message in hand: what it crashed over. Undefined outside of any, `"init"` while it started. */
  readonly lastMessage: MessageView | "init" | undefined;
  readonly messagesWaiting: number;
  readonly trapExit: boolean;
  readonly parent: ActorRef | undefined;
  readonly links: readonly ActorRef[];
  /** Only in `gen_server_terminate`; made when it is read, so that a report nobody reads costs nothing. */
  readonly state?: unknown;
}

const crashes = channel("copal:crash");

/** Tells what an actor was doing, right after its `terminate`. */
export function reportTerminate(cell: Cell): void {
  if (!crashes.hasSubscribers || isNormalExit(cell.reason)) return;
  const { instance } = cell;
  crashes.publish({
    kind: "gen_server_terminate",
    ...contentOf(cell),
    get state() {
      return formattedState({ instance });
    },
  });
}

/** Tells that an actor crashed, right before those who watch it hear of it. */
export function reportCrash(cell: Cell): void {
  if (crashes.hasSubscribers && !isNormalExit(cell.reason))
    crashes.publish({ kind: "crash_report", ...contentOf(cell) });
}

function contentOf(cell: Cell): Omit<CrashReport, "kind"> {
  const { ref, label, reason, cause, current, trapExit, hasStarted } = cell;
  return {
    ref,
    label,
    reason,
    cause,
    lastMessage: hasStarted ? current && viewOf(current) : "init",
    messagesWaiting: cell.mailboxLength,
    trapExit,
    parent: cell.parent?.ref,
    links: [...cell.links].map((linked) => linked.ref),
  };
}
