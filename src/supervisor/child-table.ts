/**
 * A supervisor's table of children, in start order, found by id or by ref. Records only; starts and stops nothing.
 */
import type { ExitReason } from "../exit.js";
import type { ActorRef } from "../ref.js";
import type { CheckedChildSpec } from "./child-spec.js";
import type { Exhaustion, LastExit } from "./snapshot.js";
import type { ChildView } from "./strategy.js";

/** Where a child is in its life. `failed`: its start failed, or its supervisor gave up over it. */
export type ChildState = "starting" | "running" | "stopping" | "stopped" | "failed";

/** What a supervisor remembers of one child. */
export class Child {
  readonly spec: CheckedChildSpec;
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

  constructor(spec: CheckedChildSpec, path: string) {
    this.spec = spec;
    this.path = path;
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
    return this.all().map(({ spec, ref, isRestarting }) => ({
      id: spec.id,
      restart: spec.restart,
      significant: spec.significant,
      isDown: ref === undefined && !isRestarting,
    }));
  }
}
