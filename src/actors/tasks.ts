/**
 * `Tasks`: an actor's tasks, as Elixir's `Task` is to the process that uses it. Starts functions in actors of their own, linked to this one, and
 * waits for them. Only the owner of a task can ask for its outcome, once.
 */
import { availableParallelism } from "node:os";
import { CallTimeoutError } from "../errors.js";
import type { ActorRef } from "../ref.js";
import { type Actor, recordOf } from "./actor.js";
import type { Cell } from "./cell.js";
import { type Shutdown, stopActor } from "./exit-actor.js";
import { connect, unlink } from "./link.js";
import { type Runtime, runtimeOfThread } from "./runtime.js";
import { type FullOutcome, Task, type TaskOutcome, type TaskWork } from "./task.js";
import { placeUnder, type TaskSupervisor } from "./task-supervisor.js";

/** How `asyncStream` goes about its items. */
export interface AsyncStreamOptions {
  /** How many tasks there are at most that have not been handed on; as many as the machine runs at once unless given. */
  readonly maxConcurrency?: number;
  /** Whether outcomes come in the order of the items; they do unless told otherwise. */
  readonly ordered?: boolean;
  /** How long each task may run: milliseconds, default 5,000. */
  readonly timeoutMs?: number | "infinity";
  /** What a task that takes too long does: ends the stream with `ERR_CALL_TIMEOUT` (default), or is killed and gives `{ exit: { limit: "timeout" } }`. */
  readonly onTimeout?: "exit" | "killTask";
  /** Whose children the tasks are; then they are not linked to the owner. */
  readonly supervisor?: ActorRef<TaskSupervisor>;
}

/** What `deliver` sends, as the message of an `info`. */
export type TaskMessage<R = unknown> = { readonly type: "task"; readonly task: Task<R> } & TaskOutcome<R>;

/**
 * The tasks of one actor: `readonly #tasks = new Tasks(this)`.
 *
 * A task is a child of its owner and linked to it: if it fails, the owner gets its exit signal, and if the owner ends, so does the task, whatever the
 * reason (Elixir's lives on after `normal`). Made with `null` it starts tasks from outside all actors, which nothing is linked to.
 */
export class Tasks {
  readonly #owner: Cell | null;
  readonly #runtime: Runtime;

  constructor(owner: Actor | null, runtime?: Runtime) {
    this.#owner = owner && recordOf(owner);
    this.#runtime = this.#owner?.runtime ?? runtime ?? runtimeOfThread();
  }

  /** Starts a task; await it, or its owner learns of a failure by the exit signal alone. */
  async<R>(work: TaskWork<R>): Task<R> {
    return new Task(this.#owner, work, {
      parent: this.#owner,
      label: this.#label(),
      start: { runtime: this.#runtime },
    });
  }

