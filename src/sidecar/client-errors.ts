/**
 * The errors a sidecar's client gives to who waits for it: nothing there any more, the sidecar lost, the program not started. Each says what and whom.
 */
import { type CopalErrorOf, SidecarError, StartError, WireError } from "../errors.js";
import type { EventBodies } from "../wire/messages.js";

/** The process has ended: what was asked of it cannot be done any more. */
export function gone(argv0: string): CopalErrorOf<"ERR_SIDECAR"> {
  return new SidecarError(`${argv0} has ended: nothing reaches it any more`, { stage: "run", code: "ESRCH", errno: 3 });
}

/** Nobody reads what is written to the process. */
export function unread(argv0: string, cause?: Error): CopalErrorOf<"ERR_SIDECAR"> {
  return new SidecarError(
    `${argv0} does not read its standard input any more`,
    { stage: "run", code: "EPIPE", errno: 32 },
    { cause },
  );
}

/** The sidecar was lost, or spoke no protocol of ours. */
export function lossOf(argv0: string, stage: "start" | "run", cause: Error | undefined): CopalErrorOf<"ERR_SIDECAR"> {
  if (cause instanceof SidecarError) return cause;
  const what =
    cause instanceof WireError
      ? cause.message
      : `lost its sidecar${cause ? `: ${cause.message.replaceAll("\0", "@")}` : ""}`;
  return new SidecarError(`${argv0}: ${what}`, { stage }, { cause });
}

/** The program could not be started. */
export function startError(
  argv0: string,
  { stage, errno, code, message }: EventBodies["startFailed"],
): CopalErrorOf<"ERR_START"> {
  const failure = { stage, errno, code, message };
  return new StartError(`${argv0} did not start: ${stage} ${code}: ${message}`, {
    reason: { startFailed: failure },
    failure,
  });
}
