/**
 * Plain values in memory that two threads share. Both ends live in this thread here: what one cannot see before it is published shows all the same.
 */
import fc from "fast-check";
import t from "tap";
import { RingReader, RingWriter, ringMemory } from "#src/threads/ring.js";
import { NO_ROOM, NOT_PLAIN, readFields, slotsOf, writeFields } from "#src/threads/slots.js";
import { readSpill, Spill } from "#src/threads/spill.js";

const plain = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(undefined, null, true, false, Number.NaN, -0, "", "é", "\ud800", "call", "x".repeat(300)),
);

function ring(): { writer: RingWriter; reader: RingReader } {
  const memory = ringMemory();
  return { writer: new RingWriter(memory), reader: new RingReader(memory) };
}

/** Reads what is published, as one does who has taken in so many batches. */
function readAll(reader: RingReader, taken = 0): unknown[][] {
  const seen: unknown[][] = [];
  reader.look();
  for (let next = reader.next(taken); next !== undefined; next = reader.next(taken)) seen.push(next);
  reader.release();
  return seen;
}

t.test("plain values are read as they were written", async () => {
  const slots = slotsOf(new SharedArrayBuffer(8 * 4_096), 0);
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 20 }), (fields) => {
      const behind = writeFields(slots, 1, 4_096, fields);
      const read: unknown[] = new Array(fields.length);
      return readFields(slots, 1, read) === behind && read.every((field, i) => Object.is(field, fields[i]));
    }),
  );
});

t.test("what is not plain, or reaches too far, is refused", async (t) => {
  const slots = slotsOf(new SharedArrayBuffer(8 * 8), 0);
  for (const value of [{}, [], 1n, Symbol("x"), () => {}, new Date(0)])
    t.equal(writeFields(slots, 0, 8, [1, value]), NOT_PLAIN);
  for (const fields of [["x".repeat(57)], ["é☃".repeat(15)], [1, 2, 3, 4, 5, 6, 7, 8, 9]])
    t.equal(writeFields(slots, 0, 8, fields), NO_ROOM);
  t.equal(writeFields(slots, 0, 8, ["x".repeat(56)]), 8);
});

t.test(
  "messages leave the ring in the order they came, over many laps and however far the reader is behind",
  async () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(60), fc.nat(4)), { minLength: 300, maxLength: 900 }), (steps) => {
        const { writer, reader } = ring();
        const [sent, got]: [unknown[][], unknown[][]] = [[], []];
        for (const [length, reads] of steps) {
          const message = [sent.length, "x".repeat(8 * length)];
          if (writer.write(message) > 0) sent.push(message);
          if (reads > 0) continue;
          writer.publish();
          got.push(...readAll(reader));
        }
        writer.publish();
        got.push(...readAll(reader));
        return JSON.stringify(got) === JSON.stringify(sent);
      }),
      { numRuns: 30 },
    );
  },
);

t.test("a full ring takes nothing, and something again when it was read", async (t) => {
  const { writer, reader } = ring();
  let written = 0;
  while (writer.write([written]) > 0) written++;
  t.equal(writer.write(["x"]), NO_ROOM);
  writer.publish();
  t.equal(readAll(reader).length, written);
  t.ok(writer.write(["x"]) > 0);
});

t.test("what is written is read when it is published, and behind the batches that were posted before it", async (t) => {
  const { writer, reader } = ring();
  writer.write([1]);
  t.strictSame(readAll(reader), []);
  writer.publish();
  writer.hasPosted();
  writer.write([2]);
  writer.publish();
  t.equal(reader.isBehind(0), true);
  t.strictSame(readAll(reader), [[1]]);
  t.strictSame(readAll(reader), []);
  t.strictSame(readAll(reader, 1), [[2]]);
  t.equal(reader.isBehind(1), false);
});

t.test("a reader that sleeps is woken once, and one that has something to read does not sleep unnoticed", async (t) => {
  const { writer, reader } = ring();
  writer.write([1]);
  writer.publish();
  t.strictSame([writer.takeSleep(), writer.takeSleep()], [true, false]);
  t.equal(reader.sleep(), true);
  readAll(reader);
  t.equal(reader.sleep(), false);
  reader.stayAwake();
  t.equal(writer.takeSleep(), false);
});

t.test("what found no room in the ring is read in order as well", async (t) => {
  const spill = new Spill();
  const [sent, got]: [unknown[][], unknown[][]] = [[], []];
  t.equal(spill.write([{}]), NOT_PLAIN);
  for (let i = 0; spill.write([i, `message ${i}`, i / 3]) > 0; i++) sent.push([i, `message ${i}`, i / 3]);
  readSpill(spill.take() as SharedArrayBuffer, (message) => got.push(message));
  t.strictSame(got, sent);
  t.equal(spill.isEmpty, true);
});
