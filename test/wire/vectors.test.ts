import { readFileSync } from "node:fs";
import t from "tap";
import { commandShapes, decodePayload, encodeFrame, eventShapes } from "#src/wire/codec.js";
import { FrameReader } from "#src/wire/frame.js";

interface Vector {
  name: string;
  kind: "command" | "event";
  hex: string;
  message: [string, number, unknown];
}

const read = (file: string) =>
  JSON.parse(readFileSync(new URL(`../../../test/vectors/${file}`, import.meta.url), "utf8"));
const frames = read("frames.json") as Vector[];
const hostile = read("hostile.json") as { name: string; hex: string; error: "ERR_WIRE" | "incomplete" }[];
const shapesOf = (kind: string) => (kind === "command" ? commandShapes : eventShapes) as never;

/** A vector's JSON as the message it stands for: `{ "$bin": hex }` is bytes. */
function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== "object" || value === null) return value;
  if ("$bin" in value) return new Uint8Array(Buffer.from(value.$bin as string, "hex"));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
}

/** Bytes of a decoded message as plain Uint8Arrays, so that views and copies compare equal. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

for (const { name, kind, hex, message } of frames) {
  t.test(`golden frame: ${name}`, async (t) => {
    const bytes = Buffer.from(hex, "hex");
    const [messageName, id, body] = revive(message) as [string, number, unknown];
    t.equal(
      encodeFrame<Record<string, unknown>, string>(messageName, id, body).toString("hex"),
      hex,
      "is written byte for byte",
    );
    const payloads: unknown[] = [];
    new FrameReader((payload) => payloads.push(plain(decodePayload(shapesOf(kind), payload)))).push(bytes);
    t.strictSame(payloads, [{ name: messageName, id, body: plain(body) }], "is read as its message");
  });
}

for (const { name, hex, error } of hostile) {
  t.test(`hostile bytes are refused: ${name}`, async (t) => {
    const reader = new FrameReader((payload) => decodePayload(commandShapes, payload));
    const push = () => reader.push(Buffer.from(hex, "hex"));
    if (error === "ERR_WIRE") t.throws(push, { code: "ERR_WIRE" });
    else t.doesNotThrow(push);
  });
}
