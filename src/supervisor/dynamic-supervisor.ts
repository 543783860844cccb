/**
 * The dynamic supervisor: children of one kind, or of many, that come and go, each alike, none before another. Every operation
 * costs the same however many there are. Their end is decided as any supervisor's (`strategy.ts`, `restart-window.ts`).
 */
import { Actor, recordOf } from "../actors/actor.js";
import { cellOf } from "../actors/address.js";
import type { Info } from "../actors/info.js";
import { unwind } from "../actors/instance.js";
import { link } from "../actors/link.js";
import { describeRef } from "../actors/runtime.js";
import { type Parent, startActor } from "../actors/start-actor.js";
import { giveState } from "../actors/state.js";
import { ChildStateError } from "../errors.js";
import { type ExitReason, formatExit, isNormalExit } from "../exit.js";
import { type ActorRef, isActorRef } from "../ref.js";
import type { StartedWithInfo } from "./child-spec.js";
import {
  type CheckedDynamicChild,
  type CheckedDynamicSpec,
  checkDynamicChild,
  checkDynamicSpec,
  type DynamicSupervisorSpec,
} from "./dynamic-spec.js";
import { publishEvent, reportError, type SupervisorEvent } from "./reports.js";
import { RestartWindow } from "./restart-window.js";
import { isAsAsked, stopAtOnce, stopChild } from "./shutdown.js";
import { type Exhaustion, type LastExit, type SupervisorSnapshot, snapshot, supervisorSnapshot } from "./snapshot.js";
import { reasonOfStart, refusedStart, whenStarted } from "./start-failure.js";
import { type ChildView, decide } from "./strategy.js";
import type { ChildCount, ListedChild } from "./supervisor.js";
import { startedAs } from "./supervisor-spec.js";

/** One child; `key` is its ref, and while it is restarting the ref it had. */
interface DynamicChild {
  readonly spec: CheckedDynamicChild;
  readonly path: string;
  /** Not kept of a temporary child, which is never started again. */
  readonly args: readonly unknown[];
  key: ActorRef | undefined;
  isRestarting: boolean;
  restarts: number;
  lastExit: LastExit | undefined;
}

/** A retry of a start that failed; see the supervisor's. */
class Retry {
  readonly child: DynamicChild;
  readonly sentMs: number;

  constructor(child: DynamicChild, sentMs: number) {
    this.child = child;
    this.sentMs = sentMs;
  }
}

/** All that a decision needs to know of the other children: that there is one. */
const another: ChildView = { id: "another", restart: "permanent", significant: true, isDown: false, isNew: false };

const nothingToStart: CheckedDynamicSpec = {
  intensity: "unlimited",
  maxChildren: 0,
  extraArguments: [],
  template: undefined,
  autoShutdown: "never",
};

/**
 * A supervisor of children that are added while it runs; see {@link startDynamicSupervisor}. Also the class of an actor in a tree:
 * `{ actor: "sessions", class: DynamicSupervisor, args: [{ template }] }`.
 *
 * Its calls wait for starts and stops: use `ref.within("infinity")`.
 */
export class DynamicSupervisor extends Actor {
  readonly #cell = recordOf(this);
  readonly #children = new Map<ActorRef, DynamicChild>();
  #path = "";
  #spec = nothingToStart;
  #window = new RestartWindow("unlimited");
  #inHand: Promise<unknown> = Promise.resolve();
  #serial = 0;
  #restarting = 0;
  #exhaustion: Exhaustion | undefined;

  override init(spec: DynamicSupervisorSpec = {}): void {
    this.trapExit = true;
    this.#spec = checkDynamicSpec(spec);
    this.#path = spec.path ?? this.#cell.label;
    this.#window = new RestartWindow(this.#spec.intensity);
  }

  override handleInfo(message: Info): unknown {
    if (message.type === "EXIT") {
      const child = this.#children.get(message.from);
      if (!child || child.isRestarting || !cellOf(message.from).hasEnded) return undefined;
      return this.#childEnded(child, message.reason);
    }
    if (message.type !== "info" || !(message.message instanceof Retry)) return super.handleInfo(message);
    const { child, sentMs } = message.message;
    return child.isRestarting ? this.#restart(child, sentMs) : undefined;
  }

