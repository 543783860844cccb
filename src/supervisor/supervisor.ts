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
import { publishEvent, reportError } from "./reports.js";
import { RestartWindow } from "./restart-window.js";
import { childSnapshot, type Exhaustion, type SupervisorSnapshot, snapshot } from "./snapshot.js";
import { reasonOfStart, refusedStart, startFailure } from "./start-failure.js";
import { decide, planRestart } from "./strategy.js";
import { type CheckedSupervisorSpec, checkSupervisorSpec, type SupervisorSpec } from "./supervisor-spec.js";

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

/** A retry of a start that failed: a message of the supervisor to itself, so that a shutdown can get in. */
class Retry {
  readonly id: string;
  readonly sentMs: number;

  constructor(id: string, sentMs: number) {
    this.id = id;
    this.sentMs = sentMs;
  }
}

const noSpec: CheckedSupervisorSpec = {
  path: "",
  strategy: "one_for_one",
  intensity: "unlimited",
  autoShutdown: "never",
  children: [],
};

/** A supervisor; see {@link startSupervisor}. Its calls wait for starts and stops: use `ref.within("infinity")`. */
export class Supervisor extends Actor {
  readonly #cell = recordOf(this);
  #spec = noSpec;
  #crew = new Crew(this.#cell, "");
  #window = new RestartWindow("unlimited");
  #exhaustion: Exhaustion | undefined;

  /** Starts the children in order, each when the one before it is up; a failure stops those that are up, in reverse. */
  override async init(given: Omit<SupervisorSpec, "path"> & { readonly path?: string }): Promise<void> {
    this.trapExit = true;
    const spec = checkSupervisorSpec({ ...given, path: given.path ?? this.#cell.label });
    this.#spec = spec;
    this.#window = new RestartWindow(spec.intensity);
    this.#crew = new Crew(this.#cell, spec.path);
    const { table } = this.#crew;
    for (const child of spec.children) table.add(new Child(child, `${spec.path}/${child.id}`));
    for (const child of table.all()) {
      try {
        await this.#crew.start(child);
      } catch (thrown) {
        reportError(spec.path, "start_error", reasonOfStart(thrown), child.spec, {});
        await this.#crew.stopAll();
        const failure = startFailure(thrown, child.path);
        throw new StartError(
          `${spec.path} did not start`,
          { reason: { startFailed: failure }, failure },
          { cause: thrown },
        );
      }
      if (child.spec.restart === "temporary" && !child.ref) table.remove(child);
    }
  }

  override handleInfo(message: Info): unknown {
    if (message.type === "EXIT") {
      const child = this.#crew.table.ofRef(message.from);
      // A child that still lives may send any exit signal: believing it would make a second one beside it.
      if (!child || !cellOf(message.from).hasEnded) return undefined;
      return this.#childEnded(child, message.reason, this.#arrivedMs());
    }
    if (message.type !== "info" || !(message.message instanceof Retry)) return super.handleInfo(message);
    const { id, sentMs } = message.message;
    const child = this.#crew.table.get(id);
    return child?.isRestarting ? this.#restart(child, sentMs) : undefined;
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
    const checked = this.#checked(spec);
    const known = table.get(checked.id);
    if (known?.ref) {
      this.refuse(new AlreadyStartedError(`${known.path} is already started`, { ref: known.ref, id: checked.id }));
    }
    if (known) this.#refuseState(checked.id, "already_present");
    const child = new Child(checked, `${this.#spec.path}/${checked.id}`);
    table.add(child);
    const started = await this.#startOrRefuse(child, () => table.remove(child));
    if (!started && checked.restart === "temporary") table.remove(child);
    return started;
  }

  /**
   * Stops a child and resolves when it has ended, or at once if it does not run; a retry is called off. Its specification is
   * kept, unless it is temporary. Rejects with `ERR_CHILD_STATE` `not_found`.
   */
  async terminateChild(id: string): Promise<void> {
    const child = this.#find(id);
    await this.#crew.stop(child);
    if (child.spec.restart === "temporary") this.#crew.table.remove(child);
  }

  /**
   * Starts a stopped child again; resolves as `startChild` does. Does not count as a restart.
   *
   * Rejects with `ERR_CHILD_STATE` `running`, `restarting` or `not_found`; `ERR_START` if it does not start: it stays stopped.
   */
  async restartChild(id: string): Promise<ActorRef | StartedWithInfo | undefined> {
    const child = this.#findStopped(id);
    return this.#startOrRefuse(child, () => {
      child.state = "stopped";
    });
  }

