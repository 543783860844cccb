/**
 * Child specs for supervision tests, and a record of what the children did.
 */
import { whenEnded } from "#src/actors/exit-actor.js";
import { type Parent, startActor } from "#src/actors/start-actor.js";
import type { ExitReason } from "#src/exit.js";
import type { ActorRef } from "#src/ref.js";
import type { ChildSpec, StartContext } from "#src/supervisor/child-spec.js";
import { supervisorSnapshot } from "#src/supervisor/snapshot.js";
import { type Supervisor, startSupervisor } from "#src/supervisor/supervisor.js";
import type { SupervisorSpec } from "#src/supervisor/supervisor-spec.js";
import { doing, Puppet } from "./actors.js";

/** A start's outcome: comes up, says ignore, or fails. */
export type Outcome = "up" | "ignore" | "fail";

/** A puppet as a child, which notes `up ID` and `down ID REASON` in `diary`. */
export function child(
  id: string,
  diary: string[] = [],
  more: Partial<ChildSpec> = {},
  plan: Outcome[] = [],
): ChildSpec {
  const start = async ({ parent, signal, path }: StartContext): Promise<ActorRef | "ignore"> => {
    const outcome = plan.length > 1 ? plan.shift() : (plan[0] ?? "up");
    if (outcome === "ignore") return "ignore";
    if (outcome === "fail") diary.push(`fail ${id}`);
    const init = () => {
      if (outcome === "fail") throw new RangeError(`${id} does not start`);
    };
    const ref = await startActor(parent, { class: Puppet, args: [init], id: path, signal });
    diary.push(`up ${id}`);
    void whenEnded(ref).then((reason) =>
      diary.push(`down ${id} ${typeof reason === "string" ? reason : Object.keys(reason)[0]}`),
    );
    return ref;
  };
  return { id, start, ...more };
}

/** A supervisor as a child. */
export function supervisor(id: string, children: ChildSpec[], more: Partial<SupervisorSpec> = {}): ChildSpec {
  return {
    id,
    type: "supervisor",
    start: ({ parent, signal, path }) => startSupervisor(parent, { path, signal, children, ...more }),
  };
}

/** Starts a root supervisor. */
export function supervise(children: ChildSpec[], more: Partial<SupervisorSpec> = {}, parent: Parent = null) {
  return startSupervisor(parent, { path: "app", children, ...more });
}

/** The snapshot of a child that a test knows to be there. */
export function look(ref: ActorRef<Supervisor>, id: string) {
  const found = supervisorSnapshot(ref)?.children.find((one) => one.id === id);
  if (!found) throw new Error(`there is no child ${id}`);
  return found;
}

/** The running puppet with this id. */
export function running(ref: ActorRef<Supervisor>, id: string): ActorRef<Puppet> {
  const { ref: found } = look(ref, id);
  if (!found) throw new Error(`${id} does not run`);
  return found as ActorRef<Puppet>;
}

/** The ids of `whichChildren`, the newest first. */
export async function listed(ref: ActorRef<Supervisor>): Promise<string[]> {
  return (await ref.call.whichChildren()).map(({ id }) => id);
}

/** Ends a child by itself, with `reason`. */
export async function endChild(ref: ActorRef<Supervisor>, id: string, reason: ExitReason): Promise<void> {
  const ending = running(ref, id);
  await doing(ending, (hands) => hands.exit(reason));
  await whenEnded(ending);
}
