/**
 * Child specifications: what a supervisor needs to know to start, restart and stop a child, with OTP's names, defaults and
 * order of checks. Knows nothing of configs; `start` hides what the child is.
 */
import type { Cell } from "../actors/cell.js";
import type { Shutdown } from "../actors/exit-actor.js";
import { ChildSpecError } from "../errors.js";
import type { ActorRef } from "../ref.js";
import { type Backoff, defaultBackoff } from "./backoff.js";
import type { AutoShutdown } from "./strategy.js";

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

/** A start that worked, with a word for whoever asked for it: OTP's `{ok, Pid, Info}`. */
export interface StartedWithInfo {
  readonly ref: ActorRef;
  readonly info: unknown;
}

/** What a start resolves with. `"ignore"`: the child does not run, and that is all right. */
export type StartResult = ActorRef | StartedWithInfo | "ignore";

/** How to start, restart and stop one child. */
export interface ChildSpec {
  /** Unique in its supervisor. */
  readonly id: string;
  /** Starts the child, linked; resolves when it is up. Rejecting, or resolving with anything else, is a failed start. */
  readonly start: (context: StartContext) => Promise<StartResult>;
  /** Default `"permanent"`. */
  readonly restart?: Restart;
  /** Milliseconds from the exit signal to the kill, `"infinity"` or `"brutal_kill"`. Default 5,000; of a supervisor `"infinity"`. */
  readonly shutdown?: Shutdown;
  /** Default `"worker"`. */
  readonly type?: ChildType;
  /** Whether its end counts for its supervisor's `autoShutdown`. Default false; true for children that are not permanent only. */
  readonly significant?: boolean;
  /**
   * Retries the child after growing waits instead of counting it in its supervisor's window, also when its first start fails. What is left out is
   * as {@link defaultBackoff}. Not for a temporary child. Default none.
   */
  readonly backoff?: Partial<Backoff>;
}

/** A checked specification, with its defaults filled in. */
export interface CheckedChildSpec extends Required<Omit<ChildSpec, "backoff">> {
  readonly backoff: Backoff | undefined;
}

const defaults = {
  restart: "permanent",
  type: "worker",
  significant: false,
  shutdown: { worker: 5_000, supervisor: "infinity" },
} as const;

/**
 * Checks a specification field by field, in OTP's order, and fills in the defaults; `autoShutdown` is its supervisor's.
 *
 * @throws {ChildSpecError} for the first field that is wrong.
 */
export function checkChildSpec(spec: unknown, autoShutdown: AutoShutdown = "never"): CheckedChildSpec {
  if (typeof spec !== "object" || spec === null) throw wrong("child spec", spec, "an object");
  return { id: checkId((spec as { readonly id?: unknown }).id), ...checkChildFields(spec, autoShutdown) };
}

/**
 * Checks everything but the id; see {@link checkChildSpec}.
 *
 * @throws {ChildSpecError} for the first field that is wrong.
 */
export function checkChildFields(spec: object, autoShutdown: AutoShutdown): Omit<CheckedChildSpec, "id"> {
  const given = spec as { readonly [K in keyof ChildSpec]: unknown };
  const start = checkStart(given.start);
  const restart = checkOneOf("restart", given.restart ?? defaults.restart, ["permanent", "transient", "temporary"]);
  const significant = checkSignificant(given.significant ?? defaults.significant, restart, autoShutdown);
  const type = checkOneOf("type", given.type ?? defaults.type, ["worker", "supervisor"]);
  const shutdown = checkShutdown(given.shutdown ?? defaults.shutdown[type]);
  const backoff = checkBackoff(given.backoff, restart);
  return { start, restart, significant, type, shutdown, backoff };
}

/**
 * Checks a list of specifications.
 *
 * @throws {ChildSpecError} for the first that is wrong, and for an id that is there twice.
 */
export function checkChildSpecs(specs: unknown, autoShutdown: AutoShutdown = "never"): CheckedChildSpec[] {
  if (!Array.isArray(specs)) throw wrong("children", specs, "a list");
  const ids = new Set<string>();
  return specs.map((spec) => {
    const checked = checkChildSpec(spec, autoShutdown);
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

/** OTP's order: the supervisor's word first, then the child's own, then whether it is a truth value at all. */
function checkSignificant(significant: unknown, restart: Restart, autoShutdown: AutoShutdown): boolean {
  if (significant === true && autoShutdown === "never") {
    throw wrong("significant", significant, "false while `autoShutdown` is never");
  }
  if (significant === true && restart === "permanent") {
    throw wrong("significant", significant, "false while `restart` is permanent");
  }
  if (typeof significant !== "boolean") throw wrong("significant", significant, "true or false");
  return significant;
}

function checkBackoff(given: unknown, restart: Restart): Backoff | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== "object" || given === null) throw wrong("backoff", given, "an object");
  if (restart === "temporary") throw wrong("backoff", given, "left out while `restart` is temporary");
  const { initialMs } = { ...defaultBackoff, ...given };
  const backoff: Backoff = { ...defaultBackoff, maxMs: Math.max(defaultBackoff.maxMs, initialMs), ...given };
  const check = (field: keyof Backoff, allowed: string, isRight: (value: number) => boolean): void => {
    const value: unknown = backoff[field];
    if (typeof value !== "number" || !isRight(value)) throw wrong(`backoff.${field}`, value, allowed);
  };
  const isTime = (ms: number): boolean => Number.isFinite(ms) && ms >= 0;
  check("initialMs", "milliseconds from 0", isTime);
  check("maxMs", "milliseconds from `initialMs`", (ms) => isTime(ms) && ms >= backoff.initialMs);
  check("factor", "a number from 1", (factor) => Number.isFinite(factor) && factor >= 1);
  check("jitter", "a number from 0 to 1", (jitter) => jitter >= 0 && jitter <= 1);
  check("resetAfterMs", "milliseconds from 0", isTime);
  if (backoff.attempts !== "unlimited") {
    check("attempts", "a whole number from 1, unlimited", (count) => Number.isSafeInteger(count) && count >= 1);
  }
  return backoff;
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
