/**
 * Stopping children: one within its time, all in reverse start order.
 */
import type { Cell } from "../actors/cell.js";
import { type Shutdown, stopActor } from "../actors/exit-actor.js";
import { unlink } from "../actors/link.js";
import type { ExitReason } from "../exit.js";
import type { ActorRef } from "../ref.js";

/**
 * Stops a child of `supervisor` and resolves with its exit reason once it has ended.
 *
 * It gets the signal `"shutdown"` and `shutdown` milliseconds, then it is killed; the wait after a kill has no limit. It is watched
 * by a monitor, so that a child that has unlinked itself cannot hang its supervisor. Its `EXIT` does not reach the supervisor.
 */
export async function stopChild(supervisor: Cell, ref: ActorRef, shutdown: Shutdown): Promise<ExitReason> {
  const reason = await stopActor(ref, { shutdown, from: supervisor });
  unlink(supervisor, ref);
  return reason;
}

/** Calls `stop` for each, the last first, each when the one before it is done. */
export async function inReverse<T>(started: readonly T[], stop: (one: T) => Promise<void>): Promise<void> {
  for (const one of started.toReversed()) await stop(one);
}
