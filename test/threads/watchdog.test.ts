/**
 * Threads that are stuck: found, named and replaced, where a watchdog was asked for.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import t, { type Test } from "tap";
import { whenEnded } from "#src/actors/exit-actor.js";
import { eventually } from "#src/testing/eventually.js";
import { Pulse } from "#src/threads/pulse.js";
import type { StuckReport } from "#src/threads/stuck-report.js";
import { Watchdog } from "#src/threads/watchdog.js";
import { find, resident, type Starter, starter, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

/** Collects what is told of stuck threads while the test runs. */
function reports(t: Test): StuckReport[] {
  const heard: StuckReport[] = [];
  const note = (report: unknown): void => void heard.push(report as StuckReport);
  subscribe("copal:watchdog", note);
  t.teardown(() => unsubscribe("copal:watchdog", note));
  return heard;
}

const spins = () => new Int32Array(new SharedArrayBuffer(4));
const watched = { watchdog: 1_000, restart: "permanent" as const };

for (const thread of ["own", "pool"] as const) {
  for (const method of ["spin", "spinLater"] as const) {
    t.test(
      `a stuck actor (${thread}, ${method}) is found, named, ended and started again in a new thread`,
      async (t) => {
        const heard = reports(t);
        await using tree = await startResidents([resident("a", thread, watched)]);
        const a = find(tree, "a");
        const before = await a.call.thread();
        const ended = whenEnded(a as never);
        const call = method === "spin" ? a.call.spin(spins()) : a.call.spinLater();
        await t.rejects(call, { code: "ERR_ACTOR_EXIT", reason: { limit: "watchdog" } });
        t.strictSame(await ended, { limit: "watchdog" });
        t.match(heard, [{ thread: new RegExp(thread), actor: "app/a", callback: method, others: [] }]);
        t.ok((heard[0]?.forMs ?? 0) >= watched.watchdog);
        t.match(heard[0]?.message, `in app/a, in \`${method}\``);
        await eventually(() => tree.whereis("a"));
        t.not(await find(tree, "a").call.thread(), before);
      },
    );
  }
}

t.test(
  "who shared the thread loses its place through no fault of its own: noconnection, and is started again",
  async (t) => {
    const heard = reports(t);
    const ids = ["a", "b", "c", "d"];
    await using tree = await startResidents(
      ids.map((id) => resident(id, "pool", id === "a" ? watched : {})),
      { intensity: { max: 10, within: 5_000 } },
    );
    const threads = await Promise.all(ids.map((id) => find(tree, id).call.thread()));
    const mates = ids.filter((_, index) => index > 0 && threads[index] === threads[0]);
    const strangers = ids.filter((_, index) => threads[index] !== threads[0]);
    const [guilty, innocent] = [find(tree, "a"), mates.map((id) => find(tree, id))];
    const ends = Promise.all([guilty, ...innocent].map((ref) => whenEnded(ref as never)));
    const kept = strangers.map((id) => find(tree, id));
    guilty.cast.spin(spins());
    t.strictSame(await ends, [{ limit: "watchdog" }, ...mates.map(() => "noconnection")]);
    t.strictSame(
      heard[0]?.others,
      mates.map((id) => `app/${id}`),
    );
    for (const id of ["a", ...mates]) await eventually(() => tree.whereis(id));
    t.strictSame(
      strangers.map((id) => find(tree, id)),
      kept,
    );
  },
);

t.test("it is the stuck one that is named, not the one that asked for the watchdog", async (t) => {
  const heard = reports(t);
  const children = ["a", "b", "c"].map((id) => resident(id, "pool", { watchdog: id === "a" ? 1_000 : 5_000 }));
  await using tree = await startResidents(children);
  const shared = await find(tree, "a").call.thread();
  const mate = await (async () => {
    for (const id of ["b", "c"]) if ((await find(tree, id).call.thread()) === shared) return id;
    return undefined;
  })();
  if (mate === undefined) return t.comment("every actor has a shared thread for itself on this machine");
  const other = find(tree, mate);
  other.cast.spin(spins());
  t.strictSame(await whenEnded(other as never), { limit: "watchdog" });
  t.equal(heard[0]?.actor, `app/${mate}`);
});

t.test("code that is no actor's, stuck in a timer, ends everybody of its thread with the limit", async (t) => {
  const heard = reports(t);
  await using tree = await startResidents([resident("a", "own", watched)]);
  const a = find(tree, "a");
  await a.call.spinInTimer();
  t.strictSame(await whenEnded(a as never), { limit: "watchdog" });
  t.match(heard, [{ actor: undefined, message: /code of no actor/ }]);
});

