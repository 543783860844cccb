/**
 * What a process's end means for the actor that holds it: the report becomes an exit reason. Pure.
 */
import type { ExitReason } from "../exit.js";
import type { ExitReport } from "../sidecar/exit-report.js";

/**
 * Gives the exit reason of a report.
 *
 * - it reached a limit: `{ limit }`, whatever it made of the stop signal;
 * - the sidecar was lost: an `error`, since nobody knows how the process ended;
 * - the sidecar was told to end by a signal: another `error`, whatever the process made of being stopped: nobody who holds it wanted that;
 * - its owner stopped it, or is gone: `"shutdown"`, whatever the process made of the signal;
 * - a code among `successExitCodes`: `"normal"`; any other: `{ exit }`;
 * - a signal: `{ signal }`.
 */
export function exitOfProcess(report: ExitReport, successExitCodes: readonly number[]): ExitReason {
  if (report.limit !== null) return { limit: report.limit };
  if (report.stoppedBy === "sidecarLost") return sidecarError("the sidecar was lost; nothing of its tree is left");
  if (report.stoppedBy === "sidecarSignal") return sidecarError("the sidecar was told to end and has stopped its tree");
  if (report.stoppedBy === "owner" || report.stoppedBy === "ownerGone") return "shutdown";
  if (report.signal !== null) return { signal: report.signal };
  const code = report.code ?? 0;
  return successExitCodes.includes(code) ? "normal" : { exit: code };
}

function sidecarError(message: string): ExitReason {
  return { error: { name: "SidecarError", code: "ERR_SIDECAR", message } };
}
