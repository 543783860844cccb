import t from "tap";
import { type OutputForm, outputCodec } from "#src/process/output-codec.js";

/** What a codec tells about `bytes` that come in pieces of `step` bytes. */
function told(form: OutputForm, bytes: Buffer, step = bytes.length, maxBytes?: number): unknown[] {
  const seen: unknown[] = [];
  const sink = {
    bytes: (part: Buffer) => seen.push(part.toString()),
    line: (line: string) => seen.push(line),
    json: (value: unknown) => seen.push(value),
    frame: (frame: Buffer) => seen.push(frame.toString()),
    malformed: (problem: string) => seen.push(new Error(problem)),
  };
  const codec = outputCodec(form, sink, maxBytes);
  for (let at = 0; at < bytes.length; at += step) codec.push(bytes.subarray(at, at + step));
  codec.end();
  return seen;
}

const frame = (text: string) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
};

t.test("values, lines and frames come out the same however the bytes are cut", async (t) => {
  const json = Buffer.from('{"a":1}\n\n[2,"ü"]\r\nnull');
  const frames = Buffer.concat([frame("one"), frame(""), frame("größer")]);
  for (const step of [1, 2, 3, 7, 1000]) {
    t.strictSame(told("json", json, step), [{ a: 1 }, [2, "ü"], null]);
    t.strictSame(told("lines", json, step), ['{"a":1}', "", '[2,"ü"]', "null"]);
    t.strictSame(told("lengthPrefixed", frames, step), ["one", "", "größer"]);
  }
});

t.test("a line that is no JSON is told, and the next value comes", async (t) => {
  t.match(told("json", Buffer.from("{oops\n2\n")), [{ message: /a line is not JSON/ }, 2]);
});

t.test("a line of JSON beyond the limit is told once, and the next value comes", async (t) => {
  const seen = told("json", Buffer.from(`"${"x".repeat(100)}"\n2\n`), 9, 10);
  t.match(seen, [{ message: "a line of JSON is longer than 10 bytes" }, 2]);
  t.equal(seen.length, 2);
});

t.test("a frame beyond the limit is told once, and nothing behind it", async (t) => {
  const seen = told("lengthPrefixed", Buffer.concat([frame("ok"), frame("too long"), frame("late")]), 3, 4);
  t.match(seen, ["ok", { message: "a frame of 8 bytes is longer than 4" }]);
  t.equal(seen.length, 2);
});

t.test("a stream that ends inside a frame is told", async (t) => {
  t.match(told("lengthPrefixed", frame("half").subarray(0, 6)), [{ message: /ended inside a frame, 6 bytes/ }]);
});

t.test("a frame of 64 MB comes whole where that is allowed", async (t) => {
  const big = frame("x".repeat(64_000_000));
  t.equal((told("lengthPrefixed", big, 65_536, 100_000_000)[0] as string).length, 64_000_000);
});

t.test("an unknown form and a wrong limit are refused", async (t) => {
  t.throws(() => told("xml" as OutputForm, Buffer.alloc(0)), { name: "RangeError" });
  t.throws(() => told("lines", Buffer.alloc(0), 1, 0), { name: "RangeError" });
});
