import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { Runtime } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import { Counter, doing, gate, Puppet, puppet, settle } from "../support/actors.js";
import { VirtualClock } from "../support/virtual-clock.js";

const counter = () => startActor(null, { class: Counter });

t.test("messages of one sender are handled in order, calls, casts and sends alike", async (t) => {
  const order: unknown[] = [];
  class Log extends Actor {
    note(what: unknown): void {
      order.push(what);
    }
    override handleInfo(message: { type: string; message?: unknown }): void {
      order.push(message.message);
    }
  }
  const ref = await startActor(null, { class: Log });
  ref.cast.note(1);
  ref.send(2);
  const called = ref.call.note(3);
  ref.cast.note(4);
  await called;
  await ref.call.note(5);
  t.strictSame(order, [1, 2, 3, 4, 5]);
});

t.test("a cast is not handled before the sender's code returns", async (t) => {
  const ref = await puppet();
  let handled = false;
  ref.cast.run(() => {
    handled = true;
  });
  t.equal(handled, false);
  await settle();
  t.equal(handled, true);
});

t.test("an async method holds the mailbox until it settles", async (t) => {
  const ref = await puppet();
  const held = gate();
  const order: string[] = [];
  const first = doing(ref, async () => {
    await held.passed;
    order.push("first");
  });
  const second = doing(ref, () => order.push("second"));
  await settle();
  t.strictSame(order, []);
  held.open();
  await Promise.all([first, second]);
  t.strictSame(order, ["first", "second"]);
});

t.test("replyLater lets the next message in and answers later", async (t) => {
  const ref = await puppet();
  const held = gate<string>();
  const first = doing(ref, async (hands) => {
    const reply = hands.replyLater();
    reply(await held.passed);
    return "not the answer";
  });
  t.equal(await doing(ref, () => "second"), "second");
  held.open("later");
  t.equal(await first, "later");
});

t.test("replyLater after a wait lets go as well", async (t) => {
  const ref = await puppet();
  const held = gate<string>();
  const first = doing(ref, async (hands) => {
    await null;
    const reply = hands.replyLater();
    reply(await held.passed);
  });
  t.equal(await doing(ref, () => "second"), "second");
  held.open("later");
  t.equal(await first, "later");
});

t.test("only the first use of a reply counts, and it can reject", async (t) => {
  const ref = await puppet();
  const failed = doing(ref, (hands) => {
    const reply = hands.replyLater();
    reply.fail(new RangeError("no"));
    reply(1);
  });
  await t.rejects(failed, { name: "RangeError", message: "no" });
});

t.test("refuse rejects the caller and the actor goes on", async (t) => {
  const ref = await puppet();
  await t.rejects(
    doing(ref, (hands) => hands.refuse(new RangeError("no"))),
    { name: "RangeError" },
  );
  const later = doing(ref, async (hands) => {
    await null;
    hands.refuse(new RangeError("later"));
  });
  await t.rejects(later, { message: "later" });
  t.equal(await doing(ref, () => "alive"), "alive");
});

t.test("an actor is not made with new", async (t) => {
  t.throws(() => new Counter(), { name: "TypeError", message: /start it with start\(\)/ });
});

t.test("field initialisers may use this.self, but not make another actor", async (t) => {
  class Fields extends Actor {
    readonly me = this.self;
    readonly other = (() => {
      try {
        return new Counter();
      } catch (error) {
        return (error as Error).name;
      }
    })();
    look(): unknown[] {
      return [this.me === this.self, this.other];
    }
  }
  const ref = await startActor(null, { class: Fields });
  t.strictSame(await ref.call.look(), [true, "TypeError"]);
});

t.test("after sends a message that can be called off, and dies with the actor", async (t) => {
  const clock = new VirtualClock();
  const ref = await startActor(null, { class: Puppet, runtime: new Runtime({ clock }) });
  await doing(ref, (hands) => {
    hands.after(10, "kept");
    hands.after(10, "called off").cancel();
    hands.after(20, "too late");
  });
  clock.advance(10);
  t.strictSame(await ref.call.seen(), [{ type: "info", message: "kept" }]);
  exitActor(ref, "kill");
  t.equal(clock.timers, 1, "the call above");
});

t.test("helpers of an actor that has ended throw, and its replies do nothing", async (t) => {
  const ref = await puppet();
  const other = await counter();
  const held = gate();
  const tried = gate<string[]>();
  ref.cast.run(async (hands) => {
    await held.passed;
    const codes: string[] = [];
    const helpers = [
      () => hands.link(other),
      () => hands.monitor(other),
      () => hands.after(1, "x"),
      () => hands.replyLater(),
      () => hands.start({ actor: "child", class: Counter }),
    ];
    for (const helper of helpers) {
      try {
        await helper();
        codes.push("spoke");
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
    }
    tried.open(codes);
  });
  await settle();
  exitActor(ref, "kill");
  t.equal(await whenEnded(ref), "killed");
  held.open();
  t.strictSame(await tried.passed, Array(5).fill("ERR_ACTOR_EXIT"));
});

t.test("endSignal aborts when the end begins", async (t) => {
  const ref = await puppet();
  const signal = await doing(ref, (hands) => hands.endSignal());
  t.equal(signal.aborted, false);
  exitActor(ref, "shutdown");
  t.equal(signal.aborted, true);
  t.match(signal.reason, { code: "ERR_ACTOR_EXIT", reason: "shutdown" });
});

t.test("an actor of another loaded copy of the package works in this one's runtime", async (t) => {
  const url = new URL("?copy", import.meta.resolve("#src/actors/actor.js")).href;
  const other: { Actor: typeof Actor } = await import(url);
  t.not(other.Actor, Actor);
  class Foreign extends other.Actor {
    me(): number {
      return this.self.id;
    }
  }
  const ref = await startActor(null, { class: Foreign });
  t.equal(await ref.call.me(), ref.id);
  t.throws(() => new Foreign(), { name: "TypeError" });
});
