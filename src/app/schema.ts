/**
 * The schema of a supervision tree: every field that Copal knows, what it allows, and every field it refuses for now.
 * It checks one node at a time and knows nothing of files, lines, ids in other nodes, or of how a tree is started.
 */

import type { z as Zod } from "zod";
import { signalName, signalNumber } from "../sidecar/signal-name.js";
import { autoShutdowns, strategies } from "../supervisor/strategy.js";
import { outputField } from "./output-fields.js";
import { processOptionFields, stopMessage, stopSteps } from "./process-fields.js";
import { heapSizeField, limitFields, poolField, threadField } from "./thread-fields.js";
import { durationPattern, longestDurationMs, parseDurationMs } from "./units.js";
import { z } from "./zod.js";

/** The three kinds of nodes; the kind's key carries the id. */
export const nodeKinds = ["supervisor", "process", "actor"] as const;

/** What a node of the tree is. */
export type NodeKind = (typeof nodeKinds)[number];

const idAllowed = "an id of letters, digits, `_` and `-`";
const idField = z.string(idAllowed).regex(/^[A-Za-z0-9_-]+$/, idAllowed);

const durationAllowed = `a duration such as 200ms, 5s, 1m or 2h (a bare number is milliseconds; at most ${longestDurationMs / 86_400_000} days)`;
const durationField = z
  .union(
    [
      z.number(durationAllowed).min(0, durationAllowed).max(longestDurationMs, durationAllowed),
      z.string(durationAllowed).regex(durationPattern, durationAllowed),
    ],
    durationAllowed,
  )
  .transform((value, context) => parseDurationMs(value) ?? refuse(context, durationAllowed));

const leastWatchdogMs = 50;
const watchdogAllowed = `a duration from ${leastWatchdogMs}ms, such as 5s`;
const watchdogField = durationField.refine((limitMs) => limitMs >= leastWatchdogMs, watchdogAllowed);

const graceAllowed = "a duration such as 200ms, 5s, 1m or 2h (a bare number is milliseconds; at most 24h)";
const longestGraceMs = 86_400_000;
const graceField = z
  .union(
    [
      z.number(graceAllowed).min(0, graceAllowed).max(longestGraceMs, graceAllowed),
      z.string(graceAllowed).regex(durationPattern, graceAllowed),
    ],
    graceAllowed,
  )
  .transform((value, context) => {
    const graceMs = parseDurationMs(value);
    return graceMs === undefined || graceMs > longestGraceMs ? refuse(context, graceAllowed) : graceMs;
  });

const shutdownAllowed = "a duration such as 5s, infinity or brutal_kill";
const shutdownField = z
  .union(
    [
      z.number(shutdownAllowed).min(0, shutdownAllowed).max(longestDurationMs, shutdownAllowed),
      z.string(shutdownAllowed).regex(/^(infinity|brutal_kill|\d+(\.\d+)?(ms|s|m|h)?)$/, shutdownAllowed),
    ],
    shutdownAllowed,
  )
  .transform((value, context): number | "infinity" | "brutal_kill" =>
    value === "infinity" || value === "brutal_kill"
      ? value
      : (parseDurationMs(value) ?? refuse(context, shutdownAllowed)),
  );

const restartWords = {
  permanent: "permanent",
  transient: "transient",
  temporary: "temporary",
  always: "permanent",
  "on-failure": "transient",
  no: "temporary",
} as const;
const restartAllowed = "permanent, transient, temporary, always, on-failure or no";
const restartField = z
  .enum(Object.keys(restartWords) as (keyof typeof restartWords)[], restartAllowed)
  .transform((word) => restartWords[word]);

const signalAllowed = "a signal's name such as SIGTERM, SIGINT or SIGQUIT";
const signalField = z
  .string(signalAllowed)
  .regex(/^[A-Z][A-Z0-9+-]*$/, signalAllowed)
  .transform((name, context) => {
    const number = signalNumber(name);
    return number === undefined ? refuse(context, signalAllowed) : signalName(number);
  });

const textAllowed = (what: string) =>
  z
    .string(what)
    .min(1, what)
    .refine((text) => !text.includes("\0"), what);

const commandAllowed = "a list of words to execute, or a text for /bin/sh -c";
const wordAllowed = "a text, a number, true or false";
const wordField = z
  .union([z.string(wordAllowed), z.number(wordAllowed), z.boolean(wordAllowed)], wordAllowed)
  .transform(String)
  .refine((word) => !word.includes("\0"), "a text without a NUL character");
const commandField = z.union(
  [textAllowed(commandAllowed), z.array(wordField, commandAllowed).min(1, commandAllowed)],
  commandAllowed,
);

const envAllowed = "a map of names to texts, or null to take a variable away";
const envField = z.record(
  z.string().regex(/^[^=\0]+$/, "a variable's name without `=`"),
  z
    .union(
      [z.string(envAllowed), z.number(envAllowed), z.boolean(envAllowed), z.null(envAllowed)],
      "a text, or null to take the variable away",
    )
    .transform((value) => (value === null ? null : String(value))),
  envAllowed,
);

