/**
 * Ends across threads: links, monitors, exit signals, supervisors, and threads that break.
 */
import { readdirSync } from "node:fs";
import t from "tap";
import { whenEnded } from "#src/actors/exit-actor.js";
import { stop } from "#src/actors/stop.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { find, type Resident, resident, startResidents } from "../support/resident.js";

const pairs = [
  ["main", "own"],
  ["own", "main"],
  ["own", "own"],
  ["pool", "own"],
  ["own", "pool"],
  ["pool", "main"],
] as const;

/** What `ref` has been told of ends, once it has been told of so many. */
function told(
  ref: ActorRef<Resident>,
  count = 1,
): Promise<{ type: string; reason: unknown; from: ActorRef<Resident> }[]> {
  return eventually(async () => {
    const heard = await ref.call.heard();
    return heard.length >= count ? (heard as never) : undefined;
  });
}

for (const [one, other] of pairs) {
  const children = [resident("a", one, { restart: "temporary" }), resident("b", other, { restart: "temporary" })];
  t.test(`a monitor brings DOWN with the reason, from ${other} to ${one}`, async (t) => {
    await using tree = await startResidents(children);
    const [a, b] = [find(tree, "a"), find(tree, "b")];
    const monitor = await a.call.watch(b);
    b.cast.leave({ shutdown: { n: 1 } });
    t.match(await told(a, 1), [{ type: "DOWN", monitor, reason: { shutdown: { n: 1 } } }]);
    t.equal((await told(a))[0]?.from, b);
    const late = await a.call.watch(b);
    t.match((await told(a, 2))[1], { type: "DOWN", monitor: late, reason: "noproc" });
  });

  t.test(`a link ends the other with the same reason, from ${other} to ${one}`, async (t) => {
    await using tree = await startResidents(children);
    const [a, b] = [find(tree, "a"), find(tree, "b")];
    await a.call.linkTo(b);
    b.cast.crash("boom");
    t.match(await whenEnded(a as never), { error: { name: "TypeError", message: "boom" } });
  });

  t.test(`one that traps exits gets EXIT instead, from ${other} to ${one}`, async (t) => {
    await using tree = await startResidents(children);
    const [a, b] = [find(tree, "a"), find(tree, "b")];
    await a.call.trap();
    await a.call.linkTo(b);
    b.cast.leave("normal");
    t.match(await told(a, 1), [{ type: "EXIT", reason: "normal" }]);
    t.equal((await told(a))[0]?.from, b);
  });

  t.test(`unlinked in time, nothing comes, from ${other} to ${one}`, async (t) => {
    await using tree = await startResidents(children);
    const [a, b] = [find(tree, "a"), find(tree, "b")];
    await a.call.linkTo(b);
    await a.call.unlinkFrom(b);
    await a.call.ask(b, "thread");
    b.cast.crash("boom");
    await whenEnded(b as never);
    t.strictSame(await a.call.echo("alive"), "alive");
  });

  t.test(`an exit signal does what OTP's table says, from ${one} to ${other}`, async (t) => {
    await using tree = await startResidents(children);
    const [a, b] = [find(tree, "a"), find(tree, "b")];
    await b.call.trap();
    await a.call.signal(b, { shutdown: 1 });
    t.match(await told(b, 1), [{ type: "EXIT", reason: { shutdown: 1 } }]);
    t.equal((await told(b))[0]?.from, a);
    await b.call.trap(false);
    await a.call.signal(b, "normal");
    await a.call.ask(b, "thread");
    await a.call.signal(b, "kill");
    t.equal(await whenEnded(b as never), "killed");
  });
}

t.test("stop ends an actor of another thread behind its messages", async (t) => {
  await using tree = await startResidents([
    resident("a", "own", { restart: "temporary" }),
    resident("b", "pool", { restart: "temporary" }),
  ]);
  for (const id of ["a", "b"]) {
    const ref = find(tree, id);
    const call = ref.call.echo(1);
    await stop(ref as never, "normal");
    t.equal(await call, 1);
  }
});

const breaks: Record<string, [(ref: ActorRef<Resident>) => void, unknown]> = {
  "an uncaught exception": [
    (ref) => ref.cast.throwLater(),
    { error: { name: "RangeError", message: "nobody catches this" } },
  ],
  "an unhandled rejection": [
    (ref) => ref.cast.rejectLater(),
    { error: { name: "RangeError", message: "nobody looks at this" } },
  ],
  "process.exit": [(ref) => ref.cast.leaveThread(3), { exit: 3 }],
  "process.exit(0)": [(ref) => ref.cast.leaveThread(0), { exit: 0 }],
};
for (const [what, [act, reason]] of Object.entries(breaks)) {
  for (const thread of ["own", "pool"] as const) {
    t.test(
      `${what} in a thread (${thread}) ends its actors with that reason, and a supervisor starts them in a new one`,
      async (t) => {
        await using tree = await startResidents([resident("a", thread), resident("other", "own")]);
        const [a, other] = [find(tree, "a"), find(tree, "other")];
        const before = await a.call.thread();
        await other.call.trap();
        await other.call.linkTo(a);
        const waiting = a.call.never();
        act(a);
        await t.rejects(waiting, { code: "ERR_ACTOR_EXIT" });
        t.match(await whenEnded(a as never), reason);
        await eventually(() => tree.whereis("a"));
        t.not(await find(tree, "a").call.thread(), before);
        t.match(await told(other), [{ type: "EXIT", reason }]);
      },
    );
  }
}

t.test("a thread that runs out of its heap ends its actor with { limit: memory }, and nobody else", async (t) => {
  await using tree = await startResidents([resident("a", "own", { heap: "32M" }), resident("b", "own")]);
  const a = find(tree, "a");
  a.cast.eat();
  t.strictSame(await whenEnded(a as never), { limit: "memory" });
  t.equal(await find(tree, "b").call.echo(1), 1);
});

t.test("an actor that spins in its own thread ends within its shutdown time, by force", async (t) => {
  const tree = await startResidents([
    resident("a", "own", { shutdown: 200 }),
    resident("b", "own", { shutdown: "brutal_kill" }),
  ]);
  const ends = [whenEnded(find(tree, "a") as never), whenEnded(find(tree, "b") as never)];
  find(tree, "a").cast.spin();
  find(tree, "b").cast.spin();
  const startMs = performance.now();
  await tree.stop();
  t.ok(performance.now() - startMs < 1_500);
  t.strictSame(await Promise.all(ends), ["killed", "killed"]);
});

t.test("threads of this process are gone when the tree is", async (t) => {
  const tasks = () => readdirSync("/proc/self/task").length;
  const before = tasks();
  const tree = await startResidents([resident("a", "own"), resident("b", "own"), resident("c", "pool")]);
  t.ok(tasks() >= before + 3);
  await tree.stop();
  await eventually(() => tasks() <= before);
});
