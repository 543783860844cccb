/**
 * Threads that actors of other threads ask for: the main thread makes them, and whoever asked is the parent of who lives there.
 */
import { readdirSync } from "node:fs";
import t from "tap";
import { whenEnded } from "#src/actors/exit-actor.js";
import { eventually } from "#src/testing/eventually.js";
import { find, type Starter, spin, starter, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

const child = (actor: string, thread?: "main" | "own" | "pool", more: object = {}) => starter(actor, thread, more);
const threadsOfProcess = () => readdirSync("/proc/self/task").length;

for (const parent of ["own", "pool"] as const) {
  for (const thread of ["own", "pool", "main", undefined] as const) {
    t.test(`an actor (${parent}) starts a child with thread: ${thread ?? "none, which is its own"}`, async (t) => {
      await using tree = await startResidents([starter("a", parent)], { pool: { size: 2 } });
      const a = find<Starter>(tree, "a");
      const kid = await a.call.startChild(child("kid", thread));
      const where = await kid.call.thread();
      if (thread === "main") t.equal(where, 0);
      else if (thread === undefined) t.equal(where, await a.call.thread());
      else t.not(where, 0);
      if (thread === "own") t.not(where, await a.call.thread());
      t.equal(await a.call.ask(kid, "thread"), where);
      const ended = whenEnded(kid as never);
      await tree.stop();
      t.equal(await ended, "shutdown");
    });
  }
}

t.test("a pool of one thread has place for the child of an actor that lives in it", async (t) => {
  await using tree = await startResidents([starter("a", "pool")], { pool: { size: 1 } });
  const a = find<Starter>(tree, "a");
  const kid = await a.call.startChild(child("kid", "pool"));
  t.equal(await kid.call.thread(), await a.call.thread());
});

t.test("a child's crash ends its parent in the other thread, and a parent's crash its child", async (t) => {
  for (const who of ["a", "kid"]) {
    await using tree = await startResidents([starter("a", "own", { restart: "temporary" })]);
    const a = find<Starter>(tree, "a");
    const kid = await a.call.startChild(child("kid", "own"));
    const ends = [whenEnded(a as never), whenEnded(kid as never)];
    (who === "a" ? a : kid).cast.crash("boom");
    const reason = { error: { name: "TypeError", message: "boom" } };
    t.match(await Promise.all(ends), [reason, reason]);
  }
});

t.test("a thread's death ends what its actors have started in others, and a new one can start it again", async (t) => {
  await using tree = await startResidents([starter("a", "own")]);
  const a = find<Starter>(tree, "a");
  const kids = [await a.call.startChild(child("kid", "own")), await a.call.startChild(child("kid2", "pool"))];
  const ends = kids.map((kid) => whenEnded(kid as never));
  a.cast.leaveThread(3);
  t.strictSame(await Promise.all(ends), [{ exit: 3 }, { exit: 3 }]);
  await eventually(() => tree.whereis("a"));
  t.ok(await find<Starter>(tree, "a").call.startChild(child("kid", "own")));
});

t.test("a child that spins in a thread of its own does not outlive its parent's thread", async (t) => {
  const before = threadsOfProcess();
  await using tree = await startResidents([starter("a", "own", { restart: "temporary" })]);
  const a = find<Starter>(tree, "a");
  const kid = await a.call.startChild(child("kid", "own", { shutdown: 50 }));
  await spin(kid);
  const ended = whenEnded(kid as never);
  a.cast.leaveThread(0);
  t.equal(await ended, "killed");
  await eventually(() => threadsOfProcess() <= before);
});

t.test("a child that spins is ended by force when its parent in another thread stops", async (t) => {
  const tree = await startResidents([starter("a", "own")]);
  const kid = await find<Starter>(tree, "a").call.startChild(child("kid", "own", { shutdown: 50 }));
  await spin(kid);
  const ended = whenEnded(kid as never);
  await tree.stop();
  t.equal(await ended, "killed");
});

t.test("a child that does not start rejects its parent's start with the reason, in any thread", async (t) => {
  await using tree = await startResidents([starter("a", "own")]);
  const a = find<Starter>(tree, "a");
  for (const thread of ["own", "pool"] as const) {
    const fails = { module: "./resident.mjs#FailsInit" };
    t.match(await a.call.tryChild(child("kid", thread, fails)), { code: "ERR_START", message: /cannot begin/ });
  }
});

t.test("an actor that is killed while the thread of its child is being made leaves no thread behind", async (t) => {
  const before = threadsOfProcess();
  const tree = await startResidents([starter("a", "own", { restart: "temporary", shutdown: "brutal_kill" })]);
  const a = find<Starter>(tree, "a");
  for (let i = 0; i < 3; i++) a.cast.beginChild(child(`kid${i}`, "own"));
  await a.call.echo(1);
  await tree.stop();
  await eventually(() => threadsOfProcess() <= before);
  t.pass();
});
