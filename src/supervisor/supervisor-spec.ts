/**
 * What makes a supervisor: its strategy, its intensity and its children, with defaults and checks.
 */
import type { Runtime } from "../actors/runtime.js";
import type { ActorName } from "../actors/via.js";
import { type CheckedChildSpec, type ChildSpec, checkChildSpecs, checkOneOf, wrong } from "./child-spec.js";
import type { Intensity } from "./restart-window.js";
import { checkBuilt, type Strategy, strategies } from "./strategy.js";

/** What to supervise, and how. */
export interface SupervisorSpec {
  /** Its path in the tree; of a root its id. */
  readonly path: string;
  /** Default `"one_for_one"`; the others are not supported yet. */
  readonly strategy?: Strategy;
  /** Default at most 3 restarts within 5,000 ms. */
  readonly intensity?: Intensity;
  readonly children: readonly ChildSpec[];
  /** Calls the start off. */
  readonly signal?: AbortSignal;
  readonly name?: ActorName;
  readonly runtime?: Runtime;
}

/** A checked specification, with its defaults filled in. */
export interface CheckedSupervisorSpec {
  readonly path: string;
  readonly strategy: Strategy;
  readonly intensity: Intensity;
  readonly children: readonly CheckedChildSpec[];
}

const defaults = { strategy: "one_for_one", intensity: { max: 3, withinMs: 5_000 } } as const;

/**
 * Checks a supervisor's specification and its children's.
 *
 * @throws {ChildSpecError} for the first field that is wrong.
 * @throws {UnsupportedError} for a strategy that is not built yet.
 */
export function checkSupervisorSpec(spec: SupervisorSpec): CheckedSupervisorSpec {
  if (typeof spec.path !== "string" || spec.path === "") throw wrong("path", spec.path, "a text that is not empty");
  const strategy = checkOneOf("strategy", spec.strategy ?? defaults.strategy, strategies);
  checkBuilt(strategy);
  const intensity = checkIntensity(spec.intensity ?? defaults.intensity);
  return { path: spec.path, strategy, intensity, children: checkChildSpecs(spec.children) };
}

function checkIntensity(intensity: unknown): Intensity {
  if (intensity === "unlimited") return intensity;
  if (typeof intensity !== "object" || intensity === null)
    throw wrong("intensity", intensity, "{ max, withinMs } or unlimited");
  const { max, withinMs } = intensity as { max?: unknown; withinMs?: unknown };
  if (!isWhole(max) || max < 0) throw wrong("intensity.max", max, "a whole number from 0");
  if (typeof withinMs !== "number" || !Number.isFinite(withinMs) || withinMs <= 0) {
    throw wrong("intensity.withinMs", withinMs, "milliseconds above 0");
  }
  return { max, withinMs };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
