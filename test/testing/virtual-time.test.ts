import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { whenEnded } from "#src/actors/exit-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import { start } from "#src/app/tree.js";
import type { ActorRef } from "#src/ref.js";
import { VirtualClock } from "#src/testing/virtual-clock.js";
import { virtualTime } from "#src/testing/virtual-time.js";
import { Puppet } from "../support/actors.js";

t.test(
  "timers fire at their own moments, in order, also those set meanwhile, and not beyond the time given",
  async (t) => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const at = (what: string) => () => fired.push(`${what} ${clock.nowMs()}`);
    clock.setTimer(20, at("late"));
    clock.setTimer(10, at("first"));
    clock.setTimer(10, at("second"));
    const cancelled = clock.setTimer(10, at("never"));
    clock.setTimer(5, () => clock.setTimer(7, at("nested")));
    cancelled.cancel();
    clock.advance(19);
    t.strictSame(fired, ["first 10", "second 10", "nested 12"]);
    t.strictSame([clock.nowMs(), clock.timers, clock.nextAtMs], [19, 1, 20]);
  },
);

t.test("an hour of timers passes in a moment, and what each causes is done before the next fires", async (t) => {
  const time = virtualTime();
  const seen: number[] = [];
  class Ticking extends Actor {
    override init(): void {
      this.after(60_000, "tick");
    }
    override async handleInfo(): Promise<void> {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(time.nowMs);
      this.after(60_000, "tick");
    }
  }
  await startActor(null, { class: Ticking, runtime: time.runtime });
  await time.advance(3_600_000);
  t.equal(seen.length, 60);
  t.strictSame([seen[0], seen[59], time.nowMs], [60_000, 3_600_000, 3_600_000]);
});

t.test("runUntilIdle waits for a chain of messages longer than a slice of the run queue", async (t) => {
  const time = virtualTime();
  let left = 5_000;
  class Chain extends Actor {
    next(): void {
      if (--left > 0) (this.self as ActorRef<Chain>).cast.next();
    }
  }
  const chain = await startActor(null, { class: Chain, runtime: time.runtime });
  chain.cast.next();
  await time.runUntilIdle();
  t.equal(left, 0);
  t.equal(time.nowMs, 0);
});

t.test("a call's time limit passes only with virtual time", async (t) => {
  const time = virtualTime();
  const deaf = await startActor(null, { class: Puppet, runtime: time.runtime });
  const answer = deaf.within(5_000).call.run((hands) => hands.replyLater() && undefined);
  let settled = false;
  const rejected = t.rejects(answer, { code: "ERR_CALL_TIMEOUT" });
  void answer
    .catch(() => {})
    .then(() => {
      settled = true;
    });
  await time.advance(4_999);
  t.equal(settled, false);
  await time.advance(500);
  await rejected;
});

t.test("a whole tree lives in virtual time: its window and its shutdown limits", async (t) => {
  const time = virtualTime();
  class Stubborn extends Actor {
    override init(): void {
      this.trapExit = true;
    }
    crash(): void {
      throw new Error("on request");
    }
    override terminate(reason: unknown): unknown {
      return reason === "shutdown" ? new Promise(() => {}) : undefined;
    }
  }
  const tree = await start(
    {
      supervisor: "app",
      intensity: { max: 1, within: "10s" },
      children: [{ actor: "a", class: Stubborn, shutdown: "30s" }],
    },
    { runtime: time.runtime },
  );
  const crash = async () => {
    tree.whereis<Stubborn>("a")?.cast.crash();
    await time.runUntilIdle();
  };
  await crash();
  await time.advance(10_001);
  await crash();
  t.ok(tree.whereis("a"), "the first restart no longer counts");
  const ends: unknown[] = [];
  void whenEnded(tree.whereis("a") as ActorRef).then((reason) => ends.push(reason));
  const stopped = tree.stop();
  await time.advance(29_999);
  t.strictSame(ends, [], "it still has its time");
  await time.advance(1);
  await stopped;
  t.strictSame(ends, ["killed"]);
});

t.test("a clock and a scheduler alone make a tree a runtime of its own", async (t) => {
  const clock = new VirtualClock();
  class Late extends Actor {
    override init(): void {
      this.after(1_000, "end");
    }
    override handleInfo(): void {
      this.exit("normal");
    }
  }
  const tree = await start(
    { supervisor: "app", children: [{ actor: "late", class: Late, restart: "temporary" }] },
    { clock },
  );
  const late = tree.whereis("late");
  clock.advance(1_000);
  t.equal(late && (await whenEnded(late)), "normal");
  await tree.stop();
});
