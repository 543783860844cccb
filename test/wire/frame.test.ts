import t from "tap";
import { FrameReader, HEADER_BYTES, MAX_PAYLOAD_BYTES } from "#src/wire/frame.js";

const frameOf = (payload: string | Buffer) => {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(payload.length);
  return Buffer.concat([header, Buffer.from(payload)]);
};

function reading() {
  const payloads: string[] = [];
  const reader = new FrameReader((payload) => payloads.push(Buffer.from(payload).toString()));
  return { reader, payloads };
}

t.test("frames joined in one chunk come out one by one", async (t) => {
  const { reader, payloads } = reading();
  reader.push(Buffer.concat([frameOf("a"), frameOf("bc"), frameOf("def")]));
  t.strictSame(payloads, ["a", "bc", "def"]);
  t.equal(reader.isInsideFrame, false);
});

t.test("a stream cut at any two places reads the same", async (t) => {
  const stream = Buffer.concat([frameOf("one"), frameOf("two two"), frameOf("3")]);
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      const { reader, payloads } = reading();
      for (const part of [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)])
        reader.push(part);
      if (payloads.join() !== "one,two two,3") t.fail(`cut at ${first} and ${second}: got ${payloads.join()}`);
    }
  }
});

t.test("a truncated frame is inside a frame, and nothing came out", async (t) => {
  const { reader, payloads } = reading();
  reader.push(frameOf("hello").subarray(0, 7));
  t.strictSame(payloads, []);
  t.equal(reader.isInsideFrame, true);
});

t.test("the largest payload passes and one byte more is refused", async (t) => {
  const lengths: number[] = [];
  const reader = new FrameReader((payload) => lengths.push(payload.length));
  const largest = frameOf(Buffer.alloc(MAX_PAYLOAD_BYTES, 1));
  reader.push(largest.subarray(0, 1_000_000));
  reader.push(largest.subarray(1_000_000));
  t.strictSame(lengths, [MAX_PAYLOAD_BYTES]);
  t.throws(() => reader.push(frameOf(Buffer.alloc(MAX_PAYLOAD_BYTES + 1)).subarray(0, 4)), { code: "ERR_WIRE" });
});

t.test("a length that is announced and never sent costs no memory", async (t) => {
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 100 }, () => {
    const { reader } = reading();
    reader.push(Buffer.from([0, 0x40, 0, 0, 1]));
    return reader;
  });
  t.ok(process.memoryUsage().arrayBuffers - before < 4 * 1024 * 1024);
  t.equal(
    readers.every((reader) => reader.isInsideFrame),
    true,
  );
});
