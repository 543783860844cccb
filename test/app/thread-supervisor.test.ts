/**
 * Supervisors that live in a worker thread, with their children there or elsewhere: to the rest of the tree they are what they would be in the main thread.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import t, { type Test } from "tap";
import { whenEnded } from "#src/actors/exit-actor.js";
import { ControlRequests } from "#src/app/control-requests.js";
import type { RootEnd, Tree } from "#src/app/tree.js";
import type { ChildSpecInput, SupervisorChild } from "#src/app/tree-spec.js";
import { formatExhaustion } from "#src/supervisor/snapshot.js";
import { eventually } from "#src/testing/eventually.js";
import { processesMarked } from "../support/proc.js";
import { find, type Starter, spin, starter, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

/** A tree with one supervisor in a thread. */
async function tree(
  t: Test,
  children: ChildSpecInput[],
  more: Partial<SupervisorChild> = {},
): Promise<{ tree: Tree; control: ControlRequests }> {
  const inThread = { supervisor: "s", thread: "own" as const, children, ...more };
  const tree = await startResidents([starter("m"), inThread]);
  t.teardown(() => tree.stop());
  return { tree, control: new ControlRequests(tree) };
}

const row = (tree: Tree, path: string) => tree.snapshot().find((one) => one.path === path);
const marked = (mark: string) => processesMarked(`COPAL_TEST_TREE=${mark}`);
const process = (mark: string, more: object = {}): ChildSpecInput => ({
  process: "p",
  command: "echo hello; exec sleep 600",
  env: { COPAL_TEST_TREE: mark },
  ...more,
});

t.test("its children live with it unless they say otherwise", async (t) => {
  const children = [
    starter("here"),
    starter("own", "own"),
    starter("pool", "pool"),
    starter("main", "main"),
    { supervisor: "deep", children: [starter("below")] },
    { supervisor: "deep-main", thread: "main" as const, children: [starter("up")] },
  ];
  const { tree: app } = await tree(t, children);
  const threads: Record<string, number> = {};
  for (const { path } of app.snapshot().filter(({ kind }) => kind === "actor"))
    threads[path] = await find(app, path).call.thread();
  const own = threads["app/s/here"];
  t.ok(own);
  t.match(threads, { "app/s/main": 0, "app/s/deep/below": own, "app/s/deep-main/up": 0 });
  t.equal(new Set([own, threads["app/s/own"], threads["app/s/pool"], 0]).size, 4);
});

t.test("ps has its whole subtree: threads, states, processes, budgets, mailboxes", async (t) => {
  const { tree: app } = await tree(t, [starter("a"), process("rows")], { intensity: { max: 7 } });
  await app.look();
  const thread = /^own-\d+$/;
  t.match(row(app, "app/s"), { kind: "supervisor", state: "running", thread, budget: { used: 0, max: 7 }, mailbox: 0 });
  t.match(row(app, "app/s/a"), { kind: "actor", state: "running", thread, restarts: 0, mailbox: 0 });
  const { osPid, sidecarPid, containment } = row(app, "app/s/p") ?? {};
  t.ok(osPid && sidecarPid && containment);
  t.ok(marked("rows").some((one) => one.osPid === osPid));
});

t.test("its restarts are its own, and ps counts them", async (t) => {
  const { tree: app } = await tree(t, [starter("a"), starter("b")], { strategy: "rest_for_one" });
  const [s, a, b] = ["s", "a", "b"].map((id) => find(app, id));
  a?.cast.crash("boom");
  await eventually(() => app.whereis("b") && app.whereis("b") !== (b as unknown));
  await eventually(async () => {
    await app.look();
    return row(app, "app/s/b")?.state === "running";
  });
  t.match(row(app, "app/s"), { budget: { used: 1, max: 3 }, restarts: 0 });
  t.match(row(app, "app/s/a"), { restarts: 1, lastExit: { reason: "error TypeError: boom" } });
  t.match(row(app, "app/s/b"), { restarts: 1, lastExit: { reason: "shutdown" } });
  t.equal(app.whereis("s"), s);
});

t.test("children are stopped, started and restarted by their ids, and stay stopped", async (t) => {
  const { tree: app, control } = await tree(t, [starter("a"), starter("b", undefined, { restart: "temporary" })], {
    strategy: "one_for_all",
  });
  t.match(await control.stop({ id: "b" }), { path: "app/s/b", state: "stopped" });
  t.match(await control.start({ id: "b" }), { state: "running" });
  const before = app.whereis("b");
  t.match(await control.restart({ id: "b" }), { state: "running" });
  t.not(app.whereis("b"), before);
  await control.stop({ id: "a" });
  await t.rejects(control.start({ id: "b" }), { message: /already running/ });
  t.equal(row(app, "app/s/a")?.state, "stopped");
  t.match(await control.restart({ id: "s" }), { state: "running" });
  t.equal(row(app, "app/s/a")?.state, "stopped", "held down in a new thread as well");
  t.match(await control.start({ id: "a" }), { state: "running" });
});

