import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { Runtime } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import { Counter, doing, gate, Puppet, puppet, settle } from "../support/actors.js";
import { VirtualClock } from "../support/virtual-clock.js";

async function timed() {
  const clock = new VirtualClock();
  const ref = await startActor(null, { class: Puppet, runtime: new Runtime({ clock }) });
  return { clock, ref };
}

t.test("a call to an actor that has ended rejects with ERR_NOPROC", async (t) => {
  const ref = await puppet();
  exitActor(ref, "kill");
  await whenEnded(ref);
  await t.rejects(ref.call.seen(), { code: "ERR_NOPROC", ref, message: /killed/ });
});

t.test("a cast or a send to an actor that has ended does nothing", async (t) => {
  const ref = await puppet();
  exitActor(ref, "kill");
  await whenEnded(ref);
  t.doesNotThrow(() => ref.cast.seen());
  t.doesNotThrow(() => ref.send("x"));
});

t.test("a crash rejects its caller and those behind with the reason and the cause", async (t) => {
  const ref = await startActor(null, { class: Counter });
  const crash = ref.call.crash("boom");
  const behind = ref.call.add(1);
  const expected = {
    code: "ERR_ACTOR_EXIT",
    ref,
    reason: { error: { name: "TypeError", message: "boom" } },
    cause: { message: "boom" },
  };
  await t.rejects(crash, expected);
  await t.rejects(behind, expected);
});

t.test("a call in hand, one behind it and one owed reject when the actor is killed", async (t) => {
  const ref = await puppet();
  const owed = doing(ref, (hands) => {
    hands.replyLater();
  });
  const inHand = doing(ref, () => gate().passed);
  const behind = ref.call.seen();
  await settle();
  exitActor(ref, "kill");
  for (const call of [owed, inHand, behind] as Promise<unknown>[])
    await t.rejects(call, { code: "ERR_ACTOR_EXIT", reason: "killed" });
});

t.test("a call without an answer rejects after 5 s, not earlier, and at most a 32nd part later", async (t) => {
  const { clock, ref } = await timed();
  let outcome: { code?: string } = {};
  doing(ref, () => gate().passed).catch((error) => {
    outcome = error;
  });
  await settle();
  clock.advance(4_999);
  await settle();
  t.equal(outcome.code, undefined);
  clock.advance(5_000 / 32 + 1);
  await settle();
  t.match(outcome, { code: "ERR_CALL_TIMEOUT", method: "run", timeoutMs: 5_000, ref });
});

t.test("within sets another limit, and calls with different limits expire on their own", async (t) => {
  const { clock, ref } = await timed();
  const held = gate<number>();
  const outcomes: string[] = [];
  const long = doing(ref, () => held.passed);
  for (const ms of [100, 10])
    ref
      .within(ms)
      .call.seen()
      .catch(() => outcomes.push(`${ms}`));
  const never = ref.within("infinity").call.seen();
  clock.advance(20);
  await settle();
  t.strictSame(outcomes, ["10"]);
  clock.advance(100);
  await settle();
  t.strictSame(outcomes, ["10", "100"]);
  held.open(1);
  t.equal(await long, 1);
  t.strictSame(await never, []);
});

t.test("calls made one after the other expire one after the other, and an answered one does not", async (t) => {
  const { clock, ref } = await timed();
  const expiredAtMs: number[] = [];
  for (let i = 0; i < 10; i++) {
    const owed = ref.within(320).call.run((hands) => void hands.replyLater()) as Promise<unknown>;
    owed.catch(() => expiredAtMs.push(clock.nowMs()));
    await ref.within(320).call.seen();
    clock.advance(100);
    await settle();
  }
  clock.advance(1_000);
  await settle();
  t.equal(expiredAtMs.length, 10);
  for (const [i, atMs] of expiredAtMs.slice(0, 6).entries())
    t.ok(atMs >= i * 100 + 320 && atMs <= i * 100 + 430, `${i} at ${atMs}`);
});

t.test("a late answer is dropped and the actor goes on", async (t) => {
  const { clock, ref } = await timed();
  const held = gate<number>();
  const late = ref.within(10).call.run(() => held.passed) as Promise<unknown>;
  await settle();
  clock.advance(20);
  await t.rejects(late, { code: "ERR_CALL_TIMEOUT" });
  held.open(1);
  t.strictSame(await ref.call.seen(), []);
});

t.test("no timer runs once every call is answered", async (t) => {
  const { clock, ref } = await timed();
  await Promise.all([ref.call.seen(), ref.call.seen(), ref.within(50).call.seen()]);
  clock.advance(10_000);
  t.equal(clock.timers, 0);
});

t.test("an answer is given as it is: an error, undefined, a function", async (t) => {
  const ref = await puppet();
  const error = new Error("a value");
  for (const value of [undefined, error, Array]) t.equal(await doing(ref, () => value), value);
});

t.test("an actor that calls itself while it handles a message is refused, in init as well", async (t) => {
  const ref = await puppet();
  const code = await doing(ref, () => ref.call.seen().catch((error) => error.code));
  t.equal(code, "ERR_CALLING_SELF");
  const codes: string[] = [];
  await puppet(async (hands) => {
    await hands
      .self()
      .call.seen?.()
      .catch((error: { code: string }) => codes.push(error.code));
  });
  t.strictSame(codes, ["ERR_CALLING_SELF"]);
});

t.test("an actor that has its reply in hand may call itself", async (t) => {
  const ref = await puppet();
  const answer = doing(ref, async (hands) => {
    const reply = hands.replyLater();
    reply(await ref.call.seen());
  });
  t.strictSame(await answer, []);
});

t.test("a reply given after its caller has died, or has given up, goes nowhere", async (t) => {
  const { clock, ref } = await timed();
  const held = gate<string>();
  const asked = ref.within(10).call.run(async (hands) => hands.replyLater()(await held.passed)) as Promise<unknown>;
  await settle();
  clock.advance(20);
  await t.rejects(asked, { code: "ERR_CALL_TIMEOUT" });
  held.open("late");
  await settle();
  t.strictSame(await ref.call.seen(), []);
});

t.test("a call that fails and that nobody looks at harms nobody", async (t) => {
  const ref = await startActor(null, { class: Counter });
  let unhandled = 0;
  const count = () => unhandled++;
  process.on("unhandledRejection", count);
  void ref.call.crash();
  void ref.call.add(1);
  await whenEnded(ref);
  void ref.call.add(1);
  await settle();
  process.off("unhandledRejection", count);
  t.equal(unhandled, 0);
});
