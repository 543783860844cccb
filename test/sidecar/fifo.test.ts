import fc from "fast-check";
import t from "tap";
import { Fifo } from "#src/sidecar/fifo.js";

t.test("what is pushed comes out in its order, however pushes and shifts alternate", async () => {
  const steps = fc.array(fc.record({ pushes: fc.nat(3_000), shifts: fc.nat(3_000) }), { maxLength: 8 });
  fc.assert(
    fc.property(steps, (all) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let next = 0;
      for (const { pushes, shifts } of all) {
        for (let i = 0; i < pushes; i++) {
          model.push(next);
          fifo.push(next++);
        }
        for (let i = 0; i < shifts; i++) if (fifo.first !== model[0] || fifo.shift() !== model.shift()) return false;
        if (fifo.length !== model.length) return false;
      }
      return JSON.stringify(fifo.takeAll()) === JSON.stringify(model) && fifo.length === 0;
    }),
    { numRuns: 50 },
  );
});