t.test("inspect shows actors of its thread, with the names of the others", async (t) => {
  const { tree: app, control } = await tree(t, [starter("a"), starter("b", "own")]);
  await find<Starter>(app, "b").call.setFields({ n: 1, f: null });
  await find<Starter>(app, "b").call.holdFunction();
  t.match(await control.inspect({ id: "b" }), {
    path: "app/s/b",
    condition: "running",
    parent: "app/s",
    state: { n: 1 },
    stateText: /deep: \[Function/,
  });
  t.match(await control.inspect({ id: "s" }), { parent: "app", children: ["app/s/a", "app/s/b"], trapExit: true });
  await spin(find(app, "b"));
  t.match(await control.inspect({ id: "b" }), { condition: "stuck, with its thread", stateText: null });
  t.teardown(() => app.kill());
});

t.test("output of its processes is in the log, and goes to actors of any thread", async (t) => {
  const { tree: app, control } = await tree(t, [starter("a"), process("log", { stdout: { to: "m", method: "note" } })]);
  t.strictSame(await eventually(async () => (await find(app, "m").call.heard())[0]), "hello");
  await eventually(() => app.log.last(new Set(["app/s/p"]), 10).some(({ line }) => line === "hello"));
  t.match(await control.signal({ id: "p", signal: "SIGTERM" }), { path: "app/s/p" });
  await eventually(() => app.log.last(new Set(["app/s/p"]), 10).length === 2);
});

t.test("a thread that dies takes the whole subtree with it, processes too, and it is started in another", async (t) => {
  const { tree: app } = await tree(t, [starter("a"), process("death"), starter("o", "own")]);
  const [s, a, o] = ["s", "a", "o"].map((id) => find(app, id) as never);
  const [before] = marked("death");
  const ends = [s, a, o].map((ref) => whenEnded(ref as never));
  find(app, "a").cast.leaveThread(7);
  t.strictSame(await Promise.all(ends), [{ exit: 7 }, { exit: 7 }, { exit: 7 }]);
  await eventually(() => app.whereis("p") && app.whereis("o") && row(app, "app/s/p")?.osPid);
  t.notOk(marked("death").some(({ osPid }) => osPid === before?.osPid));
  t.match(row(app, "app/s"), { restarts: 1, lastExit: { reason: "exit 7" } });
  t.match(row(app, "app/s/a"), { lastExit: { reason: "exit 7" } });
});

t.test("why it gave up is told in the chain, and its parent starts it again", async (t) => {
  const { tree: app } = await tree(t, [starter("a")], { intensity: { max: 0 } });
  const s = find(app, "s");
  const ended = whenEnded(s as never);
  find(app, "a").cast.crash("boom");
  t.equal(await ended, "shutdown");
  await eventually(() => app.whereis("a"));
  let end: RootEnd | undefined;
  void app.ended.then((ended) => {
    end = ended;
  });
  await eventually(() => {
    app.whereis<Starter>("a")?.cast.crash("boom");
    return end;
  });
  const lines = end?.exhaustion ? formatExhaustion(end.exhaustion) : [];
  t.match(lines, [/^app gave up: .*app\/s was restarted 3 times/, /^app\/s gave up: .*app\/s\/a .*boom/]);
});

t.test(
  "a module that is wrong, a child that does not start: the start fails, names it, and leaves nothing",
  async (t) => {
    const bad = { supervisor: "s", thread: "own" as const };
    const wrong = starter("a", undefined, { module: "./resident.mjs#Nobody" });
    const fails = starter("b", undefined, { module: "./resident.mjs#FailsInit" });
    await t.rejects(startResidents([{ ...bad, children: [wrong] }]), {
      code: "ERR_START",
      failure: { child: "app/s", stage: "module", message: /app\/s\/a.module: .*Nobody/ },
    });
    await t.rejects(startResidents([{ ...bad, children: [process("unwound"), fails] }]), {
      code: "ERR_START",
      failure: { child: "app/s/b", message: "cannot begin" },
    });
    t.strictSame(marked("unwound"), []);
  },
);

t.test("kill ends what lives in its thread at once, without a stop signal", async (t) => {
  const stubborn = { command: "trap '' TERM; sleep 600 & wait", stop: { grace: "60s" } };
  const { tree: app } = await tree(t, [process("kill", stubborn)]);
  await eventually(() => marked("kill").length > 0);
  await app.kill();
  t.strictSame(marked("kill"), []);
});

t.test("what its supervisors do, and who crashes there, is published in the main thread", async (t) => {
  const heard: { type?: string; path?: string; label?: string }[] = [];
  const listen = (event: unknown): number => heard.push(event as object);
  for (const channel of ["copal:supervisor", "copal:crash"]) {
    subscribe(channel, listen);
    t.teardown(() => unsubscribe(channel, listen));
  }
  const { tree: app } = await tree(t, [starter("a")]);
  find(app, "a").cast.crash("boom");
  await eventually(() => heard.some(({ type, path }) => type === "restarting" && path === "app/s/a"));
  t.ok(heard.some(({ label }) => label === "app/s/a"));
});

t.test("a process that floods there is held up by the thread that keeps its log, not kept in memory", async (t) => {
  const flood = { command: "yes copal | head -c 50000000; exec sleep 600" };
  const { tree: app } = await tree(t, [process("flood", flood)]);
  await eventually(() => app.log.dropped("app/s/p") > 100_000, { timeoutMs: 60_000 });
  t.ok(app.log.last(new Set(["app/s/p"]), 5).every(({ line }) => line === "copal"));
});
