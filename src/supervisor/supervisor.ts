/**
 * The supervisor: an actor that starts children in order, restarts them by its strategy, and stops them in reverse. It carries out
 * what `strategy.ts` and `restart-window.ts` decide, and is the one place that does. What its children are, it does not know.
 */
import { channel } from "node:diagnostics_channel";
import { Actor, recordOf } from "../actors/actor.js";
import { cellOf } from "../actors/address.js";
import type { Info } from "../actors/info.js";
import { unwind } from "../actors/instance.js";
import { link } from "../actors/link.js";
import { type Parent, startActor } from "../actors/start-actor.js";
import { giveState } from "../actors/state.js";
import { AlreadyStartedError, ChildStateError, isCopalError, StartError } from "../errors.js";
import { type ExitReason, reasonFromError } from "../exit.js";
import type { ActorRef } from "../ref.js";
import { type CheckedChildSpec, type ChildSpec, type ChildType, checkChildSpec } from "./child-spec.js";
import { Child, ChildTable } from "./child-table.js";
import { RestartWindow } from "./restart-window.js";
import { inReverse, stopChild } from "./shutdown.js";
import { type Exhaustion, type SupervisorSnapshot, snapshot, supervisorSnapshot } from "./snapshot.js";
import { startFailure } from "./start-failure.js";
import { decide } from "./strategy.js";
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

/** What happens to a child, on the channel `copal:supervisor`; of `exhausted` the path is the supervisor's. */
export interface SupervisorEvent {
  readonly type: "started" | "exited" | "restarting" | "startFailed" | "stopping" | "stopped" | "exhausted";
  readonly path: string;
  readonly id: string;
  readonly ref?: ActorRef;
  readonly reason?: ExitReason;
  /** Restarts that count now, of how many. */
  readonly used?: number;
  readonly max?: number | null;
  readonly withinMs?: number | null;
  readonly exhaustion?: Exhaustion;
}

const events = channel("copal:supervisor");

/** A retry of a start that failed: a message of the supervisor to itself, so that a shutdown can get in. */
class Retry {
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}

/** A supervisor; see {@link startSupervisor}. Its calls wait for starts and stops: use `ref.within("infinity")`. */
export class Supervisor extends Actor {
  readonly #children = new ChildTable();
  readonly #cell = recordOf(this);
  #spec: CheckedSupervisorSpec | undefined;
  #window = new RestartWindow("unlimited");
  /** The start in progress; it never rejects. */
  #launching: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;
  #exhaustion: Exhaustion | undefined;

  /** Starts the children in order, each when the one before it is up; a failure stops those that are up, in reverse. */
  override async init(spec: CheckedSupervisorSpec): Promise<void> {
    this.trapExit = true;
    this.#spec = spec;
    this.#window = new RestartWindow(spec.intensity);
    for (const child of spec.children) this.#children.add(new Child(child, `${spec.path}/${child.id}`));
    for (const child of this.#children.all()) {
      try {
        await this.#launch(child);
      } catch (thrown) {
        await this.#stopAll();
        const failure = startFailure(thrown, child.path);
        throw new StartError(
          `${spec.path} did not start`,
          { reason: { startFailed: failure }, failure },
          { cause: thrown },
        );
      }
      if (child.spec.restart === "temporary" && !child.ref) this.#children.remove(child);
    }
  }

  override handleInfo(message: Info): unknown {
    if (message.type === "EXIT") {
      const child = this.#children.ofRef(message.from);
      return child && this.#childEnded(child, message.reason, this.#arrivedMs());
    }
    if (message.type !== "info" || !(message.message instanceof Retry)) return super.handleInfo(message);
    const child = this.#children.get(message.message.id);
    // A retry that is not the child's latest was called off.
    return child?.retry === message.message ? this.#restart(child, this.#cell.runtime.clock.nowMs()) : undefined;
  }

  /**
   * Adds a child at the end and starts it; resolves with its ref, or undefined if its start said `"ignore"`.
   *
   * Rejects with `ERR_CHILD_SPEC`; `ERR_ALREADY_STARTED` if a child with this id runs; `ERR_CHILD_STATE` `already_present` if one
   * is known that does not; `ERR_START` if it does not start, and then nothing is kept of it.
   */
  async startChild(spec: ChildSpec): Promise<ActorRef | undefined> {
    const checked = this.#checked(spec);
    const known = this.#children.get(checked.id);
    if (known?.ref) {
      this.refuse(new AlreadyStartedError(`${known.path} is already started`, { ref: known.ref, id: checked.id }));
    }
    if (known) this.#refuseState(checked.id, "already_present");
    const child = new Child(checked, `${this.#spec?.path}/${checked.id}`);
    this.#children.add(child);
    const ref = await this.#launchOrRefuse(child, () => this.#children.remove(child));
    if (!ref && checked.restart === "temporary") this.#children.remove(child);
    return ref;
  }