  /** Forgets a stopped child. Rejects with `ERR_CHILD_STATE` `running`, `restarting` or `not_found`. */
  deleteChild(id: string): void {
    this.#crew.table.remove(this.#findStopped(id));
  }

  /** Returns a child's specification with its defaults filled in. Rejects with `ERR_CHILD_STATE` `not_found`. */
  getChildSpec(id: string): CheckedChildSpec {
    return this.#find(id).spec;
  }

  /** Lists the children, the newest first, as OTP does. */
  whichChildren(): ListedChild[] {
    const listed = ({ spec, ref, isRestarting }: Child): ListedChild => ({
      id: spec.id,
      child: isRestarting ? "restarting" : ref,
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

  [snapshot](): SupervisorSnapshot | undefined {
    if (this.#spec === noSpec) return undefined;
    const { path, strategy } = this.#spec;
    const children = this.#crew.table.all().map(childSnapshot);
    const exhaustion = this.#exhaustion;
    return { path, strategy, budget: this.#budget(), children, ...(exhaustion && { exhaustion }) };
  }

  /** The child `id` as it runs now; for subclasses, and no message. */
  protected _refOf(id: string): ActorRef | undefined {
    const ref = this.#crew.table.get(id)?.ref;
    return ref && !cellOf(ref).hasEnded ? ref : undefined;
  }

  #childEnded(child: Child, reason: ExitReason, arrivedMs: number): unknown {
    const { table } = this.#crew;
    const { ref, spec } = child;
    this.#crew.ended(child, reason);
    const decision = decide(this.#spec.autoShutdown, () => table.views(), spec, reason);
    if (decision.outcome === "restart" || !isNormalExit(reason)) {
      reportError(this.#spec.path, "child_terminated", reason, spec, { ref });
    }
    if (decision.outcome === "restart") return this.#restart(child, arrivedMs);
    if (child.lastExit?.exhaustion) this.#crew.tell("abandoned", child, { exhaustion: child.lastExit.exhaustion });
    if (decision.outcome === "remove") table.remove(child);
    if (decision.endsSupervisor) this.exit("shutdown");
    return undefined;
  }

  /** Counts a restart at `nowMs` and makes it, or gives up. */
  #restart(child: Child, nowMs: number): Promise<void> | undefined {
    child.isRestarting = false;
    if (!this.#window.add(nowMs)) {
      this.#giveUp(child);
      return undefined;
    }
    this.#crew.tell("restarting", child, this.#budget());
    return this.#bringBack(child);
  }

  async #bringBack(child: Child): Promise<void> {
    const { table } = this.#crew;
    const plan = planRestart(this.#spec.strategy, () => table.views(), child.spec.id);
    const failed = await this.#crew.carryOut(plan);
    if (!failed) return;
    failed.isRestarting = true;
    this.#cell.send(new Retry(failed.spec.id, this.#cell.runtime.clock.nowMs()));
  }

  #giveUp(child: Child): void {
    const { path } = this.#spec;
    child.state = "failed";
    reportError(path, "shutdown", "reached_max_restart_intensity", child.spec, {});
    const { restarts, lastExit } = child;
    if (lastExit) {
      const { used, ...budget } = this.#budget();
      this.#exhaustion = { path, child: child.path, restarts, ...budget, lastExit };
      const { id } = child.spec;
      publishEvent({ type: "exhausted", path, id, used, ...budget, exhaustion: this.#exhaustion });
    }
    this.exit("shutdown");
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

  #budget(): SupervisorSnapshot["budget"] {
    return this.#window.budget(this.#cell.runtime.clock.nowMs());
  }

  #checked(spec: unknown): CheckedChildSpec {
    try {
      return checkChildSpec(spec, this.#spec.autoShutdown);
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
    if (child.isRestarting) this.#refuseState(id, "restarting");
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
  const { path } = checkSupervisorSpec(spec);
  const { signal, name, runtime } = spec;
  return startActor(parent, {
    class: Supervisor,
    args: [spec],
    id: path,
    shutdownMs: "infinity",
    ...(signal && { signal }),
    ...(name !== undefined && { name }),
    ...(runtime && { runtime }),
  });
}
