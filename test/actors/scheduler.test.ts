import t from "tap";
import { startActor } from "#src/actors/start-actor.js";
import { Counter, Puppet } from "../support/actors.js";

t.test("timers fire in the middle of an endless chain of awaited calls", async (t) => {
  const ref = await startActor(null, { class: Counter });
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 5);
  let calls = 0;
  for (; !fired && calls < 10_000_000; calls++) await ref.call.add(1);
  t.equal(fired, true);
});

t.test("immediates run while a backlog of 100,000 casts is worked off", async (t) => {
  const ref = await startActor(null, { class: Counter });
  for (let i = 0; i < 100_000; i++) ref.cast.add(1);
  let soFar = -1;
  setImmediate(() => {
    ref.call.add(0).then(() => {});
    soFar = 0;
  });
  const total = await ref.call.add(0);
  t.equal(total, 100_000);
  t.equal(soFar, 0);
});

t.test("a busy actor does not keep the others from their turn", async (t) => {
  const [busy, other] = [await startActor(null, { class: Puppet }), await startActor(null, { class: Counter })];
  let left = 10_000;
  for (let i = 0; i < left; i++) {
    busy.cast.run(() => {
      left--;
    });
  }
  await other.call.add(1);
  t.ok(left > 9_000, `${left} of 10,000 were left`);
});
