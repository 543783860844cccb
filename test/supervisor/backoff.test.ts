import fc from "fast-check";
import t from "tap";
import { exitActor, stopActor, whenEnded } from "#src/actors/exit-actor.js";
import { isAlive, Runtime } from "#src/actors/runtime.js";
import { backoffStep, defaultBackoff } from "#src/supervisor/backoff.js";
import { checkChildSpec } from "#src/supervisor/child-spec.js";
import { formatExhaustion, supervisorSnapshot } from "#src/supervisor/snapshot.js";
import type { SupervisorSpec } from "#src/supervisor/supervisor-spec.js";
import { settle } from "../support/actors.js";
import { child, endChild, listed, look, type Outcome, supervise, supervisor } from "../support/children.js";
import { heardDuring } from "../support/reports.js";
import { VirtualClock } from "../support/virtual-clock.js";

const crash = { error: { name: "Error", message: "crash" } } as const;
const steady = { initialMs: 100, maxMs: 1_000, factor: 2, jitter: 0, resetAfterMs: 60_000 } as const;
const none = { max: 0, withinMs: 1_000 } as const;

const rows: readonly [claim: string, more: object, failures: number, ranMs: number, step: object][] = [
  ["the first wait is the initial one", {}, 0, 5, { failures: 1, waitMs: 100 }],
  ["each next is longer by the factor", {}, 2, 5, { failures: 3, waitMs: 400 }],
  ["none is longer than the longest", {}, 9, 5, { failures: 10, waitMs: 1_000 }],
  ["nor after any number of failures", {}, 1e6, 0, { failures: 1e6 + 1, waitMs: 1_000 }],
  ["running long enough starts afresh", {}, 7, 60_000, { failures: 1, waitMs: 100 }],
  ["running a moment less does not", {}, 3, 59_999, { failures: 4, waitMs: 800 }],
  ["a failed start never starts afresh", { resetAfterMs: 0 }, 1, 0, { failures: 2, waitMs: 200 }],
  ["a wait of nothing stays nothing", { initialMs: 0 }, 2_000, 0, { failures: 2_001, waitMs: 0 }],
  ["a factor of one never grows", { factor: 1 }, 9, 0, { failures: 10, waitMs: 100 }],
  ["attempts are failures in a row", { attempts: 3 }, 1, 0, { failures: 2, waitMs: 200 }],
  ["the last of them is one too many", { attempts: 3 }, 2, 0, { failures: 3, waitMs: "exhausted" }],
];

for (const [claim, more, failures, ranMs, step] of rows) {
  t.test(claim, async (t) => {
    t.strictSame(backoffStep({ ...defaultBackoff, ...steady, ...more }, failures, ranMs, 0.5), step);
  });
}

t.test("jitter goes both ways, by at most its part, and never above the longest wait", async () => {
  fc.assert(
    fc.property(fc.nat(20), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (failures, chance) => {
      const { waitMs } = backoffStep({ ...defaultBackoff, ...steady, jitter: 0.2 }, failures, 0, chance);
      const steadyMs = Math.min(1_000, 100 * 2 ** failures);
      return typeof waitMs === "number" && waitMs >= steadyMs * 0.8 && waitMs <= Math.min(1_000, steadyMs * 1.2);
    }),
  );
});

for (const [field, backoff] of [
  ["backoff", 7],
  ["backoff.initialMs", { initialMs: -1 }],
  ["backoff.maxMs", { initialMs: 10, maxMs: 5 }],
  ["backoff.factor", { factor: 0.5 }],
  ["backoff.jitter", { jitter: 2 }],
  ["backoff.resetAfterMs", { resetAfterMs: "1s" }],
  ["backoff.attempts", { attempts: 0 }],
] as const) {
  t.test(`${JSON.stringify(backoff)} is refused for its ${field}`, async (t) => {
    t.throws(() => checkChildSpec({ id: "a", start: () => {}, backoff }), { code: "ERR_CHILD_SPEC", field });
  });
}

