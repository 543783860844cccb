/**
 * Messages of the sidecar's protocol as a person writes and reads them: one JSON object on a line, `{ id, NAME: body }`, with what is bytes
 * on the wire as text, or as `{ base64 }` where it is no UTF-8. It knows the shapes and no connection.
 */

import { isUtf8 } from "node:buffer";
import type { JsonObject } from "../app/json-lines.js";
import { startBody } from "../sidecar/start-options.js";
import { knownSignal } from "../sidecar/stop-plan.js";
import { commandShapes, decodePayload, encodeFrame } from "../wire/codec.js";
import { HEADER_BYTES } from "../wire/frame.js";
import { type Command, type CommandBodies, PROTOCOL_VERSIONS, type WireEvent } from "../wire/messages.js";

/** Keys whose texts are bytes on the wire, and lists of them; `stdin` only within a step. */
const byteKeys = new Set(["argv", "cwd", "env", "path", "arg0", "data", "to", "command"]);

/** Gives a message as an object for one line. */
export function messageObject({ name, id, body }: Command | WireEvent): JsonObject {
  return { id, [name]: readable(body) };
}

/**
 * Reads a command from a line's object: the key that names it and its body, with `id` beside it or not, in which case `nextId` is taken (0 for
 * `credit`). What a body leaves out has its default: `argv` is all that `start` needs. Signals may be names, `env` a map.
 *
 * @throws {RangeError} if it names no command.
 * @throws {WireError} if the body is not of the shape.
 */
export function commandFrom(line: JsonObject, nextId: number): Command {
  const { id, ...rest } = line;
  const [name = "", second] = Object.keys(rest);
  if (second !== undefined || !Object.hasOwn(commandShapes, name)) {
    const names = Object.keys(commandShapes).join(", ");
    throw new RangeError(`got ${JSON.stringify(line).slice(0, 60)}, allowed is an object with one of ${names}`);
  }
  const given = rest[name] ?? {};
  if (typeof given !== "object" || Array.isArray(given))
    throw new RangeError(`the body of \`${name}\` must be an object`);
  const command = name as keyof CommandBodies & string;
  const body = { ...defaultsOf(command, given as JsonObject), ...(wireValue(given, "", false) as object) };
  const number = typeof id === "number" ? id : command === "credit" ? 0 : nextId;
  const frame = encodeFrame<CommandBodies, typeof command>(command, number, body as CommandBodies[typeof command]);
  return decodePayload(commandShapes, frame.subarray(HEADER_BYTES));
}

function defaultsOf(name: keyof CommandBodies, given: JsonObject): object {
  switch (name) {
    case "hello":
      return { versions: [...PROTOCOL_VERSIONS], capabilities: 0 };
    case "start": {
      if (!Array.isArray(given.argv)) throw new RangeError("`argv` of `start` must be a list");
      const { argv: _, ...defaults } = startBody({ argv: [""] });
      return given.pty ? { ...defaults, stdin: "pty", stdout: "pty", stderr: "pty" } : defaults;
    }
    case "signal":
      return { target: "leader" };
    case "stop":
      return { signal: knownSignal("SIGTERM"), graceMs: 5_000 };
    default:
      return {};
  }
}

/** The value that the wire has for one of a line; `key` is where it stands. */
function wireValue(value: unknown, key: string, isInStep: boolean): unknown {
  const isBytes = byteKeys.has(key) || (key === "stdin" && isInStep);
  if (typeof value === "string") {
    if (isBytes) return Buffer.from(value);
    return key === "signal" ? knownSignal(value) : value;
  }
  if (Array.isArray(value)) return value.map((one) => wireValue(one, key, key === "steps"));
  if (typeof value !== "object" || value === null) return value;
  if ("base64" in value && typeof value.base64 === "string") return Buffer.from(value.base64, "base64");
  if (key === "env")
    return Buffer.from(
      Object.entries(value)
        .map(([name, text]) => `${name}=${text}\0`)
        .join(""),
    );
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, wireValue(one, name, isInStep)]));
}

function readable(value: unknown): unknown {
  if (value instanceof Uint8Array)
    return isUtf8(value) ? Buffer.from(value).toString() : { base64: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, readable(one)]));
}
