/**
 * What makes a dynamic supervisor, and what it may start: a template for all of its children (OTP's `simple_one_for_one`), or a
 * specification with each (Elixir's `DynamicSupervisor`). Starts nothing.
 */
import type { Runtime } from "../actors/runtime.js";
import { startActor, startSpec } from "../actors/start-actor.js";
import type { ActorRef } from "../ref.js";
import {
  type CheckedChildSpec,
  type ChildSpec,
  checkChildFields,
  checkOneOf,
  type StartContext,
  type StartResult,
  wrong,
} from "./child-spec.js";
import type { Intensity } from "./restart-window.js";
import { type AutoShutdown, autoShutdowns } from "./strategy.js";
import { checkIntensity } from "./supervisor-spec.js";

/** Starts one child: `args` are the supervisor's `extraArguments`, then those of `startChild`. */
export type DynamicStart = (context: StartContext, ...args: never[]) => Promise<StartResult>;

/** How to start, restart and stop a child that has no id of its own; back-off is for listed children only. */
export interface DynamicTemplate extends Omit<ChildSpec, "id" | "start" | "backoff"> {
  /** A name for reports; the children share it. */
  readonly id?: string;
  readonly start: DynamicStart;
}

/** A child in the config's shape: `{ actor, class, args }` and so on, with `restart`, `shutdown` in milliseconds, and `significant`. */
export type DynamicChildInput = Omit<ChildSpec, "id" | "start" | "backoff"> &
  Readonly<Record<string, unknown>> &
  ({ readonly actor: string } | { readonly process: string } | { readonly supervisor: string });

/** What to supervise dynamically, and how. */
export interface DynamicSupervisorSpec {
  /** Its path in the tree; what it was started as unless given. */
  readonly path?: string;
  /** Default at most 3 restarts within 5,000 ms. */
  readonly intensity?: Intensity;
  /** Children that run or are about to be started again. Default `"infinity"`. */
  readonly maxChildren?: number | "infinity";
  /** Given to every start before the arguments of `startChild`. */
  readonly extraArguments?: readonly unknown[];
  /** With it `startChild` takes arguments for it; without, a specification. */
  readonly template?: DynamicTemplate | DynamicChildInput;
  /** With a template only: whether the end of a significant child ends the supervisor. `all_significant`: when none is left. */
  readonly autoShutdown?: AutoShutdown;
  readonly name?: string;
  readonly runtime?: Runtime;
  /** Calls the start off. */
  readonly signal?: AbortSignal;
}

/** A checked child, shared by all that one template makes. */
export interface CheckedDynamicChild extends Omit<CheckedChildSpec, "id" | "start"> {
  readonly id: string | undefined;
  readonly start: (context: StartContext, ...args: readonly unknown[]) => Promise<StartResult>;
}

/** A checked specification, with its defaults filled in. */
export interface CheckedDynamicSpec {
  readonly intensity: Intensity;
  readonly maxChildren: number;
  readonly extraArguments: readonly unknown[];
  readonly template: CheckedDynamicChild | undefined;
  readonly autoShutdown: AutoShutdown;
}

/**
 * Checks a dynamic supervisor's specification, in OTP's order, the template last.
 *
 * @throws {ChildSpecError} for the first field that is wrong.
 */
export function checkDynamicSpec(spec: DynamicSupervisorSpec): CheckedDynamicSpec {
  if (typeof spec !== "object" || spec === null) throw wrong("dynamic supervisor", spec, "an object");
  const { path, maxChildren = "infinity", extraArguments = [], template } = spec;
  if (path !== undefined && (typeof path !== "string" || path === "")) {
    throw wrong("path", path, "a text that is not empty");
  }
  const intensity = checkIntensity(spec.intensity);
  const autoShutdown = checkOneOf("autoShutdown", spec.autoShutdown ?? "never", autoShutdowns);
  if (autoShutdown !== "never" && template === undefined) {
    throw wrong("autoShutdown", autoShutdown, "never without a `template`");
  }
  if (maxChildren !== "infinity" && !(Number.isSafeInteger(maxChildren) && maxChildren >= 0)) {
    throw wrong("maxChildren", maxChildren, "a whole number from 0, infinity");
  }
  if (!Array.isArray(extraArguments)) throw wrong("extraArguments", extraArguments, "a list");
  return {
    intensity,
    autoShutdown,
    maxChildren: maxChildren === "infinity" ? Number.POSITIVE_INFINITY : maxChildren,
    extraArguments,
    template: template === undefined ? undefined : checkDynamicChild(template, autoShutdown, "template"),
  };
}

/** Checks a template, or what `startChild` takes without one. @throws {ChildSpecError} for the first field that is wrong. */
export function checkDynamicChild(spec: unknown, autoShutdown: AutoShutdown, field: string): CheckedDynamicChild {
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) throw wrong(field, spec, "one child spec");
  const { id, start = startOf(spec), backoff } = spec as { readonly [K in keyof ChildSpec]: unknown };
  if (backoff !== undefined) throw wrong("backoff", backoff, "left out under a dynamic supervisor");
  if (id !== undefined && typeof id !== "string") throw wrong("id", id, "a text");
  return { id, ...(checkChildFields({ ...spec, start }, autoShutdown) as Omit<CheckedDynamicChild, "id">) };
}

const kinds = ["actor", "process", "supervisor"] as const;

/** Makes a start function of a child in the config's shape; arguments of `startChild` follow its own `args`. */
function startOf(spec: object): CheckedDynamicChild["start"] | undefined {
  const given = spec as Readonly<Record<string, unknown>>;
  if (!kinds.some((kind) => typeof given[kind] === "string")) return undefined;
  const { restart: _restart, shutdown: _shutdown, significant: _significant, type: _type, ...own } = given;
  const { actor, class: made, args: ownArgs = [] } = own;
  return async ({ parent, signal, path }, ...more) => {
    const args = [...(ownArgs as readonly unknown[]), ...more];
    const isPlain = typeof actor === "string" && typeof made === "function";
    if (!isPlain) return startSpec(parent, more.length === 0 ? own : { ...own, args });
    const ref = await startActor(parent, { class: made as new () => object, args, id: path, signal });
    return ref as ActorRef<unknown> as ActorRef;
  };
}
