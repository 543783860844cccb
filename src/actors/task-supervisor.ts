/**
 * `TaskSupervisor`, as Elixir's `Task.Supervisor`: holds tasks that are nobody else's children. They are temporary: none is started again, and
 * none that fails harms the others. When it ends, they all end, at the same time.
 */
import { NoProcError, StartError } from "../errors.js";
import type { ActorRef } from "../ref.js";
import { Actor, recordOf } from "./actor.js";
import { cellOf } from "./address.js";
import type { Cell } from "./cell.js";
import { type Shutdown, stopActor } from "./exit-actor.js";
import type { Info } from "./info.js";
import { describeRef } from "./runtime.js";
import { type Parent, startActor } from "./start-actor.js";
import { Task, type TaskWork } from "./task.js";
import type { ActorName } from "./via.js";

/** What a task supervisor allows. */
export interface TaskSupervisorOptions {
  /** How many tasks there may be at a time; any number unless given. */
  readonly maxChildren?: number;
}

const whyFull: unique symbol = Symbol.for("copal.whyFull") as never;

/** Holds tasks. As a child of a tree: `{ actor: "tasks", class: TaskSupervisor, args: [{ maxChildren: 100 }] }`. */
export class TaskSupervisor extends Actor {
  #maxChildren = Number.POSITIVE_INFINITY;

  override init({ maxChildren = Number.POSITIVE_INFINITY }: TaskSupervisorOptions = {}): void {
    this.#maxChildren = maxChildren;
    this.trapExit = true;
  }

  /** Starts a task that nobody waits for, and gives its ref. Refuses with `ERR_START`, `{ limit: "max_children" }`, if there are as many as may be. */
  async startChild(work: TaskWork<unknown>): Promise<ActorRef> {
    const full = this[whyFull]();
    if (full) this.refuse(full);
    const cell = recordOf(this);
    return new Promise((resolve) => {
      new Task(null, work, { parent: cell, label: `${cell.label}/task`, onCell: ({ ref }) => resolve(ref) });
    });
  }

  /** Ends one of its tasks and answers when it has ended. Refuses with `ERR_NOPROC` if it is none of its tasks. */
  async terminateChild(ref: ActorRef, shutdown: Shutdown = 5_000): Promise<void> {
    const cell = recordOf(this);
    if (!cell.children?.has(cellOf(ref))) this.refuse(new NoProcError(`${describeRef(ref)} is no task here`, { ref }));
    const reply = this.replyLater<void>();
    await stopActor(ref, { shutdown, from: cell });
    reply(undefined);
  }

  /** Gives its tasks, oldest first. */
  children(): ActorRef[] {
    return [...(recordOf(this).children ?? [])].map(({ ref }) => ref);
  }

  /** For the runtime: its tasks come and go, and that is all there is to it. */
  override handleInfo(message: Info): unknown {
    return message.type === "EXIT" ? undefined : super.handleInfo(message);
  }

  [whyFull](): Error | undefined {
    const { children, label } = recordOf(this);
    if ((children?.size ?? 0) < this.#maxChildren) return undefined;
    return new StartError(`${label} has ${this.#maxChildren} tasks already`, { reason: { limit: "max_children" } });
  }
}

/** Starts a task supervisor; in a tree it is declared like any actor. Rejects as every start. */
export function startTaskSupervisor(
  parent: Parent,
  { name, maxChildren }: TaskSupervisorOptions & { readonly name?: ActorName } = {},
): Promise<ActorRef<TaskSupervisor>> {
  return startActor(parent, {
    class: TaskSupervisor,
    args: [maxChildren === undefined ? {} : { maxChildren }],
    ...(name !== undefined && { name }),
  });
}

/**
 * Returns the record of a supervisor that is to take one more task.
 *
 * @throws {NoProcError} if it has ended. @throws {StartError} if it has as many as it may.
 */
export function placeUnder(supervisor: ActorRef<TaskSupervisor>): Cell {
  const ref = supervisor as ActorRef<unknown> as ActorRef;
  const cell = cellOf(ref);
  if (cell.isEnding) throw new NoProcError(`cannot start a task under ${describeRef(ref)}: it has ended`, { ref });
  const full = (cell.instance as Partial<TaskSupervisor> | undefined)?.[whyFull]?.();
  if (full) throw full;
  return cell;
}
