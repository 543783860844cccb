/**
 * What `ps` wants to know of actors in other threads: one question to each, which its thread answers at once.
 */
import { cellOf } from "../actors/address.js";
import { cloneable } from "../actors/cloneable.js";
import { placeOf } from "../actors/process-actor.js";
import { systemCall, systemRequest } from "../actors/system-call.js";
import type { ActorRef } from "../ref.js";
import type { Started } from "../sidecar/started.js";
import { rememberSnapshot, supervisorSnapshot } from "../supervisor/snapshot.js";

/** An actor of another thread, as it was when it was last looked at. */
export interface FarLook {
  readonly mailbox: number;
  /** Where its process runs, if it holds one. */
  readonly place: Started | undefined;
}

const looking = systemRequest(
  "look",
  (cell) => ({ mailbox: cell.mailboxLength, place: placeOf(cell.ref), snapshot: supervisorSnapshot(cell.ref) }),
  { isAtOnce: true, forFar: cloneable },
);

/**
 * Looks at all of `refs` that live in other threads, and at the children of those that are supervisors there. One whose thread does not answer within
 * `patienceMs` keeps what was known of it.
 */
export async function lookAt(
  refs: Iterable<ActorRef>,
  looks: WeakMap<ActorRef, FarLook>,
  patienceMs: number,
  seen: Set<ActorRef> = new Set(),
): Promise<void> {
  const waits: Promise<void>[] = [];
  for (const ref of refs) {
    const cell = cellOf(ref);
    if (!cell.remote || cell.hasEnded || seen.has(ref)) continue;
    seen.add(ref);
    const look = systemCall(ref, looking, { timeoutMs: patienceMs }).then(
      ({ snapshot, ...rest }) => {
        looks.set(ref, rest);
        if (!snapshot) return undefined;
        rememberSnapshot(ref, snapshot);
        return lookAt(
          snapshot.children.flatMap((child) => child.ref ?? []),
          looks,
          patienceMs,
          seen,
        );
      },
      () => {},
    );
    waits.push(look);
  }
  await Promise.all(waits);
}
