/**
 * Why a child did not start: as data that names the child by its path, and as the error for whoever asked for it.
 */
import { isCopalError, StartError } from "../errors.js";
import { type ExitReason, formatExit, reasonFromError, type StartFailure } from "../exit.js";
import { type ActorRef, isActorRef } from "../ref.js";
import type { StartedWithInfo } from "./child-spec.js";

/** @throws {StartError} if it is nothing a start may resolve with. */
function checkStarted(started: unknown, path: string): ActorRef | StartedWithInfo | undefined {
  if (started === "ignore") return undefined;
  if (isActorRef(started)) return started;
  if (typeof started === "object" && started !== null && isActorRef((started as StartedWithInfo).ref)) {
    return started as StartedWithInfo;
  }
  const message = `${path} did not start: its start must resolve with a ref, { ref, info } or "ignore"`;
  throw new StartError(message, { reason: reasonFromError(started) }, { cause: started });
}

/** Waits for a start and returns what it gave; undefined for `"ignore"`, also that of an actor's `init`. */
export async function whenStarted(
  start: () => Promise<unknown>,
  path: string,
): Promise<ActorRef | StartedWithInfo | undefined> {
  try {
    return checkStarted(await start(), path);
  } catch (thrown) {
    if (isCopalError(thrown, "ERR_START") && thrown.ignored) return undefined;
    throw thrown;
  }
}

/** The exit reason that a failed start stands for. */
export function reasonOfStart(thrown: unknown): ExitReason {
  return isCopalError(thrown, "ERR_START") ? thrown.reason : reasonFromError(thrown);
}

/** Turns what a child's start threw into a failure; of nested supervisors the innermost child is the one named. */
export function startFailure(thrown: unknown, path: string): StartFailure {
  const reason = reasonOfStart(thrown);
  if (typeof reason === "object" && "startFailed" in reason) return { child: path, ...reason.startFailed, reason };
  if (typeof reason === "object" && "error" in reason) {
    const { name, message, code } = reason.error;
    return { child: path, stage: "init", ...(code !== undefined && { code }), message: `${name}: ${message}`, reason };
  }
  return { child: path, stage: "init", message: formatExit(reason), reason };
}

/** The error for a caller who asked to start a child; it carries the reason of the child's own start. */
export function refusedStart(thrown: unknown, path: string): Error {
  if (isCopalError(thrown, "ERR_START") || isCopalError(thrown, "ERR_ALREADY_STARTED")) return thrown;
  const failure = startFailure(thrown, path);
  const message = `${path} did not start: ${failure.stage}: ${failure.message}`;
  return new StartError(message, { reason: reasonOfStart(thrown), failure }, { cause: thrown });
}
