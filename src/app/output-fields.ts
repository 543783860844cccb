/**
 * What a process child may say about its output as messages: who gets it, in what form, and whether the program is spoken with. The schema, and what in it
 * is right by itself and wrong together; how a tree is walked stands elsewhere.
 */
import type { z as Zod } from "zod";
import { LARGEST_BYTES } from "../process/output-codec.js";
import { type PlacedTarget, targetsOf } from "./output-targets.js";
import { sizeFrom, streamForms } from "./process-fields.js";
import type { CheckedFields } from "./schema.js";
import { z } from "./zod.js";

/** The keys of one target, for hints. */
export const outputKeys = ["to", "method", "as", "codec", "maxSize"] as const;

const target = z.strictObject(
  {
    to: z
      .custom<string | object>(
        (to) => typeof to === "string" || (typeof to === "object" && to !== null),
        "an actor's id",
      )
      .optional(),
    method: z
      .string("the name of a method")
      .regex(/^[A-Za-z$][\w$]*$/, "the name of a public method")
      .optional(),
    as: z
      .enum(["lines", "bytes", "json", "lengthPrefixed", "rpc"], "lines, bytes, json, lengthPrefixed or rpc")
      .optional(),
    codec: z.enum(["json", "lengthPrefixed"], "json or lengthPrefixed").optional(),
    maxSize: sizeFrom(1, LARGEST_BYTES, "a size from 1 to 256M, such as 64K").optional(),
  },
  "a map of `to`, `method`, `as`, `codec` and `maxSize`",
);

// To one receiver, or to each of several.
const outputForms = [target, z.array(target, "a list of targets").min(1, "at least one target")] as const;

/** What a stream that a process writes to is connected to, actors included. */
export const outputField = z.union(
  [...outputForms, ...streamForms],
  "a map of `to`, `method` and `as`, a list of them, a file, pipe or null",
);

/** One target of a stream, checked. */
export type CheckedTarget = Zod.output<typeof target>;

/** Lists what is wrong together among a process's streams: the field, by keys from the process's map, and the sentence. */
export function* wrongOutputs(
  fields: CheckedFields<"process">,
): Generator<readonly [field: readonly (string | number)[], text: string]> {
  const { mergeStderr, pty } = fields;
  const targets = targetsOf(fields);
  for (const { stream, at, target } of targets) {
    const { to, method, as = "lines", codec, maxSize } = target;
    if (as === "rpc" && stream === "stderr")
      yield [[...at, "as"], "got rpc, allowed on stdout: a program answers there"];
    if (as === "rpc" && method !== undefined)
      yield [
        [...at, "method"],
        "got a name, allowed without `as: rpc`: it is the program that says which method it means",
      ];
    if (as !== "rpc" && to === undefined)
      yield [at, "got no `to`, allowed is an actor's id (only `as: rpc` does without)"];
    if (as !== "rpc" && codec !== undefined)
      yield [
        [...at, "codec"],
        `got ${codec}, allowed with \`as: rpc\` only; \`as: ${codec}\` is what gives the values alone`,
      ];
    if (as === "bytes" && maxSize !== undefined)
      yield [[...at, "maxSize"], "got a size, allowed for lines, JSON and frames: bytes come as they are"];
  }
  if (mergeStderr && fields.stderr !== undefined)
    yield [["stderr"], "got a place for it, allowed is none beside `mergeStderr`: it goes where stdout goes"];
  const isInTerminal = pty === true || (pty && !pty.separateStderr);
  if (isInTerminal && targets.some(({ stream }) => stream === "stderr"))
    yield [["stderr"], "got a target, allowed with `pty: { separateStderr: true }`: in a terminal it is stdout"];
  yield* wrongConversation(fields, targets);
}

function* wrongConversation(
  fields: CheckedFields<"process">,
  targets: readonly PlacedTarget[],
): Generator<readonly [field: readonly (string | number)[], text: string]> {
  const { stop, stdin, mergeStderr, pty } = fields;
  const [rpc, second] = targets.filter(({ target }) => target.as === "rpc");
  const hasPipe = stdin === undefined || stdin === "pipe";
  const canHear = hasPipe || stdin === "socket";
  if (second) yield [[...second.at, "as"], "got rpc twice, allowed is one conversation with a program"];
  if (rpc && !hasPipe)
    yield [["stdin"], "got something else, allowed is pipe while stdout is `as: rpc`: the requests come there"];
  if (rpc && pty)
    yield [["pty"], "got a terminal, allowed is none while stdout is `as: rpc`: a program is asked over pipes"];
  if (rpc && mergeStderr)
    yield [["mergeStderr"], "got true, allowed is false while stdout is `as: rpc`: only answers may stand there"];
  if (stop?.message !== undefined && stop.steps !== undefined)
    yield [["stop", "message"], "got a message beside `steps`; say it in one of them"];
  for (const [index, step] of (stop?.steps ?? []).entries())
    if (step.message !== undefined && step.stdin !== undefined)
      yield [["stop", "steps", index, "message"], "got a message beside `stdin`, allowed is one of them in a step"];
  for (const [at, message] of messagesOf(stop)) {
    if (!canHear) yield [at, "got a message, allowed while stdin is a pipe or a socket: it is written there"];
    if (!rpc && typeof message !== "string")
      yield [at, "got a map, allowed is a text; a method with `params` is for a process whose stdout is `as: rpc`"];
    if (rpc && typeof message === "string" && /\s/.test(message))
      yield [at, "got a text with blanks, allowed is the name of a method: stdout is `as: rpc`"];
  }
}

function messagesOf(stop: CheckedFields<"process">["stop"]) {
  const steps = stop?.steps?.map(({ message }, index) => [["stop", "steps", index, "message"], message] as const) ?? [];
  return [[["stop", "message"], stop?.message] as const, ...steps].filter(([, message]) => message !== undefined);
}