t.test("an actor that lives where its supervisor does is looked after too", async (t) => {
  const heard = reports(t);
  const inThread = {
    supervisor: "s",
    thread: "own" as const,
    children: [starter("a", undefined, watched), starter("b")],
  };
  await using tree = await startResidents([inThread]);
  const [a, b] = [find(tree, "a"), find(tree, "b")];
  const before = await a.call.thread();
  const ends = Promise.all([a, b].map((ref) => whenEnded(ref as never)));
  a.cast.spin(spins());
  t.strictSame(await ends, [{ limit: "watchdog" }, "noconnection"]);
  t.match(heard, [{ actor: "app/s/a", callback: "spin", others: { 0: "app/s", length: 2 } }]);
  await eventually(async () => ![before, undefined].includes(await tree.whereis<Starter>("a")?.call.thread()));
});

for (const thread of ["pool", undefined] as const) {
  t.test(`so is one that an actor of its thread has started (thread: ${thread})`, async (t) => {
    const heard = reports(t);
    await using tree = await startResidents([starter("a", "pool")], { pool: { size: 1 } });
    const a = find<Starter>(tree, "a");
    const child = await a.call.startChild(starter("child", thread, watched));
    t.equal(child.thread, a.thread, "there is one shared thread");
    child.cast.spin(spins());
    t.strictSame(await whenEnded(child as never), { limit: "watchdog" });
    t.match(heard, [{ actor: /child/, callback: "spin" }]);
  });
}

t.test("a thread that is busy in small pieces, waits or sleeps is left alone", async (t) => {
  const heard = reports(t);
  await using tree = await startResidents([resident("a", "own", watched), resident("idle", "own", watched)]);
  const [a, idle] = [find(tree, "a"), find(tree, "idle")];
  // Three limits of nothing but pieces of work, without a message and without an idle moment.
  await a.within(60_000).call.crunch(3 * watched.watchdog);
  t.equal(await idle.call.echo(1), 1);
  t.strictSame(heard, []);
});

t.test("a module that never comes to its end is found as well", async (t) => {
  const heard = reports(t);
  const starting = startResidents([
    resident("a", "own", { ...watched, watchdog: 200, module: "./never-loads.mjs#Never" }),
  ]);
  await t.rejects(starting, { code: "ERR_START", message: /watchdog/ });
  t.match(heard, [{ actor: "app/a", callback: "import" }]);
});

t.test("without a watchdog nobody is looked after", async (t) => {
  const heard = reports(t);
  const tree = await startResidents([
    resident("a", "own", { shutdown: 100 }),
    resident("watched", "own", { watchdog: 500 }),
  ]);
  const flag = spins();
  find(tree, "a").cast.spin(flag);
  await eventually(() => Atomics.load(flag, 0) === 1);
  const watchedOne = find(tree, "watched");
  watchedOne.cast.spin(spins());
  t.strictSame(await whenEnded(watchedOne as never), { limit: "watchdog" });
  t.equal(heard.length, 1);
  const ended = whenEnded(find(tree, "a") as never);
  await tree.stop();
  t.equal(await ended, "killed");
});

t.test("watchdog is refused in the main thread, and below 50ms", async (t) => {
  await t.rejects(startResidents([resident("a", "main", { watchdog: "1s" })]), { message: /nobody can end the main/ });
  await t.rejects(startResidents([resident("a", "own", { watchdog: 49 })]), { message: /a duration from 50ms/ });
});

t.test("a time in which nobody looked counts for nothing", async (t) => {
  let stuck = 0;
  const quiet = { pulse: new Pulse(), isLoading: () => false, idleMs: () => 0, ask: () => {} };
  const watchdog = new Watchdog(quiet, () => stuck++);
  watchdog.guard(100);
  const untilMs = performance.now() + 300;
  while (performance.now() < untilMs);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(stuck, 0, "the watching thread was busy itself");
  await eventually(() => stuck === 1);
});

t.test("a thread that loads modules may be busy ten times as long", async (t) => {
  const found: number[] = [];
  const loading = { pulse: new Pulse(), isLoading: () => true, idleMs: () => 0, ask: () => {} };
  const watchdog = new Watchdog(loading, (_, forMs) => found.push(forMs));
  watchdog.guard(50);
  await eventually(() => found.length === 1);
  t.ok((found[0] ?? 0) >= 500, `found after ${found[0]} ms`);
});
