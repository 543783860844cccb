import fc from "fast-check";
import t from "tap";
import { commandShapes, decodePayload, encodeFrame, eventShapes } from "#src/wire/codec.js";
import { FrameReader } from "#src/wire/frame.js";
import type { CommandBodies, EventBodies } from "#src/wire/messages.js";

/** More by hand: COPAL_FUZZ_RUNS=1000000. */
const RUNS = Number(process.env.COPAL_FUZZ_RUNS ?? 2_000);

const bytes = fc.uint8Array({ maxLength: 300 });

/** Either decodes, or throws ERR_WIRE; anything else is a finding. */
function readsOrRefuses(chunks: readonly Uint8Array[]): boolean {
  for (const shapes of [commandShapes, eventShapes] as never[]) {
    try {
      const reader = new FrameReader((payload) => decodePayload(shapes, payload));
      for (const chunk of chunks) reader.push(chunk);
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_WIRE") throw error;
    }
  }
  return true;
}

t.test("random bytes are read or refused with ERR_WIRE, never anything else", async () => {
  fc.assert(fc.property(fc.array(bytes, { maxLength: 5 }), readsOrRefuses), { numRuns: RUNS });
});

t.test("random payloads in true frames are read or refused with ERR_WIRE", async () => {
  const framed = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((payload) => {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(payload.length);
    return [Buffer.concat([header, payload])];
  });
  fc.assert(fc.property(framed, readsOrRefuses), { numRuns: RUNS });
});

t.test("a true frame with any one byte changed is read or refused with ERR_WIRE", async () => {
  const frame = encodeFrame<EventBodies, "output">("output", 0, { stream: 1, bytes: Buffer.from("hello") });
  const changed = fc.tuple(fc.nat(frame.length - 1), fc.nat(255)).map(([at, value]) => {
    const copy = Buffer.from(frame);
    copy[at] = value;
    return [copy];
  });
  fc.assert(fc.property(changed, readsOrRefuses), { numRuns: RUNS });
});

t.test("any write comes back as it was, however it is cut", async () => {
  fc.assert(
    fc.property(bytes, fc.nat(2 ** 32 - 1), fc.array(fc.nat(320), { maxLength: 4 }), (data, id, cuts) => {
      const frame = encodeFrame<CommandBodies, "write">("write", id, { data });
      const places = [0, ...cuts.map((cut) => cut % frame.length).sort((a, b) => a - b), frame.length];
      let read: unknown;
      const reader = new FrameReader((payload) => {
        const message = decodePayload(commandShapes, payload) as { id: number; body: { data: Uint8Array } };
        read = [message.id, Buffer.from(message.body.data).toString("hex")];
      });
      for (let i = 1; i < places.length; i++) reader.push(frame.subarray(places[i - 1], places[i]));
      return JSON.stringify(read) === JSON.stringify([id, Buffer.from(data).toString("hex")]);
    }),
    { numRuns: RUNS },
  );
});
