/**
 * A shared thread that breaks: it is the end of exactly the actors that live there, of the processes that they hold, and of nothing else.
 */
import { fileURLToPath } from "node:url";
import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { start, type Tree } from "#src/app/tree.js";
import { type ActorRef, isActorRef } from "#src/ref.js";
import { DynamicSupervisor } from "#src/supervisor/dynamic-supervisor.js";
import { eventually } from "#src/testing/eventually.js";
import { processesMarked } from "../support/proc.js";
import { actorsFolder, find, type Resident, resident } from "../support/resident.js";

t.setTimeout(180_000);

const trees = fileURLToPath(new URL("../../../test/fixtures/trees", import.meta.url));
const shared = ["one", "two", "holder", "daemon"];
let trials = 0;

/** Four actors in the shared thread, two of which hold processes, beside one in a thread of its own and one in the main thread. */
async function crowd(): Promise<{ tree: Tree; mark: string }> {
  const mark = `shared-${process.pid}-${trials++}`;
  const holder = (id: string, ...argv: string[]) =>
    resident(id, "pool", { module: "./holder.mjs#Holder", args: [argv, mark], shutdown: 300 });
  const children = [
    resident("one", "pool", { watchdog: 1_000 }),
    resident("two", "pool"),
    holder("holder", "sh", `${trees}/plain.sh`),
    holder("daemon", "sh", `${trees}/double-forks.sh`),
    resident("own", "own"),
    resident("main", "main"),
  ];
  const tree = await start(
    { supervisor: "app", intensity: { max: 10, within: 5_000 }, children },
    { folder: actorsFolder },
  );
  return { tree, mark: `COPAL_TEST_TREE=${mark}` };
}

/** Those that live in the thread of `one`: how many threads are shared depends on the machine. */
async function housemates(tree: Tree): Promise<string[]> {
  const threads = await Promise.all(shared.map((id) => find(tree, id).call.thread()));
  return shared.filter((_, index) => threads[index] === threads[0]);
}

const breaks: Record<string, { act: (one: ActorRef<Resident>) => void; first: unknown; others: unknown }> = {
  "an uncaught exception": same((one) => one.cast.throwLater(), { error: { message: "nobody catches this" } }),
  "an unhandled rejection": same((one) => one.cast.rejectLater(), { error: { message: "nobody looks at this" } }),
  "process.exit": same((one) => one.cast.leaveThread(3), { exit: 3 }),
  "while (true)": {
    act: (one) => one.cast.spin(new Int32Array(new SharedArrayBuffer(4))),
    first: { limit: "watchdog" },
    others: "noconnection",
  },
};

function same(act: (one: ActorRef<Resident>) => void, reason: unknown) {
  return { act, first: reason, others: reason };
}

for (const [what, { act, first, others }] of Object.entries(breaks)) {
  t.test(
    `${what} in a shared thread ends exactly its actors and their processes; they start again in a new one`,
    async (t) => {
      const { tree, mark } = await crowd();
      const mates = await housemates(tree);
      const bystanders = [...shared, "own", "main"].filter((id) => !mates.includes(id)).map((id) => find(tree, id));
      const watcher = find(tree, "main");
      await watcher.call.trap();
      for (const id of mates) await watcher.call.watch(find(tree, id));
      await watcher.call.linkTo(find(tree, "one"));
      const before = await find(tree, "one").call.thread();
      const refs = mates.map((id) => find(tree, id));
      const held = new Set(processesMarked(mark).map(({ osPid }) => osPid));
      const holds = mates.includes("daemon") && mates.includes("holder");
      const ends = refs.map((ref) =>
        whenEnded(ref as never).then((reason) => ({
          reason,
          left: processesMarked(mark).filter(({ osPid }) => held.has(osPid)).length,
        })),
      );
      act(find(tree, "one"));
      const ended = await Promise.all(ends);
      t.match(
        ended.map(({ reason }) => reason),
        mates.map((_, index) => (index === 0 ? first : others)),
      );
      if (holds)
        t.strictSame(
          ended.map(({ left }) => left),
          mates.map(() => 0),
          "their processes were gone before anybody heard",
        );
      const heard = await eventually(async () => {
        const all = await watcher.call.heard();
        return all.length > mates.length ? all : undefined;
      });
      t.equal(heard.filter(({ type }) => type === "DOWN").length, mates.length);
      t.match(
        heard.find(({ type }) => type === "EXIT"),
        { reason: first },
      );
      for (const id of mates)
        await eventually(async () => (await tree.whereis<Resident>(id)?.call.thread()) !== before);
      for (const ref of bystanders) t.equal((await ref.within(30_000).call.thread()) >= 0, true);
      await tree.stop();
      t.strictSame(processesMarked(mark), []);
    },
  );
}

