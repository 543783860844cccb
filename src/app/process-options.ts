/**
 * Turns the checked fields of a process child into the options its sidecar takes. Knows both spellings; checks nothing.
 */
import { resolve } from "node:path";
import { type RpcCodec, rpcBytes } from "../process/json-rpc.js";
import type { StartOptions, StdinOption } from "../sidecar/start-options.js";
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
  if (pty) options.pty = pty === true ? {} : pty;
  if (timeout !== undefined) options.timeoutMs = timeout;
  if (idleTimeout !== undefined) options.idleTimeoutMs = idleTimeout;
  if (outputLimit !== undefined) options.outputLimitBytes = outputLimit;
  if (limits) options.limits = limits;
  if (required) options.required = true;
  return options as Partial<StartOptions>;
}

/** The time between steps, and behind the last one, where nothing else is said. */
const defaultDelayMs = 5_000;

/**
 * Gives the steps of a stop, and how long they take together in milliseconds; undefined where there are none. A message alone is one step, with the grace
 * behind it. `codec` is that of a program which is spoken with: a message to it is one of its methods.
 */
export function plannedSteps(
  stop: Fields["stop"],
  codec: RpcCodec | undefined,
): { steps: NonNullable<StopPlan["steps"]>; sumMs: number } | undefined {
  const given = stop?.steps ?? (stop?.message !== undefined && [{ message: stop.message, delay: stop.grace }]);
  if (!given) return undefined;
  const steps = given.map(({ delay = defaultDelayMs, message, ...step }) => {
    const stdin = message === undefined ? undefined : messageBytes(message, codec);
    return { ...step, ...(stdin && { stdin }), delayMs: delay };
  });
  return {
    steps: steps as NonNullable<StopPlan["steps"]>,
    sumMs: steps.reduce((sum, { delayMs }) => sum + delayMs, 0),
  };
}

/** A text is a line of its own; a method is told as any other message to the program, and answered by nobody. */
function messageBytes(
  message: NonNullable<NonNullable<Fields["stop"]>["message"]>,
  codec: RpcCodec | undefined,
): Buffer {
  if (codec === undefined) return Buffer.from(`${message}`.replace(/\n?$/, "\n"));
  const { method, params } = typeof message === "string" ? { method: message } : message;
  return rpcBytes({ kind: "notification", method, params }, codec);
}

/** A stream that goes to actors is a pipe, which is what it is when nothing is said. */
function streamOption(
  field: Fields["stdin"] | Fields["stdout"],
  fill: (file: string) => string,
): StdinOption | undefined {
  if (field === null) return "null";
  if (typeof field === "string") return field;
  if (field === undefined || !("file" in field)) return undefined;
  return { file: fill(field.file), ...(field.append && { append: true }) };
}
