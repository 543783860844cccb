/**
 * What makes a supervisor: its strategy, its intensity and its children, with defaults and checks.
 */
import type { Runtime } from "../actors/runtime.js";
import type { ActorName } from "../actors/via.js";
import { type CheckedChildSpec, type ChildSpec, checkChildSpecs, checkOneOf, wrong } from "./child-spec.js";
import type { Intensity } from "./restart-window.js";
import { type AutoShutdown, autoShutdowns, type Strategy, strategies } from "./strategy.js";

/** What to supervise, and how. */
export interface SupervisorSpec {
  /** Its path in the tree; of a root its id. */
  readonly path: string;
  /** Default `"one_for_one"`. */
  readonly strategy?: Strategy;
  /** Default at most 3 restarts within 5,000 ms. */
  readonly intensity?: Intensity;
  /** Whether the end of a significant child ends the supervisor: of any, or of the last. Default `"never"`. */
  readonly autoShutdown?: AutoShutdown;
  readonly children: readonly ChildSpec[];
  /** Picks waits of back-off within their jitter: a number from 0 up to 1. Default `Math.random`. */
  readonly chance?: () => number;
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
  readonly autoShutdown: AutoShutdown;
  readonly children: readonly CheckedChildSpec[];
  readonly chance: () => number;
}

const defaults = {
  strategy: "one_for_one",
  intensity: { max: 3, withinMs: 5_000 },
  autoShutdown: "never",
} as const;

/**
 * Checks a supervisor's specification and its children's, in OTP's order.
 *
 * @throws {ChildSpecError} for the first field that is wrong.
 */
export function checkSupervisorSpec(spec: SupervisorSpec): CheckedSupervisorSpec {
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) throw wrong("supervisor", spec, "an object");
  if (typeof spec.path !== "string" || spec.path === "") throw wrong("path", spec.path, "a text that is not empty");
  const strategy = checkOneOf("strategy", spec.strategy ?? defaults.strategy, strategies);
  const intensity = checkIntensity(spec.intensity);
  const autoShutdown = checkOneOf("autoShutdown", spec.autoShutdown ?? defaults.autoShutdown, autoShutdowns);
  const children = checkChildSpecs(spec.children, autoShutdown);
  return { path: spec.path, strategy, intensity, autoShutdown, children, chance: spec.chance ?? Math.random };
}

/**
 * Checks how many restarts within how long are allowed; default at most 3 within 5,000 ms.
 *
 * @throws {ChildSpecError} for the first field that is wrong.
 */
export function checkIntensity(given: unknown): Intensity {
  const intensity = given ?? defaults.intensity;
  if (intensity === "unlimited") return intensity;
  if (typeof intensity !== "object" || intensity === null)
    throw wrong("intensity", intensity, "{ max, withinMs } or unlimited");
  const { max, withinMs, resolution } = intensity as { max?: unknown; withinMs?: unknown; resolution?: unknown };
  if (!isWhole(max) || max < 0) throw wrong("intensity.max", max, "a whole number from 0");
  if (typeof withinMs !== "number" || !Number.isFinite(withinMs) || withinMs <= 0) {
    throw wrong("intensity.withinMs", withinMs, "milliseconds above 0");
  }
  const unit = checkOneOf("intensity.resolution", resolution ?? "ms", ["ms", "otp"]);
  if (unit === "ms") return { max, withinMs };
  if (!isWhole(withinMs / 1_000))
    throw wrong("intensity.withinMs", withinMs, "whole seconds while `resolution` is otp");
  return { max, withinMs, resolution: unit };
}

/** What a supervisor of any kind is started with besides its class and its arguments: it has all the time it wants to stop. */
export function startedAs({ path, signal, name, runtime }: Partial<SupervisorSpec>) {
  return {
    shutdownMs: "infinity" as const,
    ...(path !== undefined && { id: path }),
    ...(signal && { signal }),
    ...(name !== undefined && { name }),
    ...(runtime && { runtime }),
  };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