const attemptsAllowed = "a whole number from 1, or unlimited";
const factorAllowed = "a number from 1 to 1000";
const jitterAllowed = "a number from 0 to 1";
const backoffField = z.strictObject(
  {
    initial: durationField.optional(),
    max: durationField.optional(),
    factor: z.number(factorAllowed).min(1, factorAllowed).max(1_000, factorAllowed).optional(),
    jitter: z.number(jitterAllowed).min(0, jitterAllowed).max(1, jitterAllowed).optional(),
    resetAfter: durationField.optional(),
    attempts: z
      .union(
        [
          z.literal("unlimited"),
          z.number(attemptsAllowed).int(attemptsAllowed).min(1, attemptsAllowed).max(1_000_000, attemptsAllowed),
        ],
        attemptsAllowed,
      )
      .optional(),
  },
  "a map of `initial`, `max`, `factor`, `jitter`, `resetAfter` and `attempts`",
);

const wholeNumber = (allowed: string, min: number, max: number) =>
  z.number(allowed).int(allowed).min(min, allowed).max(max, allowed);
const listAllowed = "a list of values";
const codesAllowed = "a list of exit codes from 0 to 255";
const maxAllowed = "a whole number of restarts, or `intensity: unlimited`";
const containAllowed = "auto, cgroup, pidns or tree";

/** The fields of any child. */
const anyFields = {
  restart: restartField.optional(),
  shutdown: shutdownField.optional(),
  significant: z.boolean("true or false").optional(),
  backoff: backoffField.optional(),
};

const threadsAllowed = "a whole number from 1 to 1024";
const computeField = z.strictObject(
  {
    threads: wholeNumber(threadsAllowed, 1, 1_024).optional(),
    queue: wholeNumber("a whole number from 0", 0, Number.MAX_SAFE_INTEGER).optional(),
    heap: heapSizeField.optional(),
  },
  "a map of `threads`, `queue` and `heap`",
);

/** An actor's module, as a file of the config can say it. */
export const moduleText = textAllowed("a file, file URL or package, with #Export for a named export").optional();

/** The fields of each kind of node; `children` are checked one by one by the walk over the tree. */
export const nodeFields = {
  supervisor: {
    supervisor: idField,
    ...anyFields,
    strategy: z.enum(strategies, strategies.join(", ")).optional(),
    autoShutdown: z.enum(autoShutdowns, autoShutdowns.join(", ")).optional(),
    intensity: z
      .union(
        [
          z.literal("unlimited"),
          z.strictObject({
            max: wholeNumber(maxAllowed, 0, 1_000_000).optional(),
            within: durationField.optional(),
          }),
        ],
        "a map of `max` and `within`, or unlimited",
      )
      .optional(),
    thread: threadField,
    ...limitFields,
    pool: poolField,
    compute: computeField.optional(),
    children: z.array(z.unknown(), "a list of supervisors, processes and actors"),
  },
  process: {
    process: idField,
    ...anyFields,
    command: commandField,
    cwd: textAllowed("a folder's path").optional(),
    env: envField.optional(),
    clearEnv: z.boolean("true or false").optional(),
    stop: z
      .strictObject(
        {
          signal: signalField.optional(),
          grace: graceField.optional(),
          steps: stopSteps.optional(),
          message: stopMessage.optional(),
        },
        "a map of `signal`, `grace`, `steps` and `message`",
      )
      .optional(),
    onOwnerDeath: z.strictObject({ grace: graceField.optional() }, "a map of `grace`").optional(),
    successExitCodes: z.array(wholeNumber("an exit code from 0 to 255", 0, 255), codesAllowed).optional(),
    instances: wholeNumber("a whole number from 1 to 1000", 1, 1_000).optional(),
    ...processOptionFields,
    stdout: outputField.optional(),
    stderr: outputField.optional(),
    contain: z.enum(["auto", "cgroup", "pidns", "tree"], containAllowed).optional(),
  },
  actor: {
    actor: idField,
    ...anyFields,
    module: z.preprocess((given) => (given instanceof URL ? given.href : given), moduleText),
    class: z.custom<new () => object>((value) => typeof value === "function", "a class").optional(),
    args: z.array(z.unknown(), listAllowed).optional(),
    thread: threadField,
    ...limitFields,
    watchdog: watchdogField.optional(),
    mailbox: z
      .strictObject(
        {
          capacity: wholeNumber("a whole number from 1", 1, Number.MAX_SAFE_INTEGER),
          overflow: z
            .enum(["reject", "dropOldest", "dropNewest", "block"], "reject, dropOldest, dropNewest, block")
            .optional(),
        },
        "a map of `capacity` and `overflow`",
      )
      .optional(),
  },
} as const;

/** The schema of each kind of node by itself. Keys that begin with `x-` are to be left out before. */
export const nodeSchemas = {
  supervisor: z.strictObject(nodeFields.supervisor, "a map"),
  process: z.strictObject(nodeFields.process, "a map"),
  actor: z.strictObject(nodeFields.actor, "a map"),
} as const;

/** A checked node, its durations in milliseconds, its children still as they were written. */
export type CheckedFields<K extends NodeKind> = Zod.output<(typeof nodeSchemas)[K]>;

const anyNotYet = ["dependsOn"];

/** Fields of the plan that this version refuses by name. */
export const notYetFields: Readonly<Record<NodeKind, readonly string[]>> = {
  supervisor: anyNotYet,
  process: [...["ready", "live", "watch", "logs", ...anyNotYet]],
  actor: ["logs", ...anyNotYet],
};

/** Fields inside a field that this version refuses by name. */
export const notYetInside: Readonly<Record<string, readonly string[]>> = {
  onOwnerDeath: ["hold"],
};

function refuse(context: Zod.RefinementCtx, allowed: string): never {
  context.addIssue({ code: "custom", message: allowed });
  return z.NEVER;
}