  /**
   * Stops a child and resolves when it has ended, or at once if it does not run; a retry is called off. Its specification is
   * kept, unless it is temporary. Rejects with `ERR_CHILD_STATE` `not_found`.
   */
  async terminateChild(id: string): Promise<void> {
    const child = this.#find(id);
    child.retry = undefined;
    await this.#stop(child);
    child.state = "stopped";
    if (child.spec.restart === "temporary") this.#children.remove(child);
  }

  /**
   * Starts a stopped child again; resolves with its ref, or undefined if its start said `"ignore"`. Does not count as a restart.
   *
   * Rejects with `ERR_CHILD_STATE` `running`, `restarting` or `not_found`; `ERR_START` if it does not start: it stays stopped.
   */
  async restartChild(id: string): Promise<ActorRef | undefined> {
    const child = this.#findStopped(id);
    return this.#launchOrRefuse(child, () => {
      child.state = "stopped";
    });
  }

  /** Forgets a stopped child. Rejects with `ERR_CHILD_STATE` `running`, `restarting` or `not_found`. */
  deleteChild(id: string): void {
    this.#children.remove(this.#findStopped(id));
  }

  /** Lists the children, the newest first, as OTP does. */
  whichChildren(): ListedChild[] {
    const listed = ({ spec, ref, retry }: Child): ListedChild => ({
      id: spec.id,
      child: retry ? "restarting" : ref,
      type: spec.type,
    });
    return this.#children.all().reverse().map(listed);
  }

  countChildren(): ChildCount {
    const all = this.#children.all();
    const supervisors = all.filter(({ spec }) => spec.type === "supervisor").length;
    const active = all.filter(({ ref }) => ref !== undefined && !cellOf(ref).hasEnded).length;
    return { specs: all.length, active, supervisors, workers: all.length - supervisors };
  }

  /** Waits for a start in progress, which `endSignal` has called off, then stops the children in reverse. */
  async [unwind](): Promise<void> {
    await this.#launching;
    await this.#stopAll();
  }

  [giveState](): SupervisorSnapshot | undefined {
    return this[snapshot]();
  }

  [snapshot](): SupervisorSnapshot | undefined {
    if (!this.#spec) return undefined;
    const { path, strategy } = this.#spec;
    const children = this.#children.all().map(({ spec, path, state, ref, restarts, lastExit, startedAtMs }) => {
      const isGone = ref !== undefined && cellOf(ref).hasEnded;
      return {
        id: spec.id,
        path,
        type: spec.type,
        state: isGone ? "stopped" : state,
        ...(ref && !isGone && { ref }),
        restarts,
        ...(lastExit && { lastExit }),
        ...(startedAtMs !== undefined && { startedAtMs }),
      };
    });
    const exhaustion = this.#exhaustion;
    return { path, strategy, budget: this.#budget(), children, ...(exhaustion && { exhaustion }) };
  }

  #childEnded(child: Child, reason: ExitReason, arrivedMs: number): unknown {
    const { ref, spec } = child;
    this.#isDown(child, reason);
    this.#tell("exited", child, { reason, ...(ref && { ref }) });
    const decision = decide(
      this.#spec?.strategy ?? "one_for_one",
      () => this.#children.all().map((one) => one.spec),
      spec,
      reason,
    );
    if (decision.outcome === "restart") return this.#restart(child, arrivedMs);
    if (decision.outcome === "remove") this.#children.remove(child);
    return undefined;
  }

  /** Counts a restart at `nowMs` and makes it, or gives up. */
  #restart(child: Child, nowMs: number): unknown {
    child.retry = undefined;
    const isAllowed = this.#window.add(nowMs);
    if (!isAllowed) {
      this.#giveUp(child);
      return undefined;
    }
    child.restarts++;
    this.#tell("restarting", child, this.#budget());
    return this.#launch(child).catch(() => {
      child.retry = new Retry(child.spec.id);
      this.#cell.send(child.retry);
    });
  }

  #giveUp(child: Child): void {
    const intensity = this.#spec?.intensity;
    child.state = "failed";
    if (this.#spec && typeof intensity === "object" && child.lastExit) {
      const { restarts, lastExit, path } = child;
      this.#exhaustion = { path: this.#spec.path, child: path, restarts, ...intensity, lastExit };
      const { id } = child.spec;
      events.publish({ type: "exhausted", path: this.#spec.path, id, ...this.#budget(), exhaustion: this.#exhaustion });
    }
    this.exit("shutdown");
  }

  /** Starts `child` and records it as running. Rejects with whatever its start rejects with. */
  #launch(child: Child): Promise<ActorRef | undefined> {
    const launched = this.#start(child);
    this.#launching = launched.catch(() => {});
    return launched;
  }

  async #start(child: Child): Promise<ActorRef | undefined> {
    const { path, spec } = child;
    child.state = "starting";
    let started: ActorRef | "ignore";
    try {
      if (this.#cell.isEnding) throw this.#cell.exitError();
      started = await spec.start({ parent: this.#cell, signal: this.endSignal, path, id: spec.id });
    } catch (thrown) {
      child.state = "failed";
      const reason = isCopalError(thrown, "ERR_START") ? thrown.reason : reasonFromError(thrown);
      child.exited(reason, undefined);
      this.#tell("startFailed", child, { reason });
      throw thrown;
    }
    if (started === "ignore") {
      child.state = "stopped";
      return undefined;
    }
    child.state = "running";
    child.startedAtMs = Date.now();
    this.#children.isUp(child, started);
    if (cellOf(started).parent !== this.#cell) link(this.#cell, started);
    this.#tell("started", child, { ref: started });
    return started;
  }

  async #launchOrRefuse(child: Child, undo: () => void): Promise<ActorRef | undefined> {
    try {
      return await this.#launch(child);
    } catch (thrown) {
      undo();
      if (isCopalError(thrown, "ERR_START")) this.refuse(thrown);
      const failure = startFailure(thrown, child.path);
      const message = `${child.path} did not start: ${failure.stage}: ${failure.message}`;
      return this.refuse(new StartError(message, { reason: { startFailed: failure }, failure }, { cause: thrown }));
    }
  }

  async #stop(child: Child): Promise<void> {
    const { ref, spec } = child;
    if (!ref) {
      if (child.state === "starting") child.state = "stopped";
      return;
    }
    child.state = "stopping";
    this.#tell("stopping", child, { ref });
    const reason = await stopChild(this.#cell, ref, spec.shutdown);
    this.#isDown(child, reason);
    this.#tell("stopped", child, { ref, reason });
  }

  #stopAll(): Promise<void> {
    this.#stopping ??= inReverse(this.#children.all(), (child) => this.#stop(child));
    return this.#stopping;
  }

  #isDown(child: Child, reason: ExitReason): void {
    const exhaustion = child.ref && supervisorSnapshot(child.ref)?.exhaustion;
    child.exited(reason, exhaustion);
    child.state = "stopped";
    this.#children.isDown(child);
  }

  /** When the exit signal in hand arrived: the child's tree was gone then, and what the supervisor did since does not count. */
  #arrivedMs(): number {
    const { current, runtime } = this.#cell;
    return current?.kind === "info" ? current.arrivedMs : runtime.clock.nowMs();
  }

  #budget(): SupervisorSnapshot["budget"] {
    const intensity = this.#spec?.intensity ?? "unlimited";
    const used = this.#window.used(this.#cell.runtime.clock.nowMs());
    return intensity === "unlimited" ? { used, max: null, withinMs: null } : { used, ...intensity };
  }

  #checked(spec: unknown): CheckedChildSpec {
    try {
      return checkChildSpec(spec);
    } catch (error) {
      return this.refuse(error as Error);
    }
  }

  #find(id: string): Child {
    return this.#children.get(id) ?? this.#refuseState(id, "not_found");
  }

  #findStopped(id: string): Child {
    const child = this.#find(id);
    if (child.ref) this.#refuseState(id, "running");
    if (child.retry) this.#refuseState(id, "restarting");
    return child;
  }

  #refuseState(id: string, state: "running" | "restarting" | "already_present" | "not_found"): never {
    return this.refuse(new ChildStateError(`${this.#spec?.path}/${id}: ${state}`, { id, state }));
  }

  #tell(type: SupervisorEvent["type"], child: Child, more: Partial<SupervisorEvent>): void {
    if (events.hasSubscribers)
      events.publish({ type, path: child.path, id: child.spec.id, ...more } satisfies SupervisorEvent);
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
  const checked = checkSupervisorSpec(spec);
  const { signal, name, runtime } = spec;
  return startActor(parent, {
    class: Supervisor,
    args: [checked],
    id: checked.path,
    shutdownMs: "infinity",
    ...(signal && { signal }),
    ...(name !== undefined && { name }),
    ...(runtime && { runtime }),
  });
}