  /**
   * Starts a child: with the template and these arguments, or, where there is no template, from the specification given. Resolves with
   * what its start resolved with (a ref, or `{ ref, info }`), or with undefined if that was `"ignore"`: then nothing is kept.
   *
   * Rejects with `ERR_CHILD_SPEC`; `ERR_CHILD_STATE` `max_children`; `ERR_START` if it does not start, and then nothing is kept of it.
   */
  async startChild(...given: readonly unknown[]): Promise<ActorRef | StartedWithInfo | undefined> {
    const { template, maxChildren } = this.#spec;
    const spec = template ?? this.#checked(given[0]);
    if (this.#children.size >= maxChildren) this.#refuseState("max_children", `more than ${maxChildren} children`);
    const args = template ? given : [];
    const path = `${this.#path}/${spec.id ?? "child"}.${++this.#serial}`;
    try {
      const kept = spec.restart === "temporary" ? [] : args;
      const child = { spec, path, args: kept, key: undefined, isRestarting: false, restarts: 0, lastExit: undefined };
      return await this.#take(this.#start(child, args));
    } catch (thrown) {
      return this.refuse(refusedStart(thrown, path));
    }
  }

  /**
   * Stops a child and forgets it; a retry is called off. While it is restarting it goes by the ref it had.
   *
   * Rejects with `ERR_CHILD_STATE` `not_found`; with a template not for a ref that has ended, which needs no stopping (OTP's rule).
   */
  async terminateChild(ref: ActorRef): Promise<void> {
    if (!isActorRef(ref)) return this.#refuseState("simple_one_for_one", "its children have no ids");
    const child = this.#children.get(ref);
    if (!child) {
      if (this.#spec.template && cellOf(ref).hasEnded) return;
      return this.#refuseState("not_found", describeRef(ref));
    }
    if (child.isRestarting) this.#forget(child);
    else await this.#take(this.#stop(child, ref));
  }

  /** Its children cannot be started again by request: rejects with `ERR_CHILD_STATE` `simple_one_for_one`. */
  restartChild(): never {
    return this.#refuseState("simple_one_for_one", "its children have no ids");
  }

  /** As `restartChild`. */
  deleteChild(): never {
    return this.#refuseState("simple_one_for_one", "its children have no ids");
  }

  /** Lists the children, in no order. */
  whichChildren(): (Omit<ListedChild, "id"> & { readonly id: undefined })[] {
    return [...this.#children.values()].map(({ key, isRestarting, spec }) => ({
      id: undefined,
      child: isRestarting ? "restarting" : key,
      type: spec.type,
    }));
  }

