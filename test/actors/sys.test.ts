import t from "tap";
import { Actor } from "#src/actors/actor.js";
import type { TraceEvent } from "#src/actors/debug.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { Runtime } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import * as sys from "#src/actors/sys.js";
import { startSupervisor } from "#src/supervisor/supervisor.js";
import { Counter, doing, gate, Puppet, puppet, settle, trapper } from "../support/actors.js";
import { VirtualClock } from "../support/virtual-clock.js";

/** Its state is in fields. */
class Open extends Actor {
  n = 0;
  readonly names = new Map([["a", 1]]);
  add(by: number): number {
    this.n += by;
    return this.n;
  }
}

/** Its state is private, and partly a secret. */
class Closed extends Actor {
  #state = { n: 1, password: "secret" };
  [sys.giveState](): unknown {
    return this.#state;
  }
  [sys.takeState](state: { n: number; password: string }): void {
    if (state.n < 0) throw new RangeError("negative");
    this.#state = state;
  }
  [sys.formatStatus]({ n }: { n: number }): unknown {
    return { n };
  }
}

t.test("the state of an actor is its own fields, or what it gives as such", async (t) => {
  t.strictSame(await sys.getState(await startActor(null, { class: Open })), { n: 0, names: new Map([["a", 1]]) });
  t.strictSame(await sys.getState(await startActor(null, { class: Closed })), { n: 1, password: "secret" });
  t.strictSame(await sys.getState(await startActor(null, { class: Counter })), {}, "#private fields do not show");
});

t.test("a request waits its turn among the messages", async (t) => {
  const ref = await startActor(null, { class: Open });
  ref.cast.add(1);
  const between = sys.getState(ref);
  ref.cast.add(1);
  t.match([await between, await sys.getState(ref)], [{ n: 1 }, { n: 2 }]);
});

t.test("replaceState changes fields, or asks the actor to", async (t) => {
  const open = await startActor(null, { class: Open });
  await sys.replaceState(open, (state) => ({ ...(state as object), n: 40 }));
  t.equal(await open.call.add(2), 42);
  const closed = await startActor(null, { class: Closed });
  t.strictSame(await sys.replaceState(closed, () => ({ n: 2, password: "x" })), { n: 2, password: "x" });
  t.match(await sys.getState(closed), { n: 2 });
});

t.test("a change that throws, or that the actor refuses, leaves the state and the actor alone", async (t) => {
  const ref = await startActor(null, { class: Closed });
  const bad = () => {
    throw new RangeError("no");
  };
  await t.rejects(sys.replaceState(ref, bad), { message: "no" });
  await t.rejects(
    sys.replaceState(ref, () => ({ n: -1 })),
    { message: "negative" },
  );
  t.match(await sys.getState(ref), { n: 1 });
  await t.rejects(
    sys.replaceState(await startActor(null, { class: Open }), () => 7),
    { name: "TypeError" },
  );
});

t.test("the status says what an actor does, and its state without its secrets", async (t) => {
  const ref = await startActor(null, { class: Closed, id: "app/closed" });
  const status = await sys.getStatus(ref);
  t.match(status, { ref, label: "app/closed", condition: "running", messagesWaiting: 0, state: { n: 1 }, links: [] });
  t.notMatch(JSON.stringify(status.state), "secret");
});

t.test("peek tells of an actor that is stuck, which getStatus cannot", async (t) => {
  const clock = new VirtualClock();
  const ref = await startActor(null, { class: Puppet, runtime: new Runtime({ clock }) });
  const inHand = doing(ref, () => gate().passed);
  ref.send("waiting");
  await settle();
  t.match(sys.peek(ref), {
    condition: "busy",
    inHand: { type: "call", method: "run" },
    messagesWaiting: 1,
  });
  const status = sys.getStatus(ref, { timeoutMs: 100 });
  clock.advance(110);
  await t.rejects(status, { code: "ERR_CALL_TIMEOUT", method: "sys.getStatus" });
  exitActor(ref, "kill");
  await t.rejects(inHand as Promise<unknown>);
  t.equal(sys.peek(ref).condition, "ending");
});

t.test("a suspended actor handles nothing but sys, and goes on in order when it is resumed", async (t) => {
  const ref = await startActor(null, { class: Open });
  await sys.suspend(ref);
  await sys.suspend(ref);
  const answers = [ref.call.add(1), ref.call.add(1)];
  t.match(await sys.getStatus(ref), { condition: "suspended", messagesWaiting: 2, state: { n: 0 } });
  await sys.resume(ref);
  t.strictSame(await Promise.all(answers), [1, 2]);
});

t.test("calls of a suspended actor time out, and what they asked is done all the same", async (t) => {
  const clock = new VirtualClock();
  const ref = await startActor(null, { class: Open, runtime: new Runtime({ clock }) });
  await sys.suspend(ref);
  const call = ref.within(50).call.add(1);
  clock.advance(60);
  await t.rejects(call, { code: "ERR_CALL_TIMEOUT" });
  await sys.resume(ref);
  t.equal(await ref.call.add(1), 2);
});