/** Lets the shared thread of `ids` break, and waits until they all run in another. */
async function breakThread(tree: Tree, ids: readonly string[]): Promise<void> {
  const threadOf = async (id: string) => tree.whereis<Resident>(id)?.call.thread();
  const before = await threadOf(ids[0] ?? "");
  find(tree, ids[0] ?? "").cast.leaveThread(1);
  for (const id of ids)
    await eventually(async () => ![before, undefined].includes(await threadOf(id).catch(() => before)));
}

t.test(
  "the end of a shared thread is one restart to a supervisor, however many of its children lived there",
  async (t) => {
    const ids = ["one", "two", "three", "four", "five"];
    const children = ids.map((id) => resident(id, "pool"));
    const more = { pool: { size: 1 }, intensity: { max: 3, within: "1h" } };
    const tree = await start({ supervisor: "app", ...more, children }, { folder: actorsFolder });
    await breakThread(tree, ids);
    await breakThread(tree, ids);
    t.match(tree.snapshot()[0], { state: "running", budget: { used: 2, max: 3 } });
    await breakThread(tree, ids);
    find(tree, "one").cast.leaveThread(1);
    t.match(await tree.ended, { reason: "shutdown", exhaustion: { child: "app/one" } });
  },
);

t.test("so it is to a dynamic supervisor", async (t) => {
  const template = resident("session", "pool");
  const sessions = { actor: "sessions", class: DynamicSupervisor, args: [{ template }] };
  await using tree = await start(
    { supervisor: "app", pool: { size: 1 }, children: [sessions] },
    { folder: actorsFolder },
  );
  const { call } = find<DynamicSupervisor>(tree, "sessions");
  const first = (await call.startChild()) as ActorRef<unknown> as ActorRef<Resident>;
  for (let i = 0; i < 4; i++) await call.startChild();
  first.cast.leaveThread(1);
  await eventually(async () => {
    const all = await call.whichChildren();
    return all.every(({ child }) => isActorRef(child) && child.thread !== first.thread) && all.length === 5;
  });
  t.match(tree.snapshot()[1], { path: "app/sessions", budget: { used: 1, max: 3 } });
});

t.test("an actor that is killed in an await in a shared thread is mute there, and its housemates live", async (t) => {
  const { tree } = await crowd();
  const [one, main] = [find(tree, "one"), find(tree, "main")];
  const flag = new Int32Array(new SharedArrayBuffer(4));
  one.cast.sayLater(main, flag);
  await eventually(() => Atomics.load(flag, 0) === 1);
  const ended = whenEnded(one as never);
  exitActor(one as never, "kill");
  t.equal(await ended, "killed");
  Atomics.store(flag, 0, 2);
  await eventually(() => Atomics.load(flag, 0) > 2);
  t.equal(Atomics.load(flag, 0), 3, "what it said last threw ERR_ACTOR_EXIT");
  t.strictSame(await main.call.heard(), []);
  t.equal(await find(tree, "two").call.echo(1), 1);
  await tree.stop();
});
