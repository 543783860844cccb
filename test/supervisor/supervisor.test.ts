import t from "tap";
import { cellOf } from "#src/actors/address.js";
import { exitActor, stopActor, whenEnded } from "#src/actors/exit-actor.js";
import { sendExit } from "#src/actors/link.js";
import { isAlive, Runtime } from "#src/actors/runtime.js";
import type { ActorRef } from "#src/ref.js";
import { formatExhaustion, supervisorSnapshot } from "#src/supervisor/snapshot.js";
import { VirtualClock } from "#src/testing/virtual-clock.js";
import { doing, gate, puppet, settle } from "../support/actors.js";
import { child, endChild, look, running, supervise, supervisor } from "../support/children.js";

const crash = { error: { name: "Error", message: "crash" } } as const;

t.test("children start in order and stop in reverse, nested ones depth first", async (t) => {
  const diary: string[] = [];
  const root = await supervise([
    child("a", diary),
    supervisor("s", [child("b", diary), child("c", diary)]),
    child("d", diary),
  ]);
  await stopActor(root);
  t.strictSame(diary, [
    "up a",
    "up b",
    "up c",
    "up d",
    "down d shutdown",
    "down c shutdown",
    "down b shutdown",
    "down a shutdown",
  ]);
});

t.test("a child starts when the one before it is up", async (t) => {
  const held = gate();
  let second = false;
  const slow = { id: "slow", start: () => held.passed.then(() => "ignore" as const) };
  const next = async () => {
    second = true;
    return "ignore" as const;
  };
  const starting = supervise([slow, { id: "next", start: next }]);
  await settle();
  t.equal(second, false);
  held.open();
  await starting;
  t.equal(second, true);
});

t.test("a first start that fails stops the others in reverse and names the child by its path", async (t) => {
  const diary: string[] = [];
  const inner = supervisor("s", [child("b", diary), child("bad", diary, {}, ["fail"])]);
  await t.rejects(supervise([child("a", diary), inner, child("never", diary)]), {
    code: "ERR_START",
    message: /app did not start: start failed: app\/s\/bad: init: RangeError: bad does not start/,
    failure: { child: "app/s/bad", stage: "init" },
  });
  t.strictSame(diary, ["up a", "up b", "fail bad", "down b shutdown", "down a shutdown"]);
});

t.test("one_for_one restarts the child that crashed, with a new ref, and leaves its siblings", async (t) => {
  const root = await supervise(["a", "b", "c"].map((id) => child(id)));
  const [a, b, c] = ["a", "b", "c"].map((id) => running(root, id));
  await endChild(root, "b", crash);
  await settle();
  t.not(running(root, "b"), b);
  t.strictSame([running(root, "a"), running(root, "c")], [a, c]);
  t.match(look(root, "b"), { state: "running", restarts: 1, lastExit: { reason: crash } });
  t.match(supervisorSnapshot(root), { budget: { used: 1, max: 3, withinMs: 5_000 } });
});

t.test("a restarted child keeps its place in the order", async (t) => {
  const root = await supervise(["a", "b"].map((id) => child(id)));
  await endChild(root, "a", crash);
  await settle();
  t.strictSame(
    (await root.call.whichChildren()).map(({ id }) => id),
    ["b", "a"],
  );
});

for (const [restart, reason, state] of [
  ["permanent", "normal", "running"],
  ["transient", "normal", "stopped"],
  ["transient", { exit: 1 }, "running"],
  ["temporary", { exit: 1 }, undefined],
] as const) {
  t.test(`a ${restart} child that ended with ${JSON.stringify(reason)} is ${state ?? "forgotten"}`, async (t) => {
    const root = await supervise([child("a", [], { restart })]);
    await endChild(root, "a", reason);
    await settle();
    t.equal(supervisorSnapshot(root)?.children[0]?.state, state);
  });
}

