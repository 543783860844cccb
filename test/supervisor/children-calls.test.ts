import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { cellOf } from "#src/actors/address.js";
import { whenEnded } from "#src/actors/exit-actor.js";
import { isAlive } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ActorRef } from "#src/ref.js";
import type { StartContext } from "#src/supervisor/child-spec.js";
import { settle } from "../support/actors.js";
import { child, endChild, listed, look, running, supervise, supervisor } from "../support/children.js";

t.test("startChild adds at the end, and stops first", async (t) => {
  const root = await supervise([child("a")]);
  const ref = await root.call.startChild(child("b"));
  t.equal(ref, running(root, "b"));
  t.strictSame(
    (await root.call.whichChildren()).map(({ id }) => id),
    ["b", "a"],
  );
});

t.test("startChild of a child that runs gives its ref in the error", async (t) => {
  const root = await supervise([child("a")]);
  await t.rejects(root.call.startChild(child("a")), { code: "ERR_ALREADY_STARTED", id: "a", ref: running(root, "a") });
});

t.test("startChild of a wrong spec rejects and the supervisor goes on", async (t) => {
  const root = await supervise([child("a")]);
  await t.rejects(root.call.startChild({ ...child("b"), shutdown: -1 }), { code: "ERR_CHILD_SPEC", field: "shutdown" });
  t.equal(isAlive(root), true);
});

t.test("startChild that fails keeps nothing and counts nothing", async (t) => {
  const root = await supervise([], { intensity: { max: 0, withinMs: 1_000 } });
  await t.rejects(root.call.startChild(child("b", [], {}, ["fail"])), {
    code: "ERR_START",
    reason: { error: { name: "RangeError" } },
  });
  t.strictSame(await root.call.whichChildren(), []);
  await t.rejects(root.call.startChild({ id: "c", start: () => Promise.reject(new TypeError("own")) }), {
    code: "ERR_START",
    cause: { message: "own" },
  });
});

t.test("a start that says ignore keeps the spec, unless it is temporary", async (t) => {
  const root = await supervise([child("a", [], {}, ["ignore"]), child("t", [], { restart: "temporary" }, ["ignore"])]);
  t.equal(await root.call.startChild(child("b", [], {}, ["ignore"])), undefined);
  await root.call.startChild(child("u", [], { restart: "temporary" }, ["ignore"]));
  t.strictSame(
    (await root.call.whichChildren()).map(({ id, child: ref }) => [id, ref]),
    [
      ["b", undefined],
      ["a", undefined],
    ],
  );
});

t.test("an actor whose init says ignore is a child whose start said so", async (t) => {
  class Unneeded extends Actor {
    override init(): void {
      this.ignore();
    }
  }
  const start = async ({ parent }: StartContext) =>
    (await startActor(parent, { class: Unneeded })) as ActorRef<unknown> as ActorRef;
  const root = await supervise([{ id: "a", start }, child("b")]);
  t.match([look(root, "a").state, look(root, "b").state], ["stopped", "running"]);
  t.equal(await root.call.startChild({ id: "c", start }), undefined);
});

t.test("terminateChild resolves when the child has ended, and never triggers a restart", async (t) => {
  const root = await supervise([child("a")]);
  const a = running(root, "a");
  await root.call.terminateChild("a");
  t.equal(cellOf(a).hasEnded, true);
  await root.call.terminateChild("a");
  await settle();
  t.match(look(root, "a"), { state: "stopped", restarts: 0, lastExit: { reason: "shutdown" } });
});

t.test("terminateChild of a temporary child forgets it", async (t) => {
  const root = await supervise([child("a", [], { restart: "temporary" })]);
  await root.call.terminateChild("a");
  await t.rejects(root.call.terminateChild("a"), { code: "ERR_CHILD_STATE", state: "not_found" });
});

t.test("restartChild starts a stopped child and does not count", async (t) => {
  const root = await supervise([child("a")], { intensity: { max: 0, withinMs: 1_000 } });
  await root.call.terminateChild("a");
  t.equal(await root.call.restartChild("a"), running(root, "a"));
  await t.rejects(root.call.restartChild("a"), { code: "ERR_CHILD_STATE", state: "running" });
  await t.rejects(root.call.restartChild("x"), { code: "ERR_CHILD_STATE", state: "not_found" });
  t.equal(look(root, "a").restarts, 0);
});

