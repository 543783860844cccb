/**
 * Threads that break or are stuck: what their actors end with, and that nothing is left of them.
 */
import { readdirSync } from "node:fs";
import t from "tap";
import { whenEnded } from "#src/actors/exit-actor.js";
import { stop } from "#src/actors/stop.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { find, type Resident, resident, spin, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

/** What `ref` has been told of ends, once it has been told of one. */
function told(ref: ActorRef<Resident>): Promise<{ type: string; reason: unknown }[]> {
  return eventually(async () => {
    const heard = await ref.call.heard();
    return heard.length > 0 ? (heard as never) : undefined;
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
        act(a);
        const waiting = a.call.never();
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
  await using tree = await startResidents([resident("a", "own", { heap: "96M" }), resident("b", "own")]);
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
  await Promise.all([spin(find(tree, "a")), spin(find(tree, "b"))]);
  const startMs = performance.now();
  await tree.stop();
  t.ok(performance.now() - startMs < 1_500);
  t.strictSame(await Promise.all(ends), ["killed", "killed"]);
});

t.test("an actor that spins in a shared thread cannot keep its tree from stopping", async (t) => {
  const tree = await startResidents([resident("a", "pool", { shutdown: 100 }), resident("b", "main")]);
  const ended = whenEnded(find(tree, "a") as never);
  await spin(find(tree, "a"));
  await tree.stop();
  t.equal(await ended, "killed");
});

t.test("threads of this process are gone when the tree is", async (t) => {
  const tasks = () => readdirSync("/proc/self/task").length;
  const before = tasks();
  const tree = await startResidents([resident("a", "own"), resident("b", "own"), resident("c", "pool")]);
  t.ok(tasks() >= before + 2);
  await tree.stop();
  await eventually(() => tasks() <= before);
});
