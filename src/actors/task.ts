/**
 * A task: one function, run once, in an actor of its own, and what came of it. Who may ask for that, and how, is `tasks.ts`; a task knows only
 * how to run and to tell its outcome once.
 */
import type { ActorExitError } from "../errors.js";
import type { ExitReason } from "../exit.js";
import type { ActorRef } from "../ref.js";
import { Actor, recordOf } from "./actor.js";
import type { Cell } from "./cell.js";
import { onEnd } from "./monitor.js";
import { startActor } from "./start-actor.js";

/** What a task runs. The signal aborts when the task is to end; what it returns after that goes nowhere. */
export type TaskWork<R> = (signal: AbortSignal) => R | PromiseLike<R>;

/** What came of a task: its function's value, or how it ended without one. */
export type TaskOutcome<R> = { readonly ok: R } | { readonly exit: ExitReason };

/** An outcome with the error that tells of it. */
export type FullOutcome<R> =
  | { readonly ok: R; readonly error?: undefined }
  | { readonly exit: ExitReason; readonly error: Error };

/** What the runtime needs to run a task. */
export interface TaskSpec {
  /** The actor that it is a child of and linked to; `null` for none. */
  readonly parent: Cell | null;
  readonly label: string;
  /** Called when its actor is there, before it runs. */
  readonly onCell?: (cell: Cell) => void;
  /** The runtime and time limits of `startActor`. */
  readonly start?: Pick<Parameters<typeof startActor>[1], "runtime" | "shutdownMs">;
}

/** A function that runs in an actor of its own. Made by `Tasks` and by `TaskSupervisor`. */
export class Task<R = unknown> {
  /** Who may ask for the outcome; `null` for what is outside all actors. */
  readonly owner: Cell | null;
  /** Settles once with what came of it; never rejects. */
  readonly outcome: Promise<FullOutcome<R>>;
  /** The outcome, once it is there. */
  known: FullOutcome<R> | undefined = undefined;
  /** Somebody has taken the outcome, or does not want it any more. */
  isTaken = false;
  readonly #callOff = new AbortController();
  #cell: Cell | undefined;

  constructor(owner: Cell | null, work: TaskWork<R>, { parent, label, onCell, start }: TaskSpec) {
    this.owner = owner;
    this.outcome = new Promise((resolve) => {
      const settle = (outcome: FullOutcome<R>): void => {
        this.known ??= outcome;
        resolve(this.known);
      };
      const begin = (cell: Cell): void => {
        this.#cell = cell;
        // What was thrown is known only until the end is complete.
        onEnd(cell, (reason) => settle({ exit: reason, error: cell.exitError() }));
        onCell?.(cell);
      };
      startActor(parent, {
        ...start,
        class: TaskActor,
        args: [begin, work, (value: R) => settle({ ok: value })],
        id: label,
        signal: this.#callOff.signal,
      }).catch((error: InstanceType<typeof ActorExitError>) => settle({ exit: error.reason ?? "noproc", error }));
    });
  }

  /** Its actor; nothing in the moment before that is there. */
  get ref(): ActorRef | undefined {
    return this.#cell?.ref;
  }

  /** The record of its actor, or nothing if it is called off before there is one. */
  orCallOff(): Cell | undefined {
    if (!this.#cell) this.#callOff.abort();
    return this.#cell;
  }
}

class TaskActor extends Actor {
  #work: TaskWork<unknown> = () => undefined;
  #onValue: (value: unknown) => void = () => {};

  override init(begin: (cell: Cell) => void, work: TaskWork<unknown>, onValue: (value: unknown) => void): void {
    this.#work = work;
    this.#onValue = onValue;
    begin(recordOf(this));
    this.continueWith(undefined);
  }

  override async handleContinue(): Promise<void> {
    const value = await this.#work(this.endSignal);
    if (this.endSignal.aborted) return;
    this.#onValue(value);
    this.exit("normal");
  }
}