t.test("its parent's exit ends a suspended actor at once, and what waited is lost", async (t) => {
  const ref = await trapper();
  await sys.suspend(ref);
  const waiting = ref.call.seen();
  exitActor(ref, "shutdown");
  t.equal(await whenEnded(ref), "shutdown");
  await t.rejects(waiting, { code: "ERR_ACTOR_EXIT", reason: "shutdown" });
});

t.test("an actor that suspends in an async method is suspended when that has settled", async (t) => {
  const ref = await puppet();
  const held = gate();
  const first = doing(ref, () => held.passed);
  const suspended = sys.suspend(ref);
  const second = doing(ref, () => "second");
  held.open();
  await first;
  await suspended;
  t.equal(sys.peek(ref).messagesWaiting, 1);
  await sys.resume(ref);
  t.equal(await second, "second");
});

t.test("100,000 messages to a suspended actor cost no search each", async (t) => {
  const ref = await startActor(null, { class: Open });
  await sys.suspend(ref);
  for (let i = 0; i < 100_000; i++) {
    ref.cast.add(1);
    if (i % 10_000 === 0) await settle();
  }
  await sys.resume(ref);
  t.equal(await ref.call.add(0), 100_000);
});

t.test("a trace shows messages in, answers out and a state that is another one, until it is ended", async (t) => {
  const ref = await startActor(null, { class: Open });
  const events: TraceEvent[] = [];
  const end = await sys.trace(ref, (event) => events.push(event));
  await ref.call.add(2);
  ref.send("x");
  await ref.call.add(0);
  end();
  await ref.call.add(1);
  t.match(events, [
    { type: "in", ref, message: { type: "call", method: "add", args: [2] } },
    { type: "out", method: "add", value: 2 },
    { type: "state", state: { n: 2 } },
    { type: "in", message: { type: "info", message: "x" } },
    { type: "in", message: { type: "call", method: "add", args: [0] } },
    { type: "out", method: "add", value: 2 },
  ]);
  t.equal(events.length, 6);
});

t.test("a trace shows deferred replies and refusals", async (t) => {
  const ref = await puppet();
  const out: unknown[] = [];
  await sys.trace(ref, (event) => event.type === "out" && out.push("value" in event ? event.value : event.error));
  await doing(ref, (hands) => {
    const reply = hands.replyLater();
    reply("first");
    reply("second");
  });
  const error = new RangeError("no");
  await t.rejects(doing(ref, (hands) => hands.refuse(error)));
  t.strictSame(out, ["first", error]);
});

t.test("a trace that throws ends, and the actor goes on", async (t) => {
  const ref = await startActor(null, { class: Open });
  let seen = 0;
  await sys.trace(ref, () => {
    seen++;
    throw new Error("no");
  });
  t.strictSame([await ref.call.add(1), await ref.call.add(1), seen], [1, 2, 1]);
});

t.test("statistics are off until they are turned on, and count from then", async (t) => {
  const ref = await startActor(null, { class: Open });
  await ref.call.add(1);
  t.equal(await sys.statistics(ref), "no_statistics");
  t.match(await sys.statistics(ref, true), { messagesIn: 0, messagesOut: 0, reductions: 0, startTime: Number });
  await ref.call.add(1);
  ref.cast.add(1);
  t.match(await sys.statistics(ref), { messagesIn: 2, messagesOut: 1, reductions: 2 });
  t.equal(await sys.statistics(ref, false), "no_statistics");
});

t.test("a supervisor can be looked into, suspended, and brought to act on what waited", async (t) => {
  const supervisor = await startSupervisor(null, {
    path: "app",
    children: [{ id: "a", start: ({ parent }) => startActor(parent, { class: Counter }) }],
  });
  t.match(await sys.getState(supervisor), { path: "app", children: [{ id: "a", state: "running", restarts: 0 }] });
  const [{ child } = { child: undefined }] = await supervisor.call.whichChildren();
  await sys.suspend(supervisor);
  exitActor(child as never, "kill");
  await settle();
  t.match(await sys.getStatus(supervisor), { condition: "suspended", messagesWaiting: 1 });
  await sys.resume(supervisor);
  t.match(await supervisor.call.countChildren(), { active: 1 });
  t.match(await sys.getState(supervisor), { children: [{ restarts: 1 }] });
  exitActor(supervisor, "shutdown");
  await whenEnded(supervisor);
});

t.test("sys of an actor that has ended, or ends first, rejects as a call does", async (t) => {
  const ref = await puppet();
  const inHand = doing(ref, () => gate().passed);
  const waiting = sys.getState(ref);
  await settle();
  exitActor(ref, "kill");
  for (const request of [inHand, waiting] as Promise<unknown>[])
    await t.rejects(request, { code: "ERR_ACTOR_EXIT", reason: "killed" });
  await t.rejects(sys.suspend(ref), { code: "ERR_NOPROC", ref });
});
