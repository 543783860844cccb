import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { isAlive, Runtime } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import { stop } from "#src/actors/stop.js";
import { suspend } from "#src/actors/sys.js";
import type { ExitReason } from "#src/exit.js";
import { doing, gate, Puppet, puppet, settle, trapper } from "../support/actors.js";
import { VirtualClock } from "../support/virtual-clock.js";

for (const [name, start] of [
  ["traps", trapper],
  ["does not trap", puppet],
] as const) {
  t.test(`stop ends an actor that ${name} exits normally, after terminate and behind its messages`, async (t) => {
    const ref = await start();
    const terminated: ExitReason[] = [];
    await ref.call.onTerminate((reason) => terminated.push(reason));
    const before = ref.call.seen();
    await stop(ref);
    t.strictSame([await before, terminated, isAlive(ref)], [[], ["normal"], false]);
  });
}

t.test("stop with a reason resolves, since it is the one that was wanted", async (t) => {
  const ref = await puppet();
  await stop(ref, { shutdown: { why: [1] } });
  t.strictSame(await whenEnded(ref), { shutdown: { why: [1] } });
});

t.test("stop of an actor that has ended rejects with ERR_NOPROC", async (t) => {
  const ref = await puppet();
  await stop(ref);
  await t.rejects(stop(ref), { code: "ERR_NOPROC" });
});

t.test("stop rejects with the reason of an actor that ends another way", async (t) => {
  const ref = await puppet();
  await ref.call.onTerminate(() => {
    throw new RangeError("other");
  });
  await t.rejects(stop(ref), { code: "ERR_ACTOR_EXIT", reason: { error: { message: "other" } } });
  const killed = await puppet();
  const stopping = stop(killed);
  exitActor(killed, "kill");
  await t.rejects(stopping, { code: "ERR_ACTOR_EXIT", reason: "killed" });
});

t.test("stop that takes too long rejects, and the actor ends in its own time", async (t) => {
  const clock = new VirtualClock();
  const ref = await startActor(null, { class: Puppet, runtime: new Runtime({ clock }) });
  const held = gate();
  await ref.call.onTerminate(() => held.passed);
  const stopping = stop(ref, "normal", 30);
  await settle();
  clock.advance(30);
  await t.rejects(stopping, { code: "ERR_CALL_TIMEOUT", method: "stop", timeoutMs: 30 });
  held.open();
  t.equal(await whenEnded(ref), "normal");
});

t.test("stop reaches a suspended actor, and what waited is lost", async (t) => {
  const ref = await puppet();
  await suspend(ref);
  const waiting = doing(ref, () => "handled");
  await stop(ref);
  await t.rejects(waiting, { code: "ERR_ACTOR_EXIT", reason: "normal" });
});
