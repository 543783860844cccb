/**
 * Why a child did not start, as data that names the child by its path.
 */
import { isCopalError } from "../errors.js";
import { type ExitReason, formatExit, reasonFromError, type StartFailure } from "../exit.js";

/** Turns what a child's start threw into a failure; of nested supervisors the innermost child is the one named. */
export function startFailure(thrown: unknown, path: string): StartFailure {
  const reason: ExitReason = isCopalError(thrown, "ERR_START") ? thrown.reason : reasonFromError(thrown);
  if (typeof reason === "object" && "startFailed" in reason) return { child: path, ...reason.startFailed };
  if (typeof reason === "object" && "error" in reason) {
    const { name, message, code } = reason.error;
    return { child: path, stage: "init", ...(code !== undefined && { code }), message: `${name}: ${message}` };
  }
  return { child: path, stage: "init", message: formatExit(reason) };
}
