import t from "tap";
import { cellOf } from "#src/actors/address.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { isAlive, Runtime, runtimeOfThread } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import { Counter, doing, gate, type Hands, holding, Puppet, puppet, settle, trapper } from "../support/actors.js";
import { VirtualClock } from "../support/virtual-clock.js";

t.test("a start resolves when an async init has settled, and messages wait for it", async (t) => {
  const held = gate();
  const starting = startActor(null, { class: Puppet, name: "slow", args: [() => held.passed] });
  const early = runtimeOfThread().whereis("slow")?.call.seen?.();
  let isUp = false;
  void starting.then(() => {
    isUp = true;
  });
  await settle();
  t.equal(isUp, false);
  held.open();
  await starting;
  t.strictSame(await early, []);
});

for (const [name, init] of [
  [
    "throws",
    () => {
      throw new RangeError("no");
    },
  ],
  ["rejects", () => Promise.reject(new RangeError("no"))],
] as const) {
  t.test(`an init that ${name} rejects the start, and a parent that traps gets its EXIT as well`, async (t) => {
    const parent = await trapper();
    const start = startActor(cellOf(parent), { class: Puppet, args: [init], id: "app/x", name: "x" });
    await t.rejects(start, {
      code: "ERR_START",
      message: "app/x did not start: error RangeError: no",
      cause: { message: "no" },
    });
    t.match(await parent.call.seen(), [{ type: "EXIT", reason: { error: { message: "no" } } }]);
    t.equal(runtimeOfThread().whereis("x"), undefined);
  });
}

t.test("a parent that does not trap goes on when a start fails", async (t) => {
  const parent = await puppet();
  const failing = () => Promise.reject(new RangeError("no"));
  await t.rejects(startActor(cellOf(parent), { class: Puppet, args: [failing] }), { code: "ERR_START" });
  t.strictSame(await parent.call.seen(), []);
});

t.test("a start without a link leaves its starter alone, whatever becomes of it", async (t) => {
  const starter = await trapper();
  const exiting = (hands: Hands) => hands.exit({ exit: 1 });
  const code = doing(starter, () => startActor(null, { class: Puppet, args: [exiting] }).catch((error) => error.code));
  t.strictSame([await code, await starter.call.seen()], ["ERR_START", []]);
});

t.test("an init that takes too long is killed, its start rejects, and no EXIT comes", async (t) => {
  const clock = new VirtualClock();
  const parent = await startActor(null, {
    class: Puppet,
    args: [(hands: Hands) => hands.trap()],
    runtime: new Runtime({ clock }),
  });
  const never = () => gate().passed;
  const starting = startActor(cellOf(parent), { class: Puppet, args: [never], name: "slow", startTimeoutMs: 50 });
  await settle();
  clock.advance(49);
  await settle();
  t.ok(cellOf(parent).runtime.whereis("slow"));
  clock.advance(1);
  await t.rejects(starting, { code: "ERR_START", reason: { limit: "timeout" }, failure: { stage: "init" } });
  t.strictSame([cellOf(parent).runtime.whereis("slow"), await parent.call.seen()], [undefined, []]);
});

t.test("no timer is left of a start time-out that was not needed", async (t) => {
  const clock = new VirtualClock();
  const runtime = new Runtime({ clock });
  await startActor(null, { class: Counter, runtime, startTimeoutMs: 50 });
  await t.rejects(startActor(null, { class: class No {}, runtime, startTimeoutMs: 50 }));
  t.equal(clock.timers, 0);
});

t.test("an init that says ignore ends normally, and the start's error says that it did", async (t) => {
  const parent = await trapper();
  const ignoring = (hands: Hands) => hands.ignore();
  const start = startActor(cellOf(parent), { class: Puppet, args: [ignoring], name: "unwanted" });
  await t.rejects(start, { code: "ERR_START", reason: "normal", ignored: true });
  t.equal(runtimeOfThread().whereis("unwanted"), undefined);
  t.match(await parent.call.seen(), [{ type: "EXIT", reason: "normal" }]);
});

for (const [traps, reason] of [
  [false, undefined],
  [true, "normal"],
] as const) {
  t.test(
    `an actor that may outlive its parent, ${traps ? "trapping" : "not trapping"}, ${reason ? "ends with" : "survives"} the parent's normal end`,
    async (t) => {
      const parent = await puppet();
      const args = [(hands: Hands) => hands.trap(traps)];
      const child = await startActor(cellOf(parent), { class: Puppet, args, outlivesParent: true });
      await doing(parent, (hands) => hands.exit("normal"));
      await settle();
      t.equal(isAlive(child), reason === undefined);
      if (reason !== undefined) t.equal(await whenEnded(child), reason);
    },
  );
}

t.test("an exit during init rejects the start with its reason", async (t) => {
  await t.rejects(
    puppet((hands) => hands.exit({ exit: 4 })),
    { code: "ERR_START", reason: { exit: 4 } },
  );
});

t.test("an aborted start abandons init, releases what it holds, then rejects", async (t) => {
  const gone = gate();
  class Slow extends holding(() => gone.passed) {
    override init(): Promise<void> {
      return gate().passed;
    }
  }
  const abort = new AbortController();
  let rejection: unknown;
  startActor(null, { class: Slow, signal: abort.signal }).catch((error) => {
    rejection = error;
  });
  await settle();
  abort.abort();
  await settle();
  t.equal(rejection, undefined);
  gone.open();
  await settle();
  t.match(rejection, { code: "ERR_START", reason: "shutdown" });
});

t.test("a signal that aborts after the start does nothing", async (t) => {
  const abort = new AbortController();
  const ref = await startActor(null, { class: Counter, signal: abort.signal });
  abort.abort();
  await settle();
  t.equal(isAlive(ref), true);
  await t.rejects(startActor(null, { class: Counter, signal: abort.signal }), { code: "ERR_START" });
});

t.test("a child is linked to its parent from its first moment", async (t) => {
  const parent = await puppet();
  const crash = gate();
  const starting = startActor(cellOf(parent), { class: Puppet, args: [() => crash.passed] });
  await settle();
  exitActor(parent, { exit: 1 });
  await t.rejects(starting, { code: "ERR_START", reason: { exit: 1 } });
});

t.test("an actor that is ending starts no children", async (t) => {
  const parent = await puppet();
  exitActor(parent, "kill");
  await t.rejects(startActor(cellOf(parent), { class: Counter }), { code: "ERR_ACTOR_EXIT" });
});

t.test("this.start gives a child that knows its parent", async (t) => {
  const parent = await puppet();
  const child = await doing(parent, (hands) => hands.start({ actor: "child", class: Puppet }));
  t.equal(await doing(child as typeof parent, (hands) => hands.parent()?.id), parent.id);
  exitActor(parent, { exit: 1 });
  t.strictSame(await whenEnded(child), { exit: 1 });
});

t.test("this.start refuses what it does not know", async (t) => {
  const parent = await puppet();
  const attempt = doing(parent, (hands: Hands) => hands.start({ nonsense: 1 }).catch((error) => error));
  t.match(await attempt, { code: /ERR_UNSUPPORTED|ERR_CONFIG/ });
});

t.test("a class that is no actor does not start", async (t) => {
  await t.rejects(startActor(null, { class: class NoActor {} }), {
    code: "ERR_START",
    reason: { error: { message: /must extend Actor/ } },
  });
});
