/**
 * The supervisor: an actor that starts children in order, restarts them by its strategy, and stops them in reverse. What follows from
 * an end is decided in `strategy.ts` and `restart-window.ts` and carried out in `crew.ts`; this is the mailbox between them. What its
 * children are, it does not know.
 */
import { Actor, recordOf } from "../actors/actor.js";
import { cellOf } from "../actors/address.js";
import type { Info } from "../actors/info.js";
import { unwind } from "../actors/instance.js";
import { type Parent, startActor } from "../actors/start-actor.js";
import { giveState } from "../actors/state.js";
import { AlreadyStartedError, ChildStateError, StartError } from "../errors.js";
import { type ExitReason, isNormalExit } from "../exit.js";
import type { ActorRef } from "../ref.js";
import {
  type CheckedChildSpec,
  type ChildSpec,
  type ChildType,
  checkChildSpec,
  type StartedWithInfo,
} from "./child-spec.js";
import { Child } from "./child-table.js";
import { Crew } from "./crew.js";
import { reportError } from "./reports.js";
import { Restarts } from "./restarting.js";
import { childSnapshot, type SupervisorSnapshot, snapshot } from "./snapshot.js";
import { reasonOfStart, refusedStart, startFailure } from "./start-failure.js";
import { decide } from "./strategy.js";
import { type CheckedSupervisorSpec, checkSupervisorSpec, type SupervisorSpec, startedAs } from "./supervisor-spec.js";

/** A child as `whichChildren` lists it; `child` is undefined while it is stopped. */
export interface ListedChild {
  readonly id: string;
  readonly child: ActorRef | "restarting" | undefined;
  readonly type: ChildType;
}

/** What `countChildren` counts: specifications, those that run, and both kinds, running or not. */
export interface ChildCount {
  readonly specs: number;
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
}

/** Stands for the start of a temporary child that is up: what it held on to is let go of. */
const neverAgain = (): Promise<never> => Promise.reject(new Error("a temporary child is never started again"));

const noSpec: CheckedSupervisorSpec = {
  path: "",
  strategy: "one_for_one",
  intensity: "unlimited",
  autoShutdown: "never",
  children: [],
  chance: Math.random,
};

/** A supervisor; see {@link startSupervisor}. Its calls wait for starts and stops: use `ref.within("infinity")`. */
export class Supervisor extends Actor {
  readonly #cell = recordOf(this);
  #spec = noSpec;
  #crew = new Crew(this.#cell, "");
  #restarts = this.#restartsBy(noSpec);

