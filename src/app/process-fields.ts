/**
 * The schema of what a process child may say about how its program runs: user, limits, streams, terminal, steps to stop by. The fields of every child,
 * and how a tree is walked, stand elsewhere.
 */
import type { z as Zod } from "zod";
import { MAX_TAIL_BYTES } from "../process/output-tail.js";
import { signalName, signalNumber } from "../sidecar/signal-name.js";
import { isCapability, type RlimitName, rlimitNames } from "../sidecar/spawn-options.js";
import { durationPattern, parseDurationMs, parseSizeBytes, sizePattern } from "./units.js";
import { z } from "./zod.js";

const longestMs = 86_400_000;
const delayAllowed = "a duration such as 200ms, 5s, 1m or 2h (a bare number is milliseconds; at most 24h)";
const sizeAllowed = "a size such as 512, 64K, 256M or 1G";
const idAllowed = "a name or a number";
const fileAllowed = "a file's path";
const flagAllowed = "true or false";
const umaskAllowed = 'an octal text such as "022"';
const streamAllowed = "pipe, null, inherit, or a map of `file` and `append`";
const stdinAllowed = "pipe, socket, null, inherit, or a map of `file` and `append`";

const text = (allowed: string) =>
  z
    .string(allowed)
    .min(1, allowed)
    .refine((value) => !value.includes("\0"), allowed);
const whole = (allowed: string, min: number, max: number) =>
  z.number(allowed).int(allowed).min(min, allowed).max(max, allowed);
const flag = z.boolean(flagAllowed);

/** A duration that is at least 1 ms and at most a day. */
const delay = (min: number) =>
  z
    .union([z.number(delayAllowed), z.string(delayAllowed).regex(durationPattern, delayAllowed)], delayAllowed)
    .transform((value, context) => {
      const ms = parseDurationMs(value);
      return ms === undefined || ms < min || ms > longestMs ? refuse(context, delayAllowed) : ms;
    });
/** A size in bytes from `min` to `max`. */
export const sizeFrom = (min: number, max: number, allowed: string) =>
  z.union([z.number(allowed), z.string(allowed).regex(sizePattern, allowed)], allowed).transform((value, context) => {
    const bytes = parseSizeBytes(value);
    return bytes === undefined || bytes < min || bytes > max ? refuse(context, allowed) : bytes;
  });
const size = sizeFrom(0, Number.MAX_SAFE_INTEGER, sizeAllowed);
const name = z
  .union([text(idAllowed), whole(idAllowed, 0, 0xffff_fffe)], idAllowed)
  .transform((value) => String(value));

const signalAllowed = "a signal's name such as SIGTERM, SIGINT or SIGQUIT";
const signal = z
  .string(signalAllowed)
  .regex(/^[A-Z][A-Z0-9+-]*$/, signalAllowed)
  .transform((value, context) => {
    const number = signalNumber(value);
    return number === undefined ? refuse(context, signalAllowed) : signalName(number);
  });

const limitAllowed = "a number, a size, unlimited, or a map of `soft` and `hard`";
const oneLimit = z.union([z.literal("unlimited"), size], limitAllowed);
const rlimits = z.partialRecord(
  z.enum(rlimitNames as [RlimitName, ...RlimitName[]], rlimitNames.join(", ")),
  z.union([oneLimit, z.strictObject({ soft: oneLimit, hard: oneLimit })], limitAllowed),
  "a map of resources to limits",
);

const capabilityAllowed = "a capability's name such as NET_RAW";
const capability = z.string(capabilityAllowed).refine(isCapability, capabilityAllowed);

const messageAllowed = "a text, or a map of `method` and `params`";
const methodAllowed = "the name of a method";

/** What a program is told: a line of text; or, where it is spoken with, one of its methods. */
export const stopMessage = z.union(
  [
    text(messageAllowed),
    z.strictObject({
      method: text(methodAllowed),
      params: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())], "a list or a map").optional(),
    }),
  ],
  messageAllowed,
);

const stepAllowed = "a map of `stdin`, `closeStdin`, `message`, `command`, `signal`, `target` and `delay`";
const commandAllowed = "a list of words to execute";
const step = z.strictObject(
  {
    stdin: z.string("a text").optional(),
    closeStdin: flag.optional(),
    command: z.array(text(commandAllowed), commandAllowed).min(1, commandAllowed).optional(),
    signal: signal.optional(),
    target: z.enum(["leader", "group", "tree"], "leader, group or tree").optional(),
    delay: delay(0).optional(),
    message: stopMessage.optional(),
  },
  stepAllowed,
);

