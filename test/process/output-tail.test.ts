import fc from "fast-check";
import t from "tap";
import { OutputTail } from "#src/process/output-tail.js";

t.test("whatever is put in, what is kept is the end of it", async (t) => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 20 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), chunks, (size, parts) => {
      const tail = new OutputTail(size);
      for (const part of parts) tail.push(part);
      const all = Buffer.concat(parts);
      return tail.bytes().equals(all.subarray(Math.max(0, all.length - size)));
    }),
  );
  t.pass();
});

t.test("a size that is none is refused", async (t) => {
  t.throws(() => new OutputTail(-1), { name: "RangeError" });
});
