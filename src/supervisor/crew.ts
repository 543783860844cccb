/**
 * A supervisor's children and the hands that start and stop them: the one place that does. What should happen, others decide;
 * it keeps the table true, tells what happened, and leaves nothing half done when the supervisor ends meanwhile.
 */
import { cellOf } from "../actors/address.js";
import type { Cell } from "../actors/cell.js";
import { link } from "../actors/link.js";
import type { ExitReason } from "../exit.js";
import { type ActorRef, isActorRef } from "../ref.js";
import type { StartedWithInfo, StartResult } from "./child-spec.js";
import { type Child, ChildTable } from "./child-table.js";
import { publishEvent, reportError, reportProgress, type SupervisorEvent } from "./reports.js";
import { inReverse, isAsAsked, stopChild } from "./shutdown.js";
import { supervisorSnapshot } from "./snapshot.js";
import { reasonOfStart, whenStarted } from "./start-failure.js";
import type { RestartPlan } from "./strategy.js";

/** The children of one supervisor. */
export class Crew {
  readonly table = new ChildTable();
  readonly #cell: Cell;
  readonly #path: string;
  /** The start, stop or restart in progress, or the last one. */
  #inHand: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(supervisor: Cell, path: string) {
    this.#cell = supervisor;
    this.#path = path;
  }

  /** Starts `child` and records it as running; undefined if its start said `"ignore"`. Rejects with whatever its start rejects with. */
  start(child: Child): Promise<ActorRef | StartedWithInfo | undefined> {
    return this.#take(this.#start(child));
  }

  /** Stops `child` if it runs, and calls a retry or a wait off. */
  stop(child: Child): Promise<void> {
    child.callOff();
    return this.#take(this.#stop(child));
  }

  /** Stops what the plan says, then starts what it says; resolves with the child that did not start, where the plan then ends. */
  carryOut(plan: RestartPlan): Promise<Child | undefined> {
    return this.#take(this.#carryOut(plan));
  }

  /** Stops all, in reverse, once what is in hand is done: a start by then called off, a restart at its next step. */
  async stopAll(): Promise<void> {
    await this.#inHand.catch(() => {});
    this.#stopping ??= inReverse(this.table.all(), (child) => this.#stop(child));
    await this.#stopping;
  }

  /** Records that `child` has ended by itself. */
  ended(child: Child, reason: ExitReason): void {
    const { ref } = child;
    this.#isDown(child, reason);
    this.tell("exited", child, { reason, ...(ref && { ref }) });
  }

  /** Publishes an event of a child. */
  tell(type: SupervisorEvent["type"], child: Child, more: Partial<SupervisorEvent> = {}): void {
    publishEvent({ type, path: child.path, id: child.spec.id, ...more });
  }

  #take<T>(work: Promise<T>): Promise<T> {
    this.#inHand = work;
    return work;
  }

  async #carryOut({ stop, remove, start }: RestartPlan): Promise<Child | undefined> {
    const named = (ids: readonly string[]): Child[] => ids.flatMap((id) => this.table.get(id) ?? []);
    const bystanders = new Set(named(stop));
    const gone = named(remove);
    for (const child of bystanders) {
      child.callOff();
      await this.#stop(child);
      if (this.#cell.isEnding) return undefined;
    }
    for (const child of gone) this.table.remove(child);
    for (const child of named(start)) {
      if (child.wasTried) child.restarts++;
      if (bystanders.has(child)) this.tell("restarting", child);
      try {
        await this.#start(child);
      } catch (thrown) {
        if (this.#cell.isEnding) return undefined;
        reportError(this.#path, "start_error", reasonOfStart(thrown), child.spec, {});
        return child;
      }
      if (this.#cell.isEnding) return undefined;
    }
    return undefined;
  }

  async #start(child: Child): Promise<ActorRef | StartedWithInfo | undefined> {
    const { path, spec } = child;
    child.callOff();
    child.wasTried = true;
    child.state = "starting";
    let started: Exclude<StartResult, "ignore"> | undefined;
    try {
      if (this.#cell.isEnding) throw this.#cell.exitError();
      const { endSignal: signal } = this.#cell;
      started = await whenStarted(() => spec.start({ parent: this.#cell, signal, path, id: spec.id }), path);
    } catch (thrown) {
      child.state = "failed";
      const reason = reasonOfStart(thrown);
      child.exited(reason, undefined);
      this.tell("startFailed", child, { reason });
      throw thrown;
    }
    child.isNew = false;
    if (started === undefined) {
      child.state = "stopped";
      return undefined;
    }
    const ref = isActorRef(started) ? started : started.ref;
    child.state = "running";
    child.startedAtMs = Date.now();
    child.upSinceMs = this.#cell.runtime.clock.nowMs();
    this.table.isUp(child, ref);
    if (cellOf(ref).parent !== this.#cell) link(this.#cell, ref);
    this.tell("started", child, { ref });
    reportProgress(this.#path, spec, ref);
    return started;
  }

  async #stop(child: Child): Promise<void> {
    const { ref, spec } = child;
    if (!ref) {
      child.state = "stopped";
      return;
    }
    child.state = "stopping";
    this.tell("stopping", child, { ref });
    const reason = await stopChild(this.#cell, ref, spec.shutdown);
    this.#isDown(child, reason);
    this.tell("stopped", child, { ref, reason });
    if (!isAsAsked(spec.shutdown, spec.restart, reason)) {
      reportError(this.#path, "shutdown_error", reason, spec, { ref });
    }
  }

  #isDown(child: Child, reason: ExitReason): void {
    const exhaustion = child.ref && supervisorSnapshot(child.ref)?.exhaustion;
    child.exited(reason, exhaustion);
    child.state = "stopped";
    this.table.isDown(child);
  }
}
