import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { Runtime } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ActorRef } from "#src/ref.js";
import { doing, gate, type Hands, Puppet, puppet, settle } from "../support/actors.js";
import { VirtualClock } from "../support/virtual-clock.js";

const kinds = async (ref: ActorRef<Puppet>) =>
  (await ref.call.seen()).map((one) => ("message" in one ? one.message : one.type));

async function timed() {
  const clock = new VirtualClock();
  const ref = await startActor(null, { class: Puppet, runtime: new Runtime({ clock }) });
  return { clock, ref };
}

t.test("what init continues with is handled after the start, before any message", async (t) => {
  const starting = startActor(null, {
    class: Puppet,
    args: [(hands: Hands) => hands.continueWith("first")],
  });
  const ref = await starting;
  ref.send("second");
  t.strictSame(await kinds(ref), ["first", "second"]);
});

t.test("what a method continues with comes after its answer and before what waits, in order", async (t) => {
  const ref = await puppet();
  const answer = doing(ref, (hands) => {
    ref.send("waiting");
    hands.continueWith(1);
    hands.continueWith(2);
    return "answer";
  });
  t.equal(await answer, "answer");
  t.strictSame(await kinds(ref), [1, 2, "waiting"]);
});

t.test("what an async method continues with comes when it has settled", async (t) => {
  const ref = await puppet();
  const held = gate();
  const first = doing(ref, async (hands) => {
    hands.continueWith("continued");
    await held.passed;
  });
  ref.send("waiting");
  const seen = kinds(ref);
  held.open();
  await first;
  t.strictSame(await seen, ["continued", "waiting"]);
});

t.test("a continuation crashes the actor as any callback does, and none is handled after the end", async (t) => {
  class Crashing extends Puppet {
    override handleContinue(message: unknown): void {
      if (message === "crash") throw new RangeError("continued");
      super.handleContinue(message);
    }
  }
  const ref = await startActor(null, { class: Crashing });
  await doing(ref, (hands) => {
    hands.continueWith("crash");
    hands.continueWith("never");
  });
  t.match(await whenEnded(ref), { error: { message: "continued" } });
});

t.test("timeout comes after a silence, once, and any message calls it off", async (t) => {
  const { clock, ref } = await timed();
  await doing(ref, (hands) => hands.timeout(80));
  clock.advance(79);
  t.strictSame(await kinds(ref), [], "this call broke the silence");
  clock.advance(1_000);
  t.strictSame(await kinds(ref), []);
  await doing(ref, (hands) => hands.timeout(80));
  await settle();
  clock.advance(80);
  clock.advance(80);
  t.strictSame(await kinds(ref), ["timeout"]);
});

t.test("a silence begins when the callback is done, not when it asks", async (t) => {
  const clock = new VirtualClock();
  const cameAtMs: number[] = [];
  class Listening extends Puppet {
    override handleInfo(): void {
      cameAtMs.push(clock.nowMs());
    }
  }
  const ref = await startActor(null, { class: Listening, runtime: new Runtime({ clock }) });
  const held = gate();
  const asked = doing(ref, async (hands) => {
    hands.timeout(10);
    await held.passed;
  });
  await settle();
  clock.advance(50);
  held.open();
  await asked;
  for (let ms = 0; ms < 20; ms++) {
    await settle();
    clock.advance(1);
  }
  await settle();
  t.strictSame(cameAtMs, [60]);
});

t.test("a timeout of 0 comes at once, unless a message waits", async (t) => {
  const { ref } = await timed();
  await doing(ref, (hands) => {
    ref.send("waiting");
    hands.timeout(0);
  });
  await settle();
  t.strictSame(await kinds(ref), ["waiting"]);
  ref.cast.run((hands) => hands.timeout(0));
  await settle();
  t.strictSame(await kinds(ref), ["waiting", "timeout"]);
});

t.test("no silence outlives its actor", async (t) => {
  const { clock, ref } = await timed();
  ref.cast.run((hands) => hands.timeout(10));
  await settle();
  t.equal(clock.timers, 1);
  exitActor(ref, "kill");
  await whenEnded(ref);
  t.equal(clock.timers, 0);
});