  /**
   * Starts a task under a supervisor, linked to its owner all the same.
   *
   * @throws {NoProcError} if the supervisor has ended. @throws {StartError} with `{ limit: "max_children" }` if it has as many as it may.
   */
  asyncUnder<R>(supervisor: ActorRef<TaskSupervisor>, work: TaskWork<R>): Task<R> {
    const owner = this.#owner;
    const onCell = (cell: Cell): void => {
      if (owner && !owner.isEnding) connect(owner, cell);
      else cell.end("shutdown", false);
    };
    return new Task(owner, work, { parent: placeUnder(supervisor), label: this.#label(), ...(owner && { onCell }) });
  }

  /**
   * Starts a task under a supervisor, not linked to its owner: a failure is told by `await`, `yield` or `deliver` alone, and it outlives its owner.
   *
   * @throws {NoProcError} if the supervisor has ended. @throws {StartError} with `{ limit: "max_children" }` if it has as many as it may.
   */
  asyncNolink<R>(supervisor: ActorRef<TaskSupervisor>, work: TaskWork<R>): Task<R> {
    return new Task(this.#owner, work, { parent: placeUnder(supervisor), label: this.#label() });
  }

  /**
   * Waits for a task's value, at most `timeoutMs` (default 5,000). Nobody can ask for it afterwards, come what may.
   *
   * Rejects with `ERR_ACTOR_EXIT` if the task ended without a value, with what it threw as `cause`; with `ERR_CALL_TIMEOUT` if it takes too long: it then
   * runs on. Rejects with `TypeError` if the task is another owner's, or its outcome was taken.
   */
  async await<R>(task: Task<R>, timeoutMs: number | "infinity" = 5_000): Promise<R> {
    this.#take(task);
    const outcome = await this.#within(task, timeoutMs);
    if (!outcome) throw this.#tooLate(task, timeoutMs);
    if (outcome.error) throw outcome.error;
    return outcome.ok;
  }

  /** Waits for the values of all tasks, at most `timeoutMs` for all together; rejects as {@link await}, with the first failure in time. */
  awaitMany<R>(tasks: readonly Task<R>[], timeoutMs: number | "infinity" = 5_000): Promise<R[]> {
    return Promise.all(tasks.map((task) => this.await(task, timeoutMs)));
  }

  /**
   * Looks for a task's outcome and waits for it at most `timeoutMs` (default 5,000).
   *
   * Resolves with `{ ok }` or `{ exit }`, which takes it, or with nothing: then one can ask again. Rejects with `TypeError` as {@link await}.
   */
  async yield<R>(task: Task<R>, timeoutMs: number | "infinity" = 5_000): Promise<TaskOutcome<R> | undefined> {
    this.#check(task);
    const outcome = await this.#within(task, timeoutMs);
    if (!outcome) return undefined;
    this.#take(task);
    return bare(outcome);
  }

  /** As {@link yield} for several tasks, at most `timeoutMs` for all together; in their order, each with its outcome or nothing. */
  yieldMany<R>(
    tasks: readonly Task<R>[],
    timeoutMs: number | "infinity" = 5_000,
  ): Promise<(readonly [task: Task<R>, outcome: TaskOutcome<R> | undefined])[]> {
    return Promise.all(tasks.map(async (task) => [task, await this.yield(task, timeoutMs)] as const));
  }

  /**
   * Unlinks a task and ends it, with `"shutdown"` and, after `shutdown` milliseconds (default 5,000), a kill; resolves when it has ended.
   *
   * Resolves with `{ ok }` if it came to its value first, with `{ exit }` if it ended for a reason of its own, with nothing otherwise. It takes the
   * outcome. Rejects with `TypeError` as {@link await}.
   */
  async shutdown<R>(task: Task<R>, shutdown: Shutdown = 5_000): Promise<TaskOutcome<R> | undefined> {
    this.#take(task);
    const cell = task.orCallOff();
    if (cell) {
      if (this.#owner) unlink(this.#owner, cell.ref);
      const ended = await stopActor(cell.ref, { shutdown, ...(this.#owner && { from: this.#owner }) });
      const isOurs = ended === "shutdown" || (ended === "killed" && shutdown !== "infinity");
      const { known } = task;
      return known === undefined || (isOurs && known.error) ? undefined : bare(known);
    }
    await task.outcome;
    return undefined;
  }

  /**
   * Lets a task run on, unlinked, without anyone to ask for its outcome; it still ends with its owner at the latest.
   *
   * @returns the outcome, if it is there already.
   */
  ignore<R>(task: Task<R>): TaskOutcome<R> | undefined {
    this.#take(task);
    if (this.#owner && task.ref) unlink(this.#owner, task.ref);
    return task.known && bare(task.known);
  }

  /** Sends the outcome, when it is there, to the owner's own `handleInfo` as a {@link TaskMessage} instead; the mailbox is not held meanwhile. */
  deliver<R>(task: Task<R>): void {
    this.#take(task);
    const owner = this.#owner;
    if (!owner) throw new TypeError("there is no owner to deliver to");
    void task.outcome.then((outcome) => owner.send({ type: "task", task, ...bare(outcome) } satisfies TaskMessage<R>));
  }

  /**
   * Runs `work` over `items`, each in a task of its own, and gives their outcomes: `{ ok }`, or `{ exit }` if the owner survives it.
   *
   * Items are taken as there is room. Leaving the loop kills what still runs and waits for it.
   */
  async *asyncStream<T, R>(
    items: Iterable<T> | AsyncIterable<T>,
    work: (item: T, signal: AbortSignal) => R | PromiseLike<R>,
    options: AsyncStreamOptions = {},
  ): AsyncGenerator<TaskOutcome<R>, void, undefined> {
    const { maxConcurrency = availableParallelism(), ordered = true, timeoutMs = 5_000, supervisor } = options;
    if (!(maxConcurrency >= 1)) throw new RangeError(`maxConcurrency is at least 1, not ${maxConcurrency}`);
    const source = iteratorOf(items);
    const inHand: { readonly task: Task<R>; readonly outcome: Promise<FullOutcome<R> | undefined> }[] = [];
    let isOver = false;
    try {
      for (;;) {
        while (!isOver && inHand.length < maxConcurrency) {
          // A source that throws is over.
          isOver = true;
          const next = await source.next();
          if (next.done) break;
          isOver = false;
          const { value: item } = next;
          const run = (signal: AbortSignal): R | PromiseLike<R> => work(item, signal);
          const task = supervisor ? this.asyncNolink(supervisor, run) : this.async(run);
          inHand.push({ task, outcome: this.#within(task, timeoutMs) });
        }
        if (inHand.length === 0) return;
        const done = ordered ? 0 : await Promise.race(inHand.map(({ outcome }, index) => outcome.then(() => index)));
        const [one] = inHand.splice(done, 1);
        if (one) yield await this.#streamed(one.task, await one.outcome, options);
      }
    } finally {
      await Promise.all(inHand.map(({ task }) => this.shutdown(task, "brutal_kill")));
      if (!isOver) await source.return?.();
    }
  }

  async #streamed<R>(
    task: Task<R>,
    outcome: FullOutcome<R> | undefined,
    { timeoutMs = 5_000, onTimeout = "exit" }: AsyncStreamOptions,
  ): Promise<TaskOutcome<R>> {
    if (outcome) {
      this.#take(task);
      return bare(outcome);
    }
    const late = await this.shutdown(task, "brutal_kill");
    if (late) return late;
    if (onTimeout === "exit") throw this.#tooLate(task, timeoutMs);
    return { exit: { limit: "timeout" } };
  }

  #check(task: Task<unknown>): void {
    if (task.owner !== this.#owner) throw new TypeError("only its owner can ask for the outcome of a task");
    if (task.isTaken) throw new TypeError("the outcome of this task was taken already");
  }

  #take(task: Task<unknown>): void {
    this.#check(task);
    task.isTaken = true;
  }

  /** The outcome, or nothing after `timeoutMs`. */
  #within<R>(task: Task<R>, timeoutMs: number | "infinity"): Promise<FullOutcome<R> | undefined> {
    if (timeoutMs === "infinity" || task.known) return task.outcome;
    return new Promise((resolve) => {
      const timer = this.#runtime.clock.setTimer(timeoutMs, () => resolve(task.known));
      void task.outcome.then((outcome) => {
        timer.cancel();
        resolve(outcome);
      });
    });
  }

  #tooLate(task: Task<unknown>, timeoutMs: number | "infinity"): Error {
    const ref = task.ref ?? this.#runtime.outside;
    return new CallTimeoutError(`the task did not come to an end within ${timeoutMs} ms`, {
      ref,
      method: "task",
      timeoutMs: Number(timeoutMs),
    });
  }

  #label(): string {
    return this.#owner ? `${this.#owner.label}/task` : "task";
  }
}

function bare<R>(outcome: FullOutcome<R>): TaskOutcome<R> {
  return outcome.error ? { exit: outcome.exit } : { ok: outcome.ok };
}

function iteratorOf<T>(items: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
}