t.test("a temporary child has no back-off", async (t) => {
  const spec = { id: "a", start: () => {}, restart: "temporary", backoff: {} };
  t.throws(() => checkChildSpec(spec), { code: "ERR_CHILD_SPEC", field: "backoff" });
});

/** A supervisor on a clock of its own, whose waits have no jitter. */
async function waiting(children: Parameters<typeof supervise>[0], more: Partial<SupervisorSpec> = {}) {
  const clock = new VirtualClock();
  const root = await supervise(children, { runtime: new Runtime({ clock }), chance: () => 0.5, ...more });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await settle();
  };
  return { root, clock, pass };
}

t.test("a child with back-off waits, is started again, and counts in no window", async (t) => {
  const { root, pass } = await waiting([child("a", [], { backoff: steady })], { intensity: none });
  for (const waitMs of [100, 200, 400]) {
    await endChild(root, "a", crash);
    await settle();
    t.match(look(root, "a"), { state: "backoff", lastExit: { reason: crash } });
    t.match(await root.call.whichChildren(), [{ child: "restarting" }]);
    await pass(waitMs - 1);
    t.equal(look(root, "a").state, "backoff");
    await pass(1);
    t.equal(look(root, "a").state, "running");
  }
  t.match(supervisorSnapshot(root), { budget: { used: 0, max: 0 }, children: [{ restarts: 3 }] });
});

t.test("a start that fails is the next failure in the row", async (t) => {
  const plan: Outcome[] = ["up", "fail", "fail", "up"];
  const { root, pass } = await waiting([child("a", [], { backoff: steady }, plan)], { intensity: none });
  await endChild(root, "a", crash);
  await settle();
  for (const waitMs of [100, 200, 400]) await pass(waitMs);
  t.match(look(root, "a"), { state: "running", restarts: 3 });
});

t.test("a child that ran long enough starts afresh", async (t) => {
  const { root, pass } = await waiting([child("a", [], { backoff: { ...steady, attempts: 2 } })]);
  for (let i = 0; i < 5; i++) {
    await endChild(root, "a", crash);
    await settle();
    await pass(100);
    t.equal(look(root, "a").state, "running");
    await pass(60_000);
  }
});

t.test("after its attempts it ends its supervisor with shutdown, and the chain says so", async (t) => {
  const inner = supervisor("s", [child("a", [], { backoff: { ...steady, attempts: 2 } })], { chance: () => 0.5 });
  const { root, pass } = await waiting([inner], { intensity: none });
  const s = look(root, "s").ref as never;
  await endChild(s, "a", { exit: 1 });
  await settle();
  await pass(100);
  await endChild(s, "a", { exit: 2 });
  t.equal(await whenEnded(root), "shutdown");
  const { exhaustion } = supervisorSnapshot(root) ?? {};
  t.match(exhaustion && formatExhaustion(exhaustion), [
    /^app gave up: more than 0 restarts/,
    /^app\/s gave up: 2 failures in a row \(backoff.attempts\); app\/s\/a was restarted once, its last exit: exit 2$/,
  ]);
});

t.test("a supervisor stops at once while a child waits, and leaves no timer", async (t) => {
  for (const end of [stopActor, (root: Parameters<typeof stopActor>[0]) => exitActor(root, "kill")]) {
    const { root, clock } = await waiting([child("a", [], { backoff: steady }), child("b")]);
    await endChild(root, "a", crash);
    await settle();
    const before = clock.timers;
    end(root);
    await whenEnded(root);
    t.ok(clock.timers < before);
    t.equal(look(root, "b").state, "stopped");
  }
});

