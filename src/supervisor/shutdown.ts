/**
 * Stopping children: one within its time, all in reverse start order, or all at once; and OTP's word on whether a stop went well.
 */

import { cellOf } from "../actors/address.js";
import type { Cell } from "../actors/cell.js";
import { exitActor, type Shutdown, stopActor, whenEnded } from "../actors/exit-actor.js";
import { sendExit } from "../actors/link.js";
import { type ExitReason, isNormalExit } from "../exit.js";
import type { ActorRef } from "../ref.js";
import type { Restart } from "./child-spec.js";

/**
 * Stops a child of `supervisor` and resolves with its exit reason once it has ended.
 *
 * It gets the signal `"shutdown"` and `shutdown` milliseconds, then it is killed; the wait after a kill has no limit. It is watched
 * by a monitor, so that a child that has unlinked itself cannot hang its supervisor. If it had ended by itself before, its own reason
 * is the result. Its `EXIT` may still reach the supervisor, which no longer knows the ref.
 */
export function stopChild(supervisor: Cell, ref: ActorRef, shutdown: Shutdown): Promise<ExitReason> {
  return stopActor(ref, { shutdown, from: supervisor });
}

/** Calls `stop` for each, the last first, each when the one before it is done. */
export async function inReverse<T>(started: readonly T[], stop: (one: T) => Promise<void>): Promise<void> {
  for (const one of started.toReversed()) await stop(one);
}

/** A child to be stopped. */
export interface Stopping {
  readonly ref: ActorRef;
  readonly shutdown: Shutdown;
}

/**
 * Stops children of `supervisor` at the same time and calls `onEnded` for each; resolves when all have ended.
 *
 * The time that they have runs from now, with one timer for each different `shutdown`.
 */
export async function stopAtOnce<T extends Stopping>(
  supervisor: Cell,
  children: Iterable<T>,
  onEnded: (child: T, reason: ExitReason) => void,
): Promise<void> {
  const byTime = new Map<Shutdown, T[]>();
  for (const child of children) {
    const group = byTime.get(child.shutdown);
    if (group) group.push(child);
    else byTime.set(child.shutdown, [child]);
  }
  const groups = [...byTime].map(async ([shutdown, group]) => {
    const ends = group.map(async (child) => onEnded(child, await whenEnded(child.ref)));
    for (const { ref } of group) {
      if (shutdown === "brutal_kill") exitActor(ref, "kill");
      else sendExit(cellOf(ref), supervisor.ref, "shutdown", "stop");
    }
    if (typeof shutdown !== "number") return Promise.all(ends);
    const kill = (): void => {
      for (const { ref } of group) exitActor(ref, "kill");
    };
    const timer = supervisor.runtime.clock.setTimer(shutdown, kill);
    await Promise.all(ends);
    timer.cancel();
    return undefined;
  });
  await Promise.all(groups);
}

/**
 * Tells whether a child ended as its stop asked it to, by OTP's table; if not, it is reported.
 *
 * `"shutdown"` is as asked, and after a `brutal_kill` `"killed"`; a child that is not permanent may also end with any orderly reason.
 */
export function isAsAsked(shutdown: Shutdown, restart: Restart, reason: ExitReason): boolean {
  if (reason === (shutdown === "brutal_kill" ? "killed" : "shutdown")) return true;
  return restart !== "permanent" && isNormalExit(reason);
}