  /** Counts; with a template there is one specification, and `active` leaves out those that are restarting. */
  countChildren(): ChildCount {
    const { template } = this.#spec;
    const { size } = this.#children;
    const active = size - this.#restarting;
    let supervisors = template?.type === "supervisor" ? size : 0;
    if (!template) for (const { spec } of this.#children.values()) if (spec.type === "supervisor") supervisors++;
    return { specs: template ? 1 : size, active, supervisors, workers: size - supervisors };
  }

  /** Returns the specification of a child, with its defaults filled in. Rejects with `ERR_CHILD_STATE` `not_found`. */
  getChildSpec(ref: ActorRef): CheckedDynamicChild {
    return this.#children.get(ref)?.spec ?? this.#refuseState("not_found", "no such child");
  }

  /** Waits for what is in hand, then stops all children at the same time. Those that ended alike are reported together. */
  async [unwind](): Promise<void> {
    await this.#inHand.catch(() => {});
    const running = [...this.#children.values()].filter(({ isRestarting }) => !isRestarting);
    const stopping = running.map(({ key, spec }) => ({ ref: key as ActorRef, shutdown: spec.shutdown, spec }));
    const errors = new Map<CheckedDynamicChild, Map<string, { reason: ExitReason; count: number }>>();
    await stopAtOnce(this.#cell, stopping, ({ spec }, reason) => {
      if (isAsAsked(spec.shutdown, spec.restart, reason)) return;
      const alike = errors.get(spec) ?? new Map<string, { reason: ExitReason; count: number }>();
      errors.set(spec, alike);
      const key = formatExit(reason);
      const group = alike.get(key) ?? { reason, count: 0 };
      group.count++;
      alike.set(key, group);
    });
    for (const [spec, alike] of errors)
      for (const { reason, count } of alike.values())
        reportError(this.#path, "shutdown_error", reason, spec, { count });
    this.#children.clear();
  }

  [giveState](): SupervisorSnapshot {
    return this[snapshot]();
  }

  /** Its children are too many to be shown one by one: `countChildren` and `whichChildren` tell of them. */
  [snapshot](): SupervisorSnapshot {
    const exhaustion = this.#exhaustion;
    const budget = this.#window.budget(this.#cell.runtime.clock.nowMs());
    return { path: this.#path, strategy: "one_for_one", budget, children: [], ...(exhaustion && { exhaustion }) };
  }

  #childEnded(child: DynamicChild, reason: ExitReason): unknown {
    const { spec, key: ref } = child;
    const { restart, significant } = spec;
    this.#tell("exited", child, { reason, ...(ref && { ref }) });
    const others = () => (this.#children.size > 1 ? [another] : []);
    const decision = decide(this.#spec.autoShutdown, others, { id: "ended", restart, significant }, reason);
    if (decision.outcome === "restart" || !isNormalExit(reason)) {
      reportError(this.#path, "child_terminated", reason, spec, { ref });
    }
    const exhaustion = ref && supervisorSnapshot(ref)?.exhaustion;
    child.lastExit = { reason, atMs: Date.now(), ...(exhaustion && { exhaustion }) };
    if (decision.outcome === "restart")
      return this.#restart(child, this.#arrivedMs(), ref && cellOf(ref).remote?.lostThread);
    if (exhaustion) this.#tell("abandoned", child, { exhaustion });
    this.#forget(child);
    if (decision.endsSupervisor) this.exit("shutdown");
    return undefined;
  }

  /** Counts the restart of a child that had ended at `endedMs`, by itself or with its `thread`, and makes it, or gives up. */
  #restart(child: DynamicChild, endedMs: number, thread?: number): Promise<void> | undefined {
    const nowMs = this.#cell.runtime.clock.nowMs();
    if (this.#window.add(endedMs, nowMs, thread)) {
      this.#tell("restarting", child, this.#window.budget(nowMs));
      child.restarts++;
      return this.#take(this.#bringBack(child));
    }
    const { used, ...budget } = this.#window.budget(nowMs);
    const { restarts, spec, lastExit = { reason: "shutdown", atMs: Date.now() } } = child;
    this.#forget(child);
    reportError(this.#path, "shutdown", "reached_max_restart_intensity", spec, {});
    this.#exhaustion = { path: this.#path, child: child.path, restarts, ...budget, lastExit };
    this.#tell("exhausted", child, { path: this.#path, used, ...budget, exhaustion: this.#exhaustion });
    this.exit("shutdown");
    return undefined;
  }

  async #bringBack(child: DynamicChild): Promise<void> {
    try {
      const started = await this.#start(child, child.args);
      if (started === undefined) this.#forget(child);
    } catch (thrown) {
      if (this.#cell.isEnding) return;
      const reason = reasonOfStart(thrown);
      child.lastExit = { reason, atMs: Date.now() };
      if (!child.isRestarting) this.#restarting++;
      child.isRestarting = true;
      reportError(this.#path, "start_error", reason, child.spec, {});
      this.#cell.send(new Retry(child, this.#cell.runtime.clock.nowMs()));
    }
  }

  /** Starts `child` and puts it in the table under its new ref. */
  async #start(child: DynamicChild, args: readonly unknown[]): Promise<ActorRef | StartedWithInfo | undefined> {
    const { spec, path } = child;
    const context = { parent: this.#cell, signal: this.endSignal, path, id: spec.id ?? "child" };
    const { extraArguments } = this.#spec;
    const started = await whenStarted(() => spec.start(context, ...extraArguments, ...args), path);
    if (started === undefined) return undefined;
    const ref = isActorRef(started) ? started : started.ref;
    if (child.key) this.#forget(child);
    child.key = ref;
    this.#children.set(ref, child);
    if (cellOf(ref).parent !== this.#cell) link(this.#cell, ref);
    this.#tell("started", child, { ref });
    return started;
  }

  async #stop(child: DynamicChild, ref: ActorRef): Promise<void> {
    const { spec } = child;
    this.#tell("stopping", child, { ref });
    const reason = await stopChild(this.#cell, ref, spec.shutdown);
    this.#forget(child);
    this.#tell("stopped", child, { ref, reason });
    if (!isAsAsked(spec.shutdown, spec.restart, reason)) {
      reportError(this.#path, "shutdown_error", reason, spec, { ref });
    }
  }

  #forget(child: DynamicChild): void {
    if (child.isRestarting) this.#restarting--;
    child.isRestarting = false;
    if (child.key) this.#children.delete(child.key);
  }

  #take<T>(work: Promise<T>): Promise<T> {
    this.#inHand = work;
    return work;
  }

  /** When the exit signal in hand arrived; see the supervisor's. */
  #arrivedMs(): number {
    const { current, runtime } = this.#cell;
    return current?.kind === "info" ? current.arrivedMs : runtime.clock.nowMs();
  }

  #checked(spec: unknown): CheckedDynamicChild {
    try {
      return checkDynamicChild(spec, "never", "child spec");
    } catch (error) {
      return this.refuse(error as Error);
    }
  }

  #refuseState(state: "max_children" | "not_found" | "simple_one_for_one", why: string): never {
    return this.refuse(new ChildStateError(`${this.#path}: ${state}: ${why}`, { id: why, state }));
  }

  #tell(type: SupervisorEvent["type"], child: DynamicChild, more: Partial<SupervisorEvent>): void {
    publishEvent({ type, path: child.path, id: child.spec.id ?? "child", ...more });
  }
}

/**
 * Starts a dynamic supervisor without children, linked to `parent`.
 *
 * Rejects with `ERR_CHILD_SPEC` before anything starts.
 */
export async function startDynamicSupervisor(
  parent: Parent,
  spec: DynamicSupervisorSpec = {},
): Promise<ActorRef<DynamicSupervisor>> {
  checkDynamicSpec(spec);
  return startActor(parent, { class: DynamicSupervisor, args: [spec], ...startedAs(spec) });
}
