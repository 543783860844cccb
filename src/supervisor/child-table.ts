/**
 * A supervisor's table of children, in start order, found by id or by ref. Records only; starts and stops nothing.
 */
import type { ExitReason } from "../exit.js";
import type { ActorRef } from "../ref.js";
import type { CheckedChildSpec } from "./child-spec.js";
import type { Exhaustion, LastExit } from "./snapshot.js";
import type { ChildView } from "./strategy.js";

/** Where a child is in its life. `backoff`: it waits to be started again. `failed`: its start failed, or its supervisor gave up over it. */
export type ChildState = "starting" | "running" | "backoff" | "stopping" | "stopped" | "failed";

/** A wait by a child's back-off. */
export interface BackoffWait {
  readonly childId: string;
  readonly timer: { cancel(): void };
}

/** What a supervisor remembers of one child. */
export class Child {
  spec: CheckedChildSpec;
  readonly path: string;
  state: ChildState = "starting";
  /** Set exactly while it runs, as far as the supervisor knows. */
  ref: ActorRef | undefined = undefined;
  /** How often it was started again, attempts that failed included. */
  restarts = 0;
  lastExit: LastExit | undefined = undefined;
  /** `Date.now()` of its last start. */
  startedAtMs: number | undefined = undefined;
  /** Its start failed, and a retry is in the supervisor's mailbox. */
  isRestarting = false;
  /** It waits, by its back-off, to be started again; the supervisor is sent this when the wait is over. */
  wait: BackoffWait | undefined = undefined;
  /** Failures in a row, as its back-off counts them. */
  failures = 0;
  /** When it came up, on the runtime's clock. */
  upSinceMs = 0;
  /** Its turn to start for the first time has not come yet, or it waits to be tried again for the first time. */
  isNew = true;
  /** A start of it was tried. */
  wasTried = false;

  constructor(spec: CheckedChildSpec, path: string) {
    this.spec = spec;
    this.path = path;
  }

  /** It is about to be started again, by a retry or after a wait. */
  get isComingBack(): boolean {
    return this.isRestarting || this.wait !== undefined;
  }

  /** Calls a retry, or a wait, off. */
  callOff(): void {
    this.isRestarting = false;
    this.wait?.timer.cancel();
    this.wait = undefined;
  }

  /** Remembers how it ended. */
  exited(reason: ExitReason, exhaustion: Exhaustion | undefined): void {
    this.lastExit = { reason, atMs: Date.now(), ...(exhaustion && { exhaustion }) };
  }
}

/** The children of one supervisor. */
export class ChildTable {
  readonly #byId = new Map<string, Child>();
  readonly #byRef = new Map<ActorRef, Child>();

  get(id: string): Child | undefined {
    return this.#byId.get(id);
  }

  ofRef(ref: ActorRef): Child | undefined {
    return this.#byRef.get(ref);
  }

  /** Adds a child at the end of the start order. */
  add(child: Child): void {
    this.#byId.set(child.spec.id, child);
  }

  remove(child: Child): void {
    this.isDown(child);
    this.#byId.delete(child.spec.id);
  }

  /** Takes over other specifications: known children keep running under theirs, new ones are added stopped, those not named come last. */
  change(specs: readonly CheckedChildSpec[], pathOf: (id: string) => string): void {
    const before = new Map(this.#byId);
    this.#byId.clear();
    for (const spec of specs) {
      const child = before.get(spec.id) ?? stopped(new Child(spec, pathOf(spec.id)));
      child.spec = spec;
      before.delete(spec.id);
      this.add(child);
    }
    for (const child of before.values()) this.add(child);
  }

  isUp(child: Child, ref: ActorRef): void {
    child.ref = ref;
    this.#byRef.set(ref, child);
  }

  isDown(child: Child): void {
    if (child.ref) this.#byRef.delete(child.ref);
    child.ref = undefined;
  }

  /** All of them, in start order. */
  all(): Child[] {
    return [...this.#byId.values()];
  }

  /** What decisions see of them, in start order. */
  views(): ChildView[] {
    return this.all().map(({ spec, ref, isComingBack, isNew }) => ({
      id: spec.id,
      restart: spec.restart,
      significant: spec.significant,
      isDown: ref === undefined && !isComingBack && !isNew,
      isNew,
    }));
  }
}

function stopped(child: Child): Child {
  child.state = "stopped";
  child.isNew = false;
  return child;
}