t.test("restartChild that fails leaves the child stopped", async (t) => {
  const root = await supervise([child("a", [], {}, ["up", "fail"])]);
  await root.call.terminateChild("a");
  await t.rejects(root.call.restartChild("a"), { code: "ERR_START" });
  t.match(await root.call.whichChildren(), [{ id: "a", child: undefined }]);
});

t.test("deleteChild forgets a stopped child only", async (t) => {
  const root = await supervise([child("a")]);
  await t.rejects(root.call.deleteChild("a"), { code: "ERR_CHILD_STATE", state: "running" });
  await root.call.terminateChild("a");
  await root.call.deleteChild("a");
  await t.rejects(root.call.deleteChild("a"), { code: "ERR_CHILD_STATE", state: "not_found" });
  t.match(await root.call.startChild(child("a")), running(root, "a"));
});

t.test("countChildren counts both kinds, running or not", async (t) => {
  const root = await supervise([child("a"), child("b", [], { restart: "transient" }), supervisor("s", [])]);
  await endChild(root, "b", "normal");
  await settle();
  t.strictSame(await root.call.countChildren(), { specs: 3, active: 2, supervisors: 1, workers: 2 });
});

t.test("a start may give its ref with a word for whoever asked", async (t) => {
  const plain = child("a");
  const start = async (context: Parameters<typeof plain.start>[0]) => ({
    ref: (await plain.start(context)) as ActorRef,
    info: { port: 80 },
  });
  const root = await supervise([]);
  const started = await root.call.startChild({ id: "a", start });
  t.match(started, { ref: running(root, "a"), info: { port: 80 } });
  await root.call.terminateChild("a");
  t.match(await root.call.restartChild("a"), { info: { port: 80 } });
});

t.test("a start that resolves with anything else has failed, and the value is the cause", async (t) => {
  const root = await supervise([]);
  const start = async () => "up" as never;
  await t.rejects(root.call.startChild({ id: "a", start }), { code: "ERR_START", cause: "up" });
  await t.rejects(supervise([{ id: "a", start }]), { code: "ERR_START", cause: { cause: { cause: "up" } } });
});

t.test("a failed start carries the child's own reason, nested ones too", async (t) => {
  const bad = { id: "bad", start: () => Promise.reject(new RangeError("x")) };
  const own = { error: { name: "RangeError" } };
  await t.rejects((await supervise([])).call.startChild(bad), {
    code: "ERR_START",
    reason: own,
    failure: { child: "app/bad" },
  });
  await t.rejects(supervise([supervisor("s", [bad])]), {
    code: "ERR_START",
    failure: { child: "app/s/bad", reason: { startFailed: { child: "app/s/bad", reason: own } } },
  });
});

t.test("getChildSpec gives the specification with its defaults", async (t) => {
  const root = await supervise([child("a"), child("t", [], { restart: "temporary" })]);
  t.match(await root.call.getChildSpec("a"), { id: "a", restart: "permanent", shutdown: 5_000, type: "worker" });
  await t.rejects(root.call.getChildSpec("x"), { code: "ERR_CHILD_STATE", state: "not_found" });
  await root.call.startChild(child("u", [], { restart: "temporary" }));
  t.type((await root.call.getChildSpec("t")).start, "function");
  t.notOk("start" in (await root.call.getChildSpec("u")));
});

t.test("changeSpec keeps what runs, adds what is new stopped, and puts what it does not name last", async (t) => {
  const root = await supervise([child("a"), child("b")]);
  const a = running(root, "a");
  await root.call.changeSpec({ children: [child("a", [], { shutdown: 7 }), child("n")] });
  t.strictSame(await listed(root), ["b", "n", "a"]);
  t.equal(running(root, "a"), a);
  t.match([await root.call.getChildSpec("a"), look(root, "n")], [{ shutdown: 7 }, { state: "stopped" }]);
  const wrong = root.call.changeSpec({ intensity: { max: -1, withinMs: 1 }, children: [] });
  await t.rejects(wrong, { code: "ERR_CHILD_SPEC", field: "intensity.max" });
  t.strictSame(await listed(root), ["b", "n", "a"]);
});

t.test("changeSpec keeps the restarts so far", async (t) => {
  const root = await supervise([child("a")], { intensity: { max: 2, withinMs: 60_000 } });
  for (let i = 0; i < 2; i++) {
    await endChild(root, "a", { exit: 1 });
    await settle();
  }
  await root.call.changeSpec({ intensity: { max: 1, withinMs: 60_000 }, children: [child("a")] });
  t.equal(isAlive(root), true);
  await endChild(root, "a", { exit: 1 });
  t.equal(await whenEnded(root), "shutdown");
});
