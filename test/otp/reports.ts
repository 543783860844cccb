/**
 * Copal's reports as the events of the original's logger handler: supervisor and progress reports, the two crash reports of a server, and
 * messages that nobody expected. Knows the channels, not what causes a report.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { cellOf } from "#src/actors/address.js";
import type { Runtime } from "#src/actors/runtime.js";
import type { ExitReason } from "#src/exit.js";
import type { ActorRef } from "#src/ref.js";
import { Supervisor } from "#src/supervisor/supervisor.js";
import { ErlangProcess } from "./erlang-process.js";
import { fromReason } from "./reason.js";
import { type Term, tuple } from "./term.js";

interface Offender {
  readonly id?: string | undefined;
  readonly ref?: ActorRef | undefined;
  readonly count?: number;
}

interface Report {
  readonly type?: string;
  readonly kind?: string;
  readonly ref?: ActorRef;
  readonly errorContext?: string;
  readonly reason?: ExitReason | "reached_max_restart_intensity";
  readonly offender?: Offender;
  readonly started?: Offender;
  readonly message?: { readonly type: string; readonly message?: unknown };
}

/** Calls `log` with every report of actors of `runtime`, as a term. Returns what ends that. */
export function listenToReports(runtime: Runtime, log: (event: Term) => void): () => void {
  const listeners: readonly [name: string, listen: (event: unknown) => void][] = [
    ["copal:supervisor", (event) => logSupervisor(event as Report, log)],
    ["copal:crash", (event) => logCrash(event as Report, log)],
    ["copal:unhandled", (event) => logUnhandled(event as Report, log)],
  ];
  const mine = (listen: (event: unknown) => void) => (event: unknown) => {
    const { ref } = event as Report;
    if (!ref || cellOf(ref).runtime === runtime) listen(event);
  };
  const subscribed = listeners.map(([name, listen]) => [name, mine(listen)] as const);
  for (const [name, listen] of subscribed) subscribe(name, listen);
  return () => {
    for (const [name, listen] of subscribed) unsubscribe(name, listen);
  };
}

function logSupervisor({ kind, errorContext, reason, offender, started }: Report, log: (event: Term) => void): void {
  if (kind === "progress") log(tuple("report", "progress", started?.id));
  if (kind !== "supervisor_report" || reason === undefined) return;
  const why = reason === "reached_max_restart_intensity" ? reason : fromReason(reason);
  const count = offender?.count === undefined ? [] : [tuple("nb_children", offender.count)];
  log(tuple("report", errorContext, why, offender?.id, count));
}

function logCrash({ kind, ref }: Report, log: (event: Term) => void): void {
  // A bare process is not started by `proc_lib`, and makes no report of its own there.
  if (ref && cellOf(ref).instance instanceof ErlangProcess) return;
  log(tuple("report", kind));
}

function logUnhandled({ ref, message }: Report, log: (event: Term) => void): void {
  if (!ref || message?.type !== "info") return;
  if (cellOf(ref).instance instanceof Supervisor) log(tuple("report", "sup_unexpected", message.message));
  else log(tuple("report", "no_handle_info"));
}
