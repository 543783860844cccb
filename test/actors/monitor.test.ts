import t from "tap";
import { cellOf } from "#src/actors/address.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { onEnd } from "#src/actors/monitor.js";
import { startActor } from "#src/actors/start-actor.js";
import { Counter, doing, puppet } from "../support/actors.js";

t.test("every monitor brings one DOWN, with its own number", async (t) => {
  const [one, other] = [await puppet(), await puppet()];
  const [first, second] = await doing(one, (hands) => [hands.monitor(other), hands.monitor(other)]);
  t.not(first, second);
  exitActor(other, { exit: 1 });
  await whenEnded(other);
  t.strictSame(await one.call.seen(), [
    { type: "DOWN", monitor: first, from: other, reason: { exit: 1 } },
    { type: "DOWN", monitor: second, from: other, reason: { exit: 1 } },
  ]);
});

t.test("a monitor on the dead brings noproc at once", async (t) => {
  const [one, dead] = [await puppet(), await puppet()];
  exitActor(dead, "kill");
  await whenEnded(dead);
  const monitor = await doing(one, (hands) => hands.monitor(dead));
  t.strictSame(await one.call.seen(), [{ type: "DOWN", monitor, from: dead, reason: "noproc" }]);
});

t.test("after demonitor no DOWN comes, not even one that was in the mailbox", async (t) => {
  const [one, other] = [await puppet(), await puppet()];
  await doing(one, async (hands) => {
    const [early, late] = [hands.monitor(other), hands.monitor(other)];
    hands.demonitor(early);
    exitActor(other, "kill");
    await whenEnded(other);
    hands.demonitor(late);
  });
  t.strictSame(await one.call.seen(), []);
});

t.test("a monitor is one-way", async (t) => {
  const [one, other] = [await puppet(), await puppet()];
  await doing(one, (hands) => hands.monitor(other));
  exitActor(one, "kill");
  await whenEnded(one);
  t.strictSame(await other.call.seen(), []);
});

t.test("the messages of an actor that ends come before its DOWN", async (t) => {
  const [one, other] = [await puppet(), await puppet()];
  await doing(one, (hands) => hands.monitor(other));
  await doing(other, (hands) => {
    one.send("last words");
    hands.exit("normal");
  });
  t.strictSame(
    (await one.call.seen()).map(({ type }) => type),
    ["info", "DOWN"],
  );
});

t.test("a name is monitored as who bears it now", async (t) => {
  const [watcher, named] = [await puppet(), await startActor(null, { class: Counter, name: "watched" })];
  const [id, nobody] = await doing(watcher, (hands) => [hands.monitor("watched"), hands.monitor("nobody")] as const);
  exitActor(named, { exit: 1 });
  await whenEnded(named);
  t.match(await watcher.call.seen(), [
    { type: "DOWN", monitor: nobody, from: { name: "nobody" }, name: "nobody", reason: "noproc" },
    { type: "DOWN", monitor: id, from: named, name: "watched", reason: { exit: 1 } },
  ]);
});

t.test("a name is free before those who watched it hear", async (t) => {
  const named = await startActor(null, { class: Counter, name: "released" });
  const holders: unknown[] = [];
  onEnd(cellOf(named), () => holders.push(cellOf(named).runtime.whereis("released")));
  exitActor(named, "kill");
  await whenEnded(named);
  t.strictSame(holders, [undefined]);
});