t.test("terminateChild calls a wait off; restartChild is refused meanwhile", async (t) => {
  const { root, pass } = await waiting([child("a", [], { backoff: steady })]);
  await endChild(root, "a", crash);
  await t.rejects(root.call.restartChild("a"), { code: "ERR_CHILD_STATE", state: "restarting" });
  await root.call.terminateChild("a");
  await pass(10_000);
  t.equal(look(root, "a").state, "stopped");
  await root.call.restartChild("a");
  t.equal(look(root, "a").state, "running");
});

t.test("those that restart with it are stopped when it ends, and wait with it", async (t) => {
  const diary: string[] = [];
  const children = [child("a", diary), child("b", diary, { backoff: steady }), child("c", diary)];
  const { root, pass } = await waiting(children, { strategy: "rest_for_one", intensity: none });
  diary.length = 0;
  await endChild(root, "b", crash);
  await settle();
  t.strictSame(diary, ["down b error", "down c shutdown"]);
  await pass(100);
  t.strictSame(diary.slice(2), ["up b", "up c"]);
});

t.test("another's cascade starts a waiting child at once, and its row goes on", async (t) => {
  const plan: Outcome[] = ["up", "fail", "up"];
  const children = [child("a"), child("b", [], { backoff: steady }, plan), child("c")];
  const { root, pass } = await waiting(children, { strategy: "rest_for_one", intensity: { max: 1, withinMs: 60_000 } });
  await endChild(root, "b", crash);
  await settle();
  await endChild(root, "a", crash);
  await settle();
  t.match([look(root, "a").state, look(root, "b").state, look(root, "c").state], ["running", "backoff", "stopped"]);
  await pass(199);
  t.equal(look(root, "b").state, "backoff");
  await pass(1);
  t.match([look(root, "b").state, look(root, "c").state], ["running", "running"]);
});

t.test("a first start that fails is tried again, and those after it start once it is up", async (t) => {
  for (const strategy of ["one_for_one", "rest_for_one", "one_for_all"] as const) {
    const diary: string[] = [];
    const failing = child("b", diary, { backoff: steady }, ["fail", "fail", "up"]);
    const after = [child("c", diary), child("t", diary, { restart: "temporary" })];
    const { root, pass } = await waiting([child("a", diary), failing, ...after], { strategy, intensity: none });
    t.match([look(root, "b").state, look(root, "c").state], ["backoff", "starting"]);
    await pass(100);
    await pass(200);
    t.strictSame(diary, ["up a", "fail b", "fail b", "up b", "up c", "up t"], strategy);
    t.strictSame(await listed(root), ["t", "c", "b", "a"]);
  }
});

t.test("those after a first start that fails get their turn when it is terminated", async (t) => {
  const failing = child("b", [], { backoff: steady }, ["fail"]);
  const { root } = await waiting([failing, child("c")]);
  await root.call.terminateChild("b");
  t.strictSame([look(root, "b").state, look(root, "c").state], ["stopped", "running"]);
});

t.test("a cascade during a first start's wait gives everyone a turn again", async (t) => {
  const diary: string[] = [];
  const failing = child("b", diary, { backoff: steady }, ["fail", "up"]);
  const { root } = await waiting([child("a", diary), failing, child("c", diary)], { strategy: "rest_for_one" });
  await endChild(root, "a", crash);
  await settle();
  t.strictSame(diary.slice(2), ["down a error", "up a", "up b", "up c"]);
});

t.test("with one attempt only, a first start that fails is a start that fails", async (t) => {
  const failing = child("b", [], { backoff: { attempts: 1 } }, ["fail"]);
  await t.rejects(supervise([child("a"), failing]), { code: "ERR_START", failure: { child: "app/b" } });
});

t.test("each wait is told, with its length and the failures so far", async (t) => {
  const { root } = await waiting([child("a", [], { backoff: steady })]);
  const heard = await heardDuring(async () => {
    await endChild(root, "a", crash);
    await settle();
  });
  t.match(heard.at(-1), { type: "backoff", path: "app/a", waitMs: 100, failures: 1 });
  t.equal(isAlive(root), true);
});
