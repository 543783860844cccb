/**
 * Bringing children back: each by one rule, its supervisor's window or its own back-off, whose decisions (`restart-window.ts`,
 * `backoff.ts`, `strategy.ts`) are carried out by the crew. Knows neither calls nor mailboxes: what is to happen later, it is sent.
 */
import type { Cell } from "../actors/cell.js";
import { backoffStep } from "./backoff.js";
import type { BackoffWait, Child } from "./child-table.js";
import type { Crew } from "./crew.js";
import { publishEvent, reportError } from "./reports.js";
import { type Budget, RestartWindow } from "./restart-window.js";
import type { Exhaustion } from "./snapshot.js";
import { planRestart, type RestartPlan } from "./strategy.js";
import type { CheckedSupervisorSpec } from "./supervisor-spec.js";

/** A retry of a start that failed: a message of the supervisor to itself, so that a shutdown can get in. */
class Retry {
  readonly childId: string;
  readonly sentMs: number;

  constructor(childId: string, sentMs: number) {
    this.childId = childId;
    this.sentMs = sentMs;
  }
}

/** The end of a wait, as the supervisor is sent it. */
class WaitOver implements BackoffWait {
  readonly childId: string;
  timer = { cancel: (): void => {} };

  constructor(childId: string) {
    this.childId = childId;
  }
}

/** What {@link Restarts} needs of its supervisor. */
export interface RestartsOptions {
  readonly cell: Cell;
  readonly spec: CheckedSupervisorSpec;
  readonly crew: Crew;
  /** Sends the supervisor `message` in `delayMs` milliseconds. */
  readonly after: (delayMs: number, message: unknown) => { cancel(): void };
  /** Ends the supervisor. */
  readonly end: () => void;
}

/** How one supervisor brings its children back. */
export class Restarts {
  /** Why the supervisor gave up. */
  exhaustion: Exhaustion | undefined = undefined;
  readonly #cell: Cell;
  readonly #crew: Crew;
  readonly #after: RestartsOptions["after"];
  readonly #end: () => void;
  /** Every child has had its first turn. */
  #isComplete = false;
  #spec: CheckedSupervisorSpec;
  #window: RestartWindow;

  constructor({ cell, spec, crew, after, end }: RestartsOptions) {
    this.#cell = cell;
    this.#spec = spec;
    this.#crew = crew;
    this.#after = after;
    this.#end = end;
    this.#window = new RestartWindow(spec.intensity);
  }

  /** The restarts that count now, of how many. */
  budget(): Budget {
    return this.#window.budget(this.#nowMs());
  }

  /** Lives by another specification from now on; the restarts so far still count. */
  change(spec: CheckedSupervisorSpec): void {
    this.#spec = spec;
    this.#window = this.#window.under(spec.intensity);
  }

  /** Restarts a child that ended at `atMs`, by itself or with its `thread`, at once or, with back-off, after a wait; or gives up over it. */
  ended(child: Child, atMs: number, thread: number | undefined): Promise<void> | undefined {
    return child.spec.backoff ? this.#backOff(child, atMs - child.upSinceMs, true) : this.#restart(child, atMs, thread);
  }

  /** Does what a message of this class's own asks for; undefined for any other message, and for one that was called off. */
  handle(message: unknown): Promise<void> | undefined {
    if (!(message instanceof Retry || message instanceof WaitOver)) return undefined;
    const child = this.#crew.table.get(message.childId);
    if (message instanceof Retry) return child?.isRestarting ? this.#restart(child, message.sentMs) : undefined;
    if (child?.wait !== message) return undefined;
    this.#crew.tell("restarting", child, { failures: child.failures });
    return this.#bringBack(child);
  }

  /** Tells whether `message` is one that {@link handle} takes. */
  owns(message: unknown): boolean {
    return message instanceof Retry || message instanceof WaitOver;
  }

  /** Has a child whose start failed tried again: by the mailbox, or after a wait. */
  async failed(child: Child): Promise<void> {
    if (this.#cell.isEnding) return;
    if (child.spec.backoff) {
      await this.#backOff(child, 0, false);
      return;
    }
    child.isRestarting = true;
    this.#cell.send(new Retry(child.spec.id, this.#nowMs()));
  }

  /** Starts, in order, the children whose turn has not come yet, up to one that is not up. */
  async startRest(): Promise<void> {
    if (this.#isComplete) return;
    for (const child of this.#crew.table.all()) {
      if (!child.isNew) continue;
      if (child.isComingBack || this.#cell.isEnding) return;
      const failed = await this.#crew.carryOut({ stop: [], remove: [], start: [child.spec.id] });
      if (failed) return this.failed(failed);
      if (!child.ref && child.spec.restart === "temporary") this.#crew.table.remove(child);
    }
    this.#isComplete = true;
  }

  /** Counts a restart at `atMs` and makes it, or gives up. */
  #restart(child: Child, atMs: number, thread?: number): Promise<void> | undefined {
    child.isRestarting = false;
    if (!this.#window.add(atMs, this.#nowMs(), thread)) return this.#giveUp(child, this.budget());
    this.#crew.tell("restarting", child, this.budget());
    return this.#bringBack(child);
  }

  /** Has a child wait; those that its strategy restarts with it are stopped meanwhile, if it `wasUp`. */
  async #backOff(child: Child, ranMs: number, wasUp: boolean): Promise<void> {
    const { backoff } = child.spec;
    if (!backoff) return;
    const { failures, waitMs } = backoffStep(backoff, child.failures, ranMs, this.#spec.chance());
    child.failures = failures;
    if (waitMs === "exhausted") {
      this.#giveUp(child, { used: failures, max: null, withinMs: null }, failures);
      return;
    }
    const wait = new WaitOver(child.spec.id);
    wait.timer = this.#after(waitMs, wait);
    child.wait = wait;
    child.state = "backoff";
    this.#crew.tell("backoff", child, { waitMs, failures });
    if (wasUp) await this.#crew.carryOut({ ...this.#plan(child), start: [] });
  }

  async #bringBack(child: Child): Promise<void> {
    const failed = await this.#crew.carryOut(this.#plan(child));
    await (failed ? this.failed(failed) : this.startRest());
  }

  /** A first start is nobody else's concern. */
  #plan(child: Child): RestartPlan {
    if (child.isNew) return { stop: [], remove: [], start: [child.spec.id] };
    const { table } = this.#crew;
    return planRestart(this.#spec.strategy, () => table.views(), child.spec.id);
  }

  #giveUp(child: Child, { used, max, withinMs }: Budget, attempts?: number): undefined {
    const { path } = this.#spec;
    const { restarts, lastExit, spec } = child;
    child.state = "failed";
    reportError(path, "shutdown", "reached_max_restart_intensity", spec, {});
    if (lastExit) {
      const budget = { max, withinMs, ...(attempts !== undefined && { attempts }) };
      this.exhaustion = { path, child: child.path, restarts, ...budget, lastExit };
      publishEvent({ type: "exhausted", path, id: spec.id, used, max, withinMs, exhaustion: this.exhaustion });
    }
    this.#end();
  }

  #nowMs(): number {
    return this.#cell.runtime.clock.nowMs();
  }
}
