/**
 * Child specifications: what a supervisor needs to know to start, restart and stop a child, with OTP's names, defaults and
 * order of checks. Knows nothing of configs; `start` hides what the child is.
 */
import type { Cell } from "../actors/cell.js";
import type { Shutdown } from "../actors/exit-actor.js";
import { ChildSpecError, UnsupportedError } from "../errors.js";
import type { ActorRef } from "../ref.js";

/** When a child is started again: always, after an abnormal end, never. */
export type Restart = "permanent" | "transient" | "temporary";

/** What a child is; it decides the default of `shutdown`. */
export type ChildType = "worker" | "supervisor";

/** What a start function is given. */
export interface StartContext {
  /** The supervisor; pass it to `startActor`, so that the child is linked from its first moment. */
  readonly parent: Cell;
  /** Aborts when the supervisor begins to end: the start must then give up, soon, leaving nothing. */
  readonly signal: AbortSignal;
  /** The child's path in the tree, such as `shop/web/api`. */
  readonly path: string;
  readonly id: string;
}

/** How to start, restart and stop one child. */
export interface ChildSpec {
  /** Unique in its supervisor. */
  readonly id: string;
  /** Starts the child, linked; resolves when it is up. `"ignore"`: it does not run, and that is all right. */
  readonly start: (context: StartContext) => Promise<ActorRef | "ignore">;
  /** Default `"permanent"`. */
  readonly restart?: Restart;
  /** Milliseconds from the exit signal to the kill, `"infinity"` or `"brutal_kill"`. Default 5,000; of a supervisor `"infinity"`. */
  readonly shutdown?: Shutdown;
  /** Default `"worker"`. */
  readonly type?: ChildType;
  /** Default false; true is not supported yet. */
  readonly significant?: boolean;
}

/** A checked specification, with its defaults filled in. */
export type CheckedChildSpec = Required<ChildSpec>;

const defaults = {
  restart: "permanent",
  type: "worker",
  significant: false,
  shutdown: { worker: 5_000, supervisor: "infinity" },
} as const;

/**
 * Checks a specification field by field, in OTP's order, and fills in the defaults.
 *
 * @throws {ChildSpecError} for the first field that is wrong.
 * @throws {UnsupportedError} for `significant: true`.
 */
export function checkChildSpec(spec: unknown): CheckedChildSpec {
  if (typeof spec !== "object" || spec === null) throw wrong("child spec", spec, "an object");
  const given = spec as { readonly [K in keyof ChildSpec]: unknown };
  const id = checkId(given.id);
  const start = checkStart(given.start);
  const restart = checkOneOf("restart", given.restart ?? defaults.restart, ["permanent", "transient", "temporary"]);
  const significant = checkSignificant(given.significant ?? defaults.significant);
  const type = checkOneOf("type", given.type ?? defaults.type, ["worker", "supervisor"]);
  const shutdown = checkShutdown(given.shutdown ?? defaults.shutdown[type]);
  return { id, start, restart, significant, type, shutdown };
}

/**
 * Checks a list of specifications.
 *
 * @throws {ChildSpecError} for the first that is wrong, and for an id that is there twice.
 */
export function checkChildSpecs(specs: unknown): CheckedChildSpec[] {
  if (!Array.isArray(specs)) throw wrong("children", specs, "a list");
  const ids = new Set<string>();
  return specs.map((spec) => {
    const checked = checkChildSpec(spec);
    if (ids.has(checked.id)) throw wrong("id", checked.id, "an id that no sibling has");
    ids.add(checked.id);
    return checked;
  });
}

/** Checks that `got` is one of `allowed`. @throws {ChildSpecError} if it is not. */
export function checkOneOf<const T extends string>(field: string, got: unknown, allowed: readonly T[]): T {
  const found = allowed.find((word) => word === got);
  if (found === undefined) throw wrong(field, got, allowed.join(", "));
  return found;
}

/** Makes the error for a field that is wrong. */
export function wrong(field: string, got: unknown, allowed: string): InstanceType<typeof ChildSpecError> {
  return new ChildSpecError(`\`${field}\` must be ${allowed}, got ${show(got)}`, { field, got, allowed });
}

function checkId(id: unknown): string {
  if (typeof id !== "string" || id === "") throw wrong("id", id, "a text that is not empty");
  return id;
}

function checkStart(start: unknown): ChildSpec["start"] {
  if (typeof start !== "function") throw wrong("start", start, "a function");
  return start as ChildSpec["start"];
}

function checkSignificant(significant: unknown): boolean {
  if (typeof significant !== "boolean") throw wrong("significant", significant, "true or false");
  if (significant) throw new UnsupportedError("`significant` is not supported yet", { feature: "significant" });
  return significant;
}

function checkShutdown(shutdown: unknown): Shutdown {
  if (shutdown === "infinity" || shutdown === "brutal_kill") return shutdown;
  if (typeof shutdown === "number" && Number.isFinite(shutdown) && shutdown >= 0) return shutdown;
  throw wrong("shutdown", shutdown, "milliseconds from 0, infinity, brutal_kill");
}

function show(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(value)
    : typeof value === "object" && value !== null
      ? "an object"
      : String(value);
}