/** The steps of a stop. */
export const stopSteps = z.array(step, "a list of steps").min(1, "at least one step").max(64, "at most 64 steps");

const file = z.strictObject({ file: text(fileAllowed), append: flag.optional() }, "a map of `file` and `append`");
const word = z.enum(["pipe", "null", "inherit"], streamAllowed);

/** What a stream is connected to, besides the actors it may be told to. YAML's own null is the word. */
export const streamForms = [word, z.null(), file] as const;
const stdinField = z.union([z.enum(["pipe", "socket", "null", "inherit"], stdinAllowed), z.null(), file], stdinAllowed);

const processorsAllowed = "a number of processors from 0.01 to 10000, such as 0.5";
const limitsAllowed = "a map of `memory`, `memoryHigh`, `swap`, `cpu`, `pids` and `io`";
const ioAllowed = "a map of `readBps`, `writeBps`, `readIops` and `writeIops`";
const rate = size.refine((bytes) => bytes >= 1, sizeAllowed);
const count = whole("a whole number from 1", 1, 0xffff_ffff);

/** What the tree of a process may use. */
const limits = z.strictObject(
  {
    memory: rate.optional(),
    memoryHigh: rate.optional(),
    swap: size.optional(),
    cpu: z.number(processorsAllowed).min(0.01, processorsAllowed).max(10_000, processorsAllowed).optional(),
    pids: count.optional(),
    io: z
      .record(
        text("a device's path"),
        z.strictObject(
          {
            readBps: rate.optional(),
            writeBps: rate.optional(),
            readIops: count.optional(),
            writeIops: count.optional(),
          },
          ioAllowed,
        ),
        "a map of devices to their limits",
      )
      .optional(),
  },
  limitsAllowed,
);

const fdAllowed = "a map of descriptors from 3 to 255 to files";
const modeAllowed = "read, truncate, append or readWrite";

/** The fields of a process beyond its command, folder, variables, ends and outputs. */
export const processOptionFields = {
  arg0: text("a text").optional(),
  envFile: z.union([text(fileAllowed), z.array(text(fileAllowed), "a list of files")], fileAllowed).optional(),
  inheritEnv: z.array(text("a variable's name"), "a list of variables' names").optional(),
  user: name.optional(),
  group: name.optional(),
  groups: z.array(name, "a list of names or numbers").optional(),
  umask: z
    .string(umaskAllowed)
    .regex(/^0?[0-7]{1,3}$/, umaskAllowed)
    .transform((octal) => Number.parseInt(octal, 8))
    .optional(),
  nice: whole("a whole number from -20 to 19", -20, 19).optional(),
  ionice: z
    .strictObject(
      {
        class: z.enum(["realtime", "best-effort", "idle"], "realtime, best-effort or idle"),
        level: whole("a whole number from 0 to 7", 0, 7).optional(),
      },
      "a map of `class` and `level`",
    )
    .optional(),
  oomScoreAdj: whole("a whole number from -1000 to 1000", -1_000, 1_000).optional(),
  rlimits: rlimits.optional(),
  noNewPrivs: flag.optional(),
  dropCapabilities: z
    .union([z.literal("all"), z.array(capability, "a list of capabilities")], "all, or a list of capabilities")
    .optional(),
  descriptors: z
    .record(
      z.string().regex(/^([3-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$/, "a descriptor from 3 to 255"),
      z.strictObject(
        {
          file: text(fileAllowed),
          mode: z.enum(["read", "truncate", "append", "readWrite"], modeAllowed),
        },
        "a map of `file` and `mode`",
      ),
      fdAllowed,
    )
    .optional(),
  stdin: stdinField.optional(),
  tail: sizeFrom(0, MAX_TAIL_BYTES, "a size up to 16M, such as 64K").optional(),
  mergeStderr: flag.optional(),
  pty: z
    .union(
      [
        z.boolean(),
        z.strictObject({
          rows: whole("a whole number from 0 to 65535", 0, 65_535).optional(),
          cols: whole("a whole number from 0 to 65535", 0, 65_535).optional(),
          term: text("a terminal's name such as xterm-256color").optional(),
          echo: flag.optional(),
          raw: flag.optional(),
          separateStderr: flag.optional(),
        }),
      ],
      "true, false, or a map of `rows`, `cols`, `term`, `echo`, `raw` and `separateStderr`",
    )
    .optional(),
  timeout: delay(1).optional(),
  idleTimeout: delay(1).optional(),
  outputLimit: size.optional(),
  limits: limits.optional(),
  required: flag.optional(),
} as const;

function refuse(context: Zod.RefinementCtx, allowed: string): never {
  context.addIssue({ code: "custom", message: allowed });
  return z.NEVER;
}
