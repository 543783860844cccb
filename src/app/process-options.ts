/**
 * Turns the checked fields of a process child into the options its sidecar takes. Knows both spellings; checks nothing.
 */
import { resolve } from "node:path";
import type { StartOptions, StdioOption } from "../sidecar/start-options.js";
import type { StopPlan } from "../sidecar/stop-plan.js";
import type { CheckedFields } from "./schema.js";

type Fields = CheckedFields<"process">;
type Copied =
  | "arg0"
  | "user"
  | "group"
  | "groups"
  | "umask"
  | "nice"
  | "oomScoreAdj"
  | "noNewPrivs"
  | "dropCapabilities";

/** Fields whose name and value are the option's own. */
const copied: readonly Copied[] = [
  ...(["arg0", "user", "group", "groups", "umask", "nice", "oomScoreAdj", "noNewPrivs", "dropCapabilities"] as const),
];

/** Gives the options; `fill` fills the variables of a file's name in. Names of environment files become absolute, seen from `folder`. */
export function processOptions(fields: Fields, folder: string, fill: (text: string, field: string) => string) {
  const options: Record<string, unknown> = {};
  for (const key of copied) if (fields[key] !== undefined) options[key] = fields[key];
  const { envFile, ionice, rlimits, descriptors, pty, timeout, idleTimeout, outputLimit, limits, required } = fields;
  if (envFile !== undefined) options.envFile = [envFile].flat().map((file) => resolve(folder, fill(file, "envFile")));
  if (ionice) options.ionice = ionice;
  if (rlimits) options.rlimits = rlimits;
  if (descriptors) {
    const filled = Object.entries(descriptors).map(([fd, one]) => [
      fd,
      { ...one, file: fill(one.file, "descriptors") },
    ]);
    options.descriptors = Object.fromEntries(filled);
  }
  for (const stream of ["stdin", "stdout", "stderr"] as const) {
    const option = streamOption(fields[stream], (file) => fill(file, stream));
    if (option !== undefined) options[stream] = option;
  }
  if (fields.mergeStderr) options.mergeStderr = true;
  if (pty !== undefined) options.pty = pty === true ? {} : pty;
  if (timeout !== undefined) options.timeoutMs = timeout;
  if (idleTimeout !== undefined) options.idleTimeoutMs = idleTimeout;
  if (outputLimit !== undefined) options.outputLimitBytes = outputLimit;
  if (limits) options.limits = limits;
  if (required) options.required = true;
  return options as Partial<StartOptions>;
}

/** Gives the steps of a stop, and how long they take together in milliseconds; undefined where there are none. */
export function plannedSteps(
  stop: Fields["stop"],
): { steps: NonNullable<StopPlan["steps"]>; sumMs: number } | undefined {
  if (stop?.steps === undefined) return undefined;
  const steps = stop.steps.map(({ delay = 5_000, message: _, ...step }) => ({ ...step, delayMs: delay }));
  return {
    steps: steps as NonNullable<StopPlan["steps"]>,
    sumMs: steps.reduce((sum, { delayMs }) => sum + delayMs, 0),
  };
}

/** A stream that goes to actors is a pipe, which is what it is when nothing is said. */
function streamOption(
  field: Fields["stdin"] | Fields["stdout"],
  fill: (file: string) => string,
): StdioOption | undefined {
  if (field === undefined || (typeof field === "object" && field !== null && "to" in field)) return undefined;
  if (field === null) return "null";
  if (typeof field === "string") return field;
  return { file: fill(field.file), ...(field.append && { append: true }) };
}
