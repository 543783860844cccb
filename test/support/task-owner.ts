/**
 * An actor with tasks, which a test tells what to do with them.
 */
import { Runtime } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import { Tasks } from "#src/actors/tasks.js";
import type { ActorRef } from "#src/ref.js";
import { VirtualClock } from "#src/testing/virtual-clock.js";
import { type Hands, Puppet } from "./actors.js";

/** A puppet with tasks. */
export class TaskOwner extends Puppet {
  readonly #tasks = new Tasks(this);

  tasks<R>(act: (tasks: Tasks) => R): R {
    return act(this.#tasks);
  }
}

/** Lets an owner do something with its tasks and gives what came of it. */
export function using<R>(ref: ActorRef<TaskOwner>, act: (tasks: Tasks) => R): Promise<Awaited<R>> {
  return ref.call.tasks(act) as Promise<Awaited<R>>;
}

/** Starts an owner in virtual time. */
export async function taskOwner(setUp?: (hands: Hands) => unknown) {
  const clock = new VirtualClock();
  const runtime = new Runtime({ clock });
  const ref = await startActor(null, { class: TaskOwner, args: [setUp], runtime });
  return { ref, clock, runtime };
}
