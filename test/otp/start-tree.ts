/**
 * Starts supervisors from the original's flags and specifications, with OTP's defaults and OTP's arithmetic of time, and turns what a
 * start came to into the original's result.
 */
import type { Parent } from "#src/actors/start-actor.js";
import { type CopalErrorOf, isCopalError } from "#src/errors.js";
import type { ActorRef } from "#src/ref.js";
import { startDynamicSupervisor } from "#src/supervisor/dynamic-supervisor.js";
import { startSupervisor } from "#src/supervisor/supervisor.js";
import type { SupervisorSpec } from "#src/supervisor/supervisor-spec.js";
import { type ErlangSpec, fromChildSpec, toChildSpec } from "./child-specs.js";
import { reasonOfError } from "./reason.js";
import { type Term, Tuple, tuple } from "./term.js";
import type { World } from "./world.js";

/** The original's supervisor flags; the period is in seconds. */
export interface Flags {
  readonly strategy?: string;
  readonly intensity?: number;
  readonly period?: number;
  readonly auto_shutdown?: string;
}

/** Where in a tree a supervisor is started; at the top unless it is somebody's child. */
export interface Place {
  readonly path: string;
  readonly signal: AbortSignal;
}

/** `supervisor:start_link(…, {ok,{Flags,Specs}})`, linked to `parent`. Rejects as Copal's start does. */
export function startTree(
  parent: Parent,
  world: World,
  flags: Flags,
  specs: readonly ErlangSpec[],
  place?: Place,
  name?: string,
): Promise<ActorRef> {
  // The old form of the flags, a tuple, is in Copal's world a list.
  if (flags instanceof Tuple)
    return startSupervisor(parent, flags.items as never) as Promise<unknown> as Promise<ActorRef>;
  const isSimple = flags.strategy === "simple_one_for_one";
  const spec = {
    ...(isSimple ? dynamicSpec(world, flags, specs) : supervisorSpec(world, flags, specs)),
    path: place?.path ?? world.nextPath(),
    runtime: world.runtime,
    ...(place && { signal: place.signal }),
    ...(name !== undefined && { name }),
  };
  const started = isSimple ? startDynamicSupervisor(parent, spec) : startSupervisor(parent, spec as SupervisorSpec);
  return started as Promise<unknown> as Promise<ActorRef>;
}

/** What the flags and specifications say, in Copal's words. */
export function supervisorSpec(world: World, flags: Flags, specs: readonly ErlangSpec[]): object {
  const { strategy, intensity = 1, period = 5, auto_shutdown } = flags;
  return {
    ...(strategy !== undefined && { strategy }),
    ...(auto_shutdown !== undefined && { autoShutdown: auto_shutdown }),
    intensity: { max: intensity, withinMs: period * 1_000, resolution: "otp" },
    children: specs.map((spec) => toChildSpec(world, spec)),
  };
}

/** The same of a `simple_one_for_one` supervisor, which has one specification. */
function dynamicSpec(world: World, flags: Flags, specs: readonly ErlangSpec[]): object {
  const {
    strategy: _strategy,
    children: _children,
    ...others
  } = supervisorSpec(world, flags, []) as Partial<SupervisorSpec>;
  const templates = specs.map((spec) => toChildSpec(world, spec));
  return { ...others, template: templates.length === 1 ? templates[0] : templates };
}

/** What `supervisor:start_link` returns: `{ok,Pid}`, `ignore` or `{error,Reason}`. */
export async function startResult(start: Promise<ActorRef>): Promise<Term> {
  try {
    return tuple("ok", await start);
  } catch (error) {
    if (isCopalError(error, "ERR_CHILD_SPEC")) return tuple("error", wrongSpec(error));
    if (isCopalError(error, "ERR_ALREADY_STARTED")) return tuple("error", tuple("already_started", error.ref));
    return isCopalError(error, "ERR_START") && error.ignored ? "ignore" : tuple("error", reasonOfError(error));
  }
}

const wrongFlags: ReadonlyMap<string, (got: unknown) => Term> = new Map([
  ["supervisor", (got) => tuple("invalid_type", tuple(...(got as Term[])))],
  ["strategy", (got) => tuple("invalid_strategy", got)],
  ["intensity.max", (got) => tuple("invalid_intensity", got)],
  ["intensity.withinMs", (got) => tuple("invalid_period", Number(got) / 1_000)],
  ["autoShutdown", (got) => tuple("invalid_auto_shutdown", got)],
]);

/** OTP's reason for a flag that Copal refused; undefined if the field is no flag. */
export function wrongFlag(field: string, got: unknown): Term {
  return wrongFlags.get(field)?.(got);
}

/** OTP's reason for a flag or a specification that Copal refused. */
function wrongSpec(error: CopalErrorOf<"ERR_CHILD_SPEC">): Term {
  const { field, got } = error;
  const flag = wrongFlag(field, got);
  if (flag !== undefined) return tuple("supervisor_data", flag);
  if (field === "template")
    return tuple(
      "bad_start_spec",
      [got].flat().map((spec) => fromChildSpec(spec as object)),
    );
  return tuple("start_spec", wrongChildSpec(error));
}

const wrongFields: ReadonlyMap<string, string> = new Map([
  ["child spec", "invalid_child_spec"],
  ["id", "duplicate_child_name"],
  ["start", "invalid_mfa"],
  ["restart", "invalid_restart_type"],
  ["significant", "invalid_significant"],
  ["type", "invalid_child_type"],
  ["shutdown", "invalid_shutdown"],
]);

/** OTP's reason for a child specification that Copal refused. */
export function wrongChildSpec({ field, got, allowed }: CopalErrorOf<"ERR_CHILD_SPEC">): Term {
  if (got === undefined) return `missing_${field}`;
  const other = ["autoShutdown", "restart"].find((name) => field === "significant" && allowed.includes(`\`${name}\``));
  if (other === "restart") return tuple("bad_combination", [tuple("restart", "permanent"), tuple("significant", true)]);
  if (other) return tuple("bad_combination", [tuple("auto_shutdown", "never"), tuple("significant", true)]);
  return tuple(wrongFields.get(field) ?? field, got);
}
