/**
 * Processes that actors of other threads hold: the thread's death is the death of their whole trees, and nobody hears of it before they are gone.
 */
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import { whenEnded } from "#src/actors/exit-actor.js";
import type { ProcessActor } from "#src/actors/process-actor.js";
import type { Tree } from "#src/app/tree.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { isRunning, processesMarked } from "../support/proc.js";
import { sharesSocket, socketsOf, writesTo } from "../support/reads-from.js";
import { resident, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

const trees = fileURLToPath(new URL("../../../test/fixtures/trees", import.meta.url));

interface Holder {
  place(): { osPid: number };
  pour(bytes: number): Promise<void>;
  crash(): void;
  spin(): void;
  leaveThread(): void;
  throwLater(): void;
}

let trials = 0;

async function holding(
  thread: "own" | "pool",
  script: string,
): Promise<{ tree: Tree; holder: ActorRef<Holder>; mark: string }> {
  const mark = `thread-${process.pid}-${trials++}`;
  const args = [["sh", `${trees}/${script}.sh`], mark];
  const tree = await startResidents([
    resident("holder", thread, { module: "./holder.mjs#Holder", args, restart: "temporary", shutdown: 300 }),
  ]);
  const holder = tree.whereis<Holder>("holder");
  if (!holder) throw new Error("the holder does not run");
  return { tree, holder, mark: `COPAL_TEST_TREE=${mark}` };
}

const deaths: Record<string, (holder: ActorRef<Holder>, tree: Tree) => unknown> = {
  "its actor crashes": (holder) => holder.cast.crash(),
  "process.exit": (holder) => holder.cast.leaveThread(),
  "an uncaught exception": (holder) => holder.cast.throwLater(),
  "it is stuck and the tree is stopped": (holder, tree) => {
    holder.cast.spin();
    return tree.stop();
  },
};
for (const [what, act] of Object.entries(deaths)) {
  for (const script of ["plain", "setsid", "double-forks"]) {
    t.test(
      `when a thread dies (${what}), nothing of its process tree is left once that is known: ${script}`,
      async (t) => {
        const { tree, holder, mark } = await holding("own", script);
        const { osPid } = await holder.call.place();
        t.ok(processesMarked(mark).some((process) => process.osPid === osPid));
        const ended = whenEnded(holder as never).then(() => processesMarked(mark).length);
        await act(holder, tree);
        t.equal(await ended, 0);
        await tree.stop();
      },
    );
  }
}

t.test("a process actor may live in a thread by itself", async (t) => {
  const args = [["cat"], "cat-in-a-thread"];
  await using tree = await startResidents([resident("cat", "pool", { module: "./holder.mjs#Program", args })]);
  const cat = tree.whereis("cat");
  await cat?.call.write?.("hello\n");
  t.match(await cat?.call.status?.(), { state: "running" });
});

t.test("a process that gets much input is written to from its actor's own thread", async (t) => {
  const args = [["sh", "-c", "cat >/dev/null"], `thread-${process.pid}-${trials++}`];
  const tree = await startResidents([resident("reader", "own", { module: "./holder.mjs#Program", args })]);
  const reader = tree.whereis<ProcessActor>("reader");
  if (!reader) throw new Error("the reader does not run");
  const { osPid } = await reader.call.status();
  for (let i = 0; i < 40; i++) await reader.call.write(Buffer.alloc(65_536));
  t.ok(writesTo(process.pid, osPid as number));
  await tree.stop();
  t.notOk(isRunning(osPid as number));
});

t.test("the end of a thread that wrote to a process closes no descriptor of another thread", async (t) => {
  const args = [["sh", "-c", "cat >/dev/null"], `thread-${process.pid}-${trials++}`];
  const tree = await startResidents([resident("holder", "own", { module: "./holder.mjs#Holder", args })]);
  const holder = tree.whereis<Holder>("holder");
  if (!holder) throw new Error("the holder does not run");
  const { osPid } = await holder.call.place();
  await holder.call.pour(3_000_000);
  await eventually(() => !isRunning(osPid));
  // They get the numbers that have become free.
  const files = Array.from({ length: 16 }, () => openSync("/dev/null", "r"));
  await tree.stop();
  for (const file of files) t.doesNotThrow(() => closeSync(file));
});

t.test("a thread of its own writes to the socket of its process, which ends with it", async (t) => {
  const args = [
    ["sh", "-c", "head -c 3000000 >/dev/null; exec sleep 1000"],
    `thread-${process.pid}-${trials++}`,
    "socket",
  ];
  const before = socketsOf(process.pid).length;
  const tree = await startResidents([
    resident("holder", "own", { module: "./holder.mjs#Holder", args, shutdown: 300 }),
  ]);
  const holder = tree.whereis<Holder>("holder");
  if (!holder) throw new Error("the holder does not run");
  const { osPid } = await holder.call.place();
  const poured = t.rejects(holder.call.pour(30_000_000));
  await eventually(() => sharesSocket(process.pid, osPid));
  holder.cast.spin();
  await tree.stop();
  await poured;
  t.notOk(isRunning(osPid));
  await eventually(() => socketsOf(process.pid).length <= before);
});