t.test("one restart more than allowed ends the supervisor with shutdown, the rest stopped in reverse", async (t) => {
  const diary: string[] = [];
  const root = await supervise([child("a", diary), child("b", diary), child("c", diary)], {
    intensity: { max: 1, withinMs: 5_000 },
  });
  await endChild(root, "b", crash);
  await settle();
  await endChild(root, "b", crash);
  t.equal(await whenEnded(root), "shutdown");
  t.strictSame(diary.slice(3), ["down b error", "up b", "down b error", "down c shutdown", "down a shutdown"]);
});

t.test("the end of a root tells the whole chain, also after it", async (t) => {
  const inner = supervisor("s", [child("b")], { intensity: { max: 1, withinMs: 5_000 } });
  const root = await supervise([inner], { intensity: { max: 0, withinMs: 9_000 } });
  const s = look(root, "s").ref as never;
  await endChild(s, "b", crash);
  await settle();
  await endChild(s, "b", { exit: 2 });
  await whenEnded(root);
  const { exhaustion } = supervisorSnapshot(root) ?? {};
  t.match(exhaustion, {
    path: "app",
    child: "app/s",
    max: 0,
    lastExit: { exhaustion: { path: "app/s", child: "app/s/b", restarts: 1 } },
  });
  t.match(exhaustion && formatExhaustion(exhaustion), [
    /^app gave up: .* app\/s .*shutdown$/,
    /^app\/s gave up: .* app\/s\/b .* once.*exit 2$/,
  ]);
});

t.test("restarts that are far enough apart never end it", async (t) => {
  const clock = new VirtualClock();
  const root = await supervise([child("a")], {
    intensity: { max: 1, withinMs: 1_000 },
    runtime: new Runtime({ clock }),
  });
  for (let i = 0; i < 10; i++) {
    await endChild(root, "a", crash);
    await settle();
    clock.advance(1_001);
  }
  t.equal(look(root, "a").restarts, 10);
});

t.test(
  "a restart counts from the moment its exit signal arrived, not from when the supervisor got to it",
  async (t) => {
    const clock = new VirtualClock();
    const held = gate();
    const slow = { id: "slow", start: () => held.passed.then(() => "ignore" as const) };
    const root = await supervise([child("a")], {
      intensity: { max: 1, withinMs: 1_000 },
      runtime: new Runtime({ clock }),
    });
    const starting = root.within("infinity").call.startChild(slow);
    await settle();
    await endChild(root, "a", crash);
    clock.advance(5_000);
    held.open();
    await starting;
    await settle();
    await endChild(root, "a", crash);
    await settle();
    t.equal(isAlive(root), true);
  },
);

t.test("a start that keeps failing uses up the budget: as many attempts as are allowed", async (t) => {
  const diary: string[] = [];
  const root = await supervise([child("a", diary, {}, ["up", "fail"])], { intensity: { max: 3, withinMs: 5_000 } });
  await endChild(root, "a", crash);
  t.equal(await whenEnded(root), "shutdown");
  t.strictSame(diary, ["up a", "down a error", "fail a", "fail a", "fail a"]);
});

t.test("a failed restart is tried again, and a shutdown gets in between", async (t) => {
  const diary: string[] = [];
  const root = await supervise([child("a", diary, {}, ["up", "fail"])], { intensity: "unlimited" });
  await endChild(root, "a", crash);
  await settle();
  t.equal(await stopActor(root), "shutdown");
  t.ok(diary.length > 3);
});

t.test("while a retry is pending the child is restarting, and terminateChild calls it off", async (t) => {
  const plan: ("up" | "fail")[] = ["up", "fail"];
  const root = await supervise([child("a", [], {}, plan)], { intensity: "unlimited" });
  await endChild(root, "a", crash);
  await t.rejects(root.call.restartChild("a"), { code: "ERR_CHILD_STATE", state: "restarting" });
  await t.rejects(root.call.deleteChild("a"), { code: "ERR_CHILD_STATE", state: "restarting" });
  await t.rejects(root.call.startChild(child("a")), { code: "ERR_CHILD_STATE", state: "already_present" });
  t.match(await root.call.whichChildren(), [{ id: "a", child: "restarting" }]);
  await root.call.terminateChild("a");
  plan.splice(0, 2, "up");
  await settle();
  t.equal(look(root, "a").state, "stopped");
});