  /**
   * Starts the children in order, each when the one before it is up; a failure stops those that are up, in reverse. If a child with
   * back-off fails, the supervisor is up all the same, and those after it start when it is.
   */
  override async init(given: Omit<SupervisorSpec, "path"> & { readonly path?: string }): Promise<void> {
    this.trapExit = true;
    const spec = checkSupervisorSpec({ ...given, path: given.path ?? this.#cell.label });
    this.#spec = spec;
    this.#crew = new Crew(this.#cell, spec.path);
    this.#restarts = this.#restartsBy(spec);
    const { table } = this.#crew;
    for (const child of spec.children) table.add(new Child(child, `${spec.path}/${child.id}`));
    for (const child of table.all()) {
      try {
        await this.#crew.start(child);
      } catch (thrown) {
        if (!this.#cell.isEnding) reportError(spec.path, "start_error", reasonOfStart(thrown), child.spec, {});
        if (child.spec.backoff && child.spec.backoff.attempts !== 1) return this.#restarts.failed(child);
        await this.#crew.stopAll();
        const failure = startFailure(thrown, child.path);
        const reason = { startFailed: failure };
        throw new StartError(`${spec.path} did not start`, { reason, failure }, { cause: thrown });
      }
      if (child.spec.restart === "temporary" && !child.ref) table.remove(child);
    }
    return this.#restarts.startRest();
  }

  override handleInfo(message: Info): unknown {
    if (message.type === "EXIT") {
      const child = this.#crew.table.ofRef(message.from);
      // A child that still lives may send any exit signal: believing it would make a second one beside it.
      if (!child || !cellOf(message.from).hasEnded) return undefined;
      return this.#childEnded(child, message.reason);
    }
    if (message.type !== "info" || !this.#restarts.owns(message.message)) return super.handleInfo(message);
    return this.#restarts.handle(message.message);
  }

  /**
   * Adds a child at the end and starts it; resolves with what its start resolved with (a ref, or `{ ref, info }`), or with undefined if
   * that was `"ignore"`.
   *
   * Rejects with `ERR_CHILD_SPEC`; `ERR_ALREADY_STARTED` if a child with this id runs; `ERR_CHILD_STATE` `already_present` if one
   * is known that does not; `ERR_START` if it does not start, and then nothing is kept of it.
   */
  async startChild(spec: ChildSpec): Promise<ActorRef | StartedWithInfo | undefined> {
    const { table } = this.#crew;
    const checked = this.#checked(() => checkChildSpec(spec, this.#spec.autoShutdown));
    const known = table.get(checked.id);
    if (known?.ref) {
      this.refuse(new AlreadyStartedError(`${known.path} is already started`, { ref: known.ref, id: checked.id }));
    }
    if (known) this.#refuseState(checked.id, "already_present");
    const child = new Child(checked, `${this.#spec.path}/${checked.id}`);
    table.add(child);
    const started = await this.#startOrRefuse(child, () => table.remove(child));
    child.isNew = false;
    if (checked.restart !== "temporary") return started;
    if (started) child.spec = { ...checked, start: neverAgain };
    else table.remove(child);
    return started;
  }

  /**
   * Stops a child and resolves when it has ended, or at once if it does not run; a retry, or a wait, is called off. Its specification is
   * kept, unless it is temporary. Rejects with `ERR_CHILD_STATE` `not_found`.
   */
  async terminateChild(id: string): Promise<void> {
    const child = this.#find(id);
    await this.#crew.stop(child);
    child.isNew = false;
    if (child.spec.restart === "temporary") this.#crew.table.remove(child);
    await this.#restarts.startRest();
  }

  /**
   * Starts a stopped child again; resolves as `startChild` does. Does not count as a restart.
   *
   * Rejects with `ERR_CHILD_STATE` `running`, `restarting` or `not_found`; `ERR_START` if it does not start: it stays stopped.
   */
  async restartChild(id: string): Promise<ActorRef | StartedWithInfo | undefined> {
    const child = this.#findStopped(id);
    const started = await this.#startOrRefuse(child, () => {
      child.state = "stopped";
    });
    await this.#restarts.startRest();
    return started;
  }

  /** Forgets a stopped child. Rejects with `ERR_CHILD_STATE` `running`, `restarting` or `not_found`. */
  deleteChild(id: string): void {
    this.#crew.table.remove(this.#findStopped(id));
  }

  /**
   * Returns a child's specification with its defaults filled in; without `start` for a temporary child that `startChild` added, which is never
   * started again. Rejects with `ERR_CHILD_STATE` `not_found`.
   */
  getChildSpec(id: string): Omit<CheckedChildSpec, "start"> & Partial<Pick<CheckedChildSpec, "start">> {
    const { start, ...rest } = this.#find(id).spec;
    return start === neverAgain ? rest : { ...rest, start };
  }

  /**
   * Lives by another specification from now on, as OTP's `code_change` does: nothing is started or stopped. Children that it names are
   * kept as they run, under their new specification; those that are new are added, stopped; those that it does not name are kept, last in
   * order. The restarts so far still count. Rejects with `ERR_CHILD_SPEC`, and then nothing has changed.
   */
  changeSpec(given: Pick<SupervisorSpec, "strategy" | "intensity" | "autoShutdown" | "children">): void {
    const { path, chance } = this.#spec;
    const spec = this.#checked(() => checkSupervisorSpec({ ...given, path, chance }));
    this.#spec = spec;
    this.#restarts.change(spec);
    this.#crew.table.change(spec.children, (id) => `${path}/${id}`);
  }

  /** Lists the children, the newest first, as OTP does. */
  whichChildren(): ListedChild[] {
    const listed = ({ spec, ref, isComingBack }: Child): ListedChild => ({
      id: spec.id,
      child: isComingBack ? "restarting" : ref,
      type: spec.type,
    });
    return this.#crew.table.all().reverse().map(listed);
  }

  countChildren(): ChildCount {
    const all = this.#crew.table.all();
    const supervisors = all.filter(({ spec }) => spec.type === "supervisor").length;
    const active = all.filter(({ ref }) => ref !== undefined && !cellOf(ref).hasEnded).length;
    return { specs: all.length, active, supervisors, workers: all.length - supervisors };
  }

  /** Waits for what is in hand, of which `endSignal` has called a start off, then stops the children in reverse. */
  async [unwind](): Promise<void> {
    await this.#crew.stopAll();
  }

  [giveState](): SupervisorSnapshot | undefined {
    return this[snapshot]();
  }

  [snapshot](): SupervisorSnapshot | undefined {
    if (this.#spec === noSpec) return undefined;
    const { path, strategy } = this.#spec;
    const children = this.#crew.table.all().map(childSnapshot);
    const { exhaustion } = this.#restarts;
    return { path, strategy, budget: this.#restarts.budget(), children, ...(exhaustion && { exhaustion }) };
  }

  /** The child `id` as it runs now; for subclasses, and no message. */
  protected _refOf(id: string): ActorRef | undefined {
    const ref = this.#crew.table.get(id)?.ref;
    return ref && !cellOf(ref).hasEnded ? ref : undefined;
  }

  #childEnded(child: Child, reason: ExitReason): unknown {
    const { table } = this.#crew;
    const { ref, spec } = child;
    this.#crew.ended(child, reason);
    const decision = decide(this.#spec.autoShutdown, () => table.views(), spec, reason);
    if (decision.outcome === "restart" || !isNormalExit(reason)) {
      reportError(this.#spec.path, "child_terminated", reason, spec, { ref });
    }
    if (decision.outcome === "restart")
      return this.#restarts.ended(child, this.#arrivedMs(), ref && cellOf(ref).remote?.lostThread);
    if (child.lastExit?.exhaustion) this.#crew.tell("abandoned", child, { exhaustion: child.lastExit.exhaustion });
    if (decision.outcome === "remove") table.remove(child);
    if (decision.endsSupervisor) this.exit("shutdown");
    return undefined;
  }

  async #startOrRefuse(child: Child, undo: () => void): Promise<ActorRef | StartedWithInfo | undefined> {
    try {
      return await this.#crew.start(child);
    } catch (thrown) {
      undo();
      return this.refuse(refusedStart(thrown, child.path));
    }
  }

  /** When the exit signal in hand arrived: the child's tree was gone then, and what the supervisor did since does not count. */
  #arrivedMs(): number {
    const { current, runtime } = this.#cell;
    return current?.kind === "info" ? current.arrivedMs : runtime.clock.nowMs();
  }

  #restartsBy(spec: CheckedSupervisorSpec): Restarts {
    const after = (delayMs: number, message: unknown) => this.after(delayMs, message);
    return new Restarts({ cell: this.#cell, spec, crew: this.#crew, after, end: () => this.exit("shutdown") });
  }

  #checked<T>(check: () => T): T {
    try {
      return check();
    } catch (error) {
      return this.refuse(error as Error);
    }
  }

  #find(id: string): Child {
    return this.#crew.table.get(id) ?? this.#refuseState(id, "not_found");
  }

  #findStopped(id: string): Child {
    const child = this.#find(id);
    if (child.ref) this.#refuseState(id, "running");
    if (child.isComingBack) this.#refuseState(id, "restarting");
    return child;
  }

  #refuseState(id: string, state: "running" | "restarting" | "already_present" | "not_found"): never {
    return this.refuse(new ChildStateError(`${this.#spec.path}/${id}: ${state}`, { id, state }));
  }
}

/**
 * Starts a supervisor, linked to `parent`, and its children in order; resolves when all are up.
 *
 * Rejects with `ERR_CHILD_SPEC` or `ERR_UNSUPPORTED` before anything starts; with `ERR_START` if a child does not start: those before it
 * have been stopped in reverse, and `failure.child` is the path of the one that failed. Its parent's exit signal, or `signal`,
 * calls a start in progress off.
 */
export async function startSupervisor(parent: Parent, spec: SupervisorSpec): Promise<ActorRef<Supervisor>> {
  checkSupervisorSpec(spec);
  return startActor(parent, { class: Supervisor, args: [spec], ...startedAs(spec) });
}
