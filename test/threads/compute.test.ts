/**
 * Functions that actors of any thread have run: where, in whose pool, and that they are gone with who asked.
 */
import { readdirSync } from "node:fs";
import t from "tap";
import type { ComputeOptions } from "#src/actors/compute-task.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { start, type Tree } from "#src/app/tree.js";
import type { ActorChild, SupervisorChild } from "#src/app/tree-spec.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { settle } from "../support/actors.js";
import { stage } from "../support/asker.js";
import { actorsFolder } from "../support/resident.js";

t.setTimeout(120_000);

/** What test/fixtures/actors/asker.mjs understands. */
interface Asker {
  thread(): number;
  outcome(name: string, args: unknown[], options?: ComputeOptions): unknown;
  begin(name: string, args: unknown[]): void;
  counts(to: number): unknown[];
  tellsAfter(name: string, args: unknown[], told: Int32Array): void;
  beginAndSpin(name: string, args: unknown[]): void;
  leaveThread(): void;
}

/** Starts such actors in the given threads, as `a`, `b` and so on. */
function startAskers(
  threads: readonly ("main" | "pool" | "own")[],
  compute: NonNullable<SupervisorChild["compute"]> = {},
  more: Partial<ActorChild> = {},
): Promise<Tree> {
  const children = threads.map((thread, at) => ({
    actor: String.fromCharCode(97 + at),
    module: "./asker.mjs#Asker",
    thread,
    restart: "temporary" as const,
    ...more,
  }));
  return start({ supervisor: "app", compute, children }, { folder: actorsFolder });
}

function find(tree: Tree, id: string): ActorRef<Asker> {
  const ref = tree.whereis<Asker>(id);
  if (!ref) throw new Error(`${id} does not run`);
  return ref;
}

const osThreads = () => readdirSync("/proc/self/task").length;

for (const thread of ["main", "pool", "own"] as const) {
  t.test(`an actor (${thread}) has a function run on a thread that is neither its own nor main`, async (t) => {
    await using tree = await startAskers([thread]);
    const ref = find(tree, "a");
    const ran = await ref.within(60_000).call.outcome("thread", []);
    t.ok(ran !== 0 && ran !== (await ref.call.thread()));
    t.strictSame(await ref.within(60_000).call.counts(3), [1, 2, 3, "counted"]);
    await t.rejects(ref.within(60_000).call.outcome("fails", []), { name: "RangeError", code: "ETHING" });
    await t.rejects(ref.within(60_000).call.outcome("leaves", [3]), { code: "ERR_COMPUTE_LOST", reason: { exit: 3 } });
    await t.rejects(ref.within(60_000).call.outcome("spin", [stage()], { timeoutMs: 30 }), {
      code: "ERR_COMPUTE_TIMEOUT",
    });
  });

  t.test(`an actor (${thread}) that ends takes its function along, before anybody is told`, async (t) => {
    await using tree = await startAskers([thread]);
    const [ref, ticks] = [find(tree, "a"), stage()];
    await ref.call.begin("tick", [ticks]);
    await eventually(() => Atomics.load(ticks, 0) > 0);
    exitActor(ref as never, "kill");
    await whenEnded(ref as never);
    const last = Atomics.load(ticks, 0);
    await settle();
    t.equal(Atomics.load(ticks, 0), last);
  });
}

const breaks: Record<string, (ref: ActorRef<Asker>, ticks: Int32Array) => void> = {
  exits: (ref, ticks) => {
    ref.cast.begin("tick", [ticks]);
    ref.cast.leaveThread();
  },
  "is terminated while it spins": (ref, ticks) => {
    ref.cast.beginAndSpin("tick", [ticks]);
    void eventually(() => Atomics.load(ticks, 0) > 0).then(() => exitActor(ref as never, "kill"));
  },
};
for (const [what, act] of Object.entries(breaks)) {
  t.test(`a thread that ${what} takes the functions along that its actors had asked for`, async (t) => {
    await using tree = await startAskers(["own"]);
    const [ref, ticks] = [find(tree, "a"), stage()];
    const ended = whenEnded(ref as never);
    act(ref, ticks);
    await ended;
    const last = Atomics.load(ticks, 0);
    await settle();
    t.equal(Atomics.load(ticks, 0), last);
  });
}

t.test("actors of all threads share one pool, its limits and its queue", async (t) => {
  await using tree = await startAskers(["main", "pool", "own"], { threads: 1, queue: 1 });
  const told = stage();
  for (let asked = 0; asked < 2; asked++) await find(tree, "a").call.begin("untilTold", [told]);
  for (const id of ["a", "b", "c"]) {
    await t.rejects(find(tree, id).within(60_000).call.outcome("add", []), { code: "ERR_COMPUTE_FULL", capacity: 1 });
  }
  await eventually(() => Atomics.load(told, 0) === 1);
  Atomics.store(told, 1, 1);
  Atomics.notify(told, 1);
  await eventually(() => Atomics.load(told, 0) === 2);
  for (const id of ["b", "c"]) t.equal(await find(tree, id).within(60_000).call.outcome("add", [1]), 1);
});

t.test("an answer does not pass the main thread: it arrives while that is blocked", async (t) => {
  await using tree = await startAskers(["own"]);
  const [told, answered] = [stage(), stage()];
  find(tree, "a").cast.tellsAfter("untilTold", [told, "yes"], answered);
  await eventually(() => Atomics.load(told, 0) === 1);
  Atomics.store(told, 1, 1);
  Atomics.notify(told, 1);
  t.equal(Atomics.wait(answered, 1, 0, 20_000) === "timed-out", false);
});

t.test("stopped, no thread and no handle is left", async (t) => {
  const resources = () => process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate");
  const [threads, held] = [osThreads(), resources()];
  const tree = await startAskers(["own", "pool", "main"], { threads: 2 });
  for (const id of ["a", "b", "c"]) find(tree, id).cast.begin("spin", [stage()]);
  t.equal(
    await find(tree, "a")
      .call.thread()
      .then((thread) => thread > 0),
    true,
  );
  await tree.stop();
  await eventually(() => osThreads() <= threads && resources().length <= held.length, { timeoutMs: 20_000 });
});