t.test("a shutdown during a slow start calls it off and unwinds", async (t) => {
  const diary: string[] = [];
  const seen = gate<AbortSignal>();
  const stuck = {
    id: "stuck",
    start: ({ signal }: { signal: AbortSignal }) => {
      seen.open(signal);
      return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("called off"))));
    },
  };
  const root = await supervise([child("a", diary)]);
  const starting = root.within("infinity").call.startChild(stuck);
  await seen.passed;
  exitActor(root, "shutdown");
  t.equal(await whenEnded(root), "shutdown");
  await t.rejects(starting, { code: "ERR_START", message: "app/stuck did not start: init: Error: called off" });
  t.strictSame(diary, ["up a", "down a shutdown"]);
});

t.test("a shutdown during the first start calls it off, stops what is up in reverse and rejects", async (t) => {
  const diary: string[] = [];
  const abort = new AbortController();
  const stuck = {
    id: "stuck",
    start: ({ signal }: { signal: AbortSignal }) =>
      new Promise<never>((_, reject) => signal.addEventListener("abort", reject)),
  };
  const starting = supervise([child("a", diary), supervisor("s", [child("b", diary), stuck])], {
    signal: abort.signal,
  });
  await settle();
  abort.abort();
  await t.rejects(starting, { code: "ERR_START", reason: "shutdown" });
  t.strictSame(diary, ["up a", "up b", "down b shutdown", "down a shutdown"]);
});

t.test("a child that comes up although its start was called off is stopped too", async (t) => {
  const diary: string[] = [];
  const held = gate();
  const plain = child("deaf", diary);
  const deaf = {
    id: "deaf",
    start: async (context: Parameters<typeof plain.start>[0]) => {
      await held.passed;
      return plain.start({ ...context, signal: new AbortController().signal });
    },
  };
  const root = await supervise([child("a", diary)]);
  root
    .within("infinity")
    .call.startChild(deaf)
    .catch(() => {});
  await settle();
  exitActor(root, "shutdown");
  held.open();
  await whenEnded(root);
  t.equal(diary.filter((line) => line.startsWith("up")).length, diary.filter((line) => line.startsWith("down")).length);
});

t.test("a child that ignores the signal is killed after its time, and one with brutal_kill at once", async (t) => {
  for (const [shutdown, traps] of [
    [1, true],
    ["brutal_kill", true],
    [0, true],
  ] as const) {
    const root = await supervise([child("a", [], { shutdown })]);
    const a = running(root, "a");
    await doing(a, (hands) => hands.trap(traps));
    a.cast.run(() => gate().passed);
    await settle();
    await root.call.terminateChild("a");
    t.equal(await whenEnded(a), "killed");
  }
});

t.test("a child that has unlinked itself cannot hang its supervisor", async (t) => {
  const root = await supervise([child("a")]);
  const a = running(root, "a");
  await doing(a, (hands) => hands.unlink(root));
  t.equal(await stopActor(root), "shutdown");
  t.equal(isAlive(a), false);
});

t.test("a killed supervisor takes its children along before anyone hears", async (t) => {
  const diary: string[] = [];
  const root = await supervise([child("a", diary), supervisor("s", [child("b", diary)])]);
  exitActor(root, "kill");
  t.equal(await whenEnded(root), "killed");
  t.strictSame(diary.slice(2).sort(), ["down a killed", "down b shutdown"]);
});

t.test("an exit signal from somebody else, of an unknown actor, or an unknown message does nothing", async (t) => {
  const root = await supervise([child("a")]);
  sendExit(cellOf(root), await puppet(), "shutdown", "order");
  root.send("what?");
  await t.rejects((root as ActorRef as unknown as ActorRef<{ nonsense(): void }>).call.nonsense(), {
    code: "ERR_NO_METHOD",
  });
  t.match(await root.call.countChildren(), { specs: 1, active: 1, supervisors: 0, workers: 1 });
});
