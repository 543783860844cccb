/**
 * A process's failed end as an error, for a caller who asked for one. Knows reports and words; decides nothing but what counts as a failure.
 */
import { type CopalErrorOf, ProcessExitError } from "../errors.js";
import type { ExitReport } from "../sidecar/exit-report.js";
import type { OsText } from "../sidecar/os-text.js";

/** Bytes of standard error's end that an error quotes. */
export const STDERR_TAIL_BYTES = 4096;

/** Whether a process ended by itself with a code that counts as success. */
export function isSuccess(report: ExitReport, successExitCodes: readonly number[] = [0]): boolean {
  return report.stoppedBy === "itself" && report.code !== null && successExitCodes.includes(report.code);
}

/** Makes the error of a process that failed; its message ends with the last lines of `stderr`. */
export function processFailure(command: OsText, report: ExitReport, stderr: Buffer): CopalErrorOf<"ERR_PROCESS_EXIT"> {
  const tail = tailOf(stderr).trim();
  const program = typeof command === "string" ? command : Buffer.from(command).toString();
  return new ProcessExitError(`${program} ${endOf(report)}${tail && `: ${tail}`}`, { report, stderr: tail });
}

/** Says in a few words how a process ended. */
export function endOf({ code, signal, core, limit, stoppedBy }: ExitReport): string {
  if (limit === "timeout") return "ran out of its time";
  if (limit === "idle") return "was silent for too long";
  if (limit === "output") return "wrote more than its limit";
  if (limit === "memory") return "ran out of its memory";
  if (stoppedBy === "sidecarLost") return "lost its sidecar";
  const end = signal === null ? `ended with exit ${code}` : `was ended by ${signal}${core ? ", core dumped" : ""}`;
  if (stoppedBy === "sidecarSignal") return `was stopped since its sidecar was told to end, and ${end}`;
  if (stoppedBy === "ownerGone") return `was stopped since its owner was gone, and ${end}`;
  return stoppedBy === "itself" ? end : `was stopped and ${end}`;
}

/** The last bytes as text, from the start of a line where one begins in them. */
function tailOf(bytes: Buffer): string {
  if (bytes.length <= STDERR_TAIL_BYTES) return bytes.toString();
  const tail = bytes.subarray(-STDERR_TAIL_BYTES);
  return tail.subarray(tail.indexOf(0x0a) + 1).toString();
}
