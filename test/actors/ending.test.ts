import t from "tap";
import { deliver } from "#src/actors/deliver.js";
import { exitActor, stopActor, whenEnded } from "#src/actors/exit-actor.js";
import { isAlive, Runtime, runtimeOfThread } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ExitReason } from "#src/exit.js";
import {
  Counter,
  doing,
  gate,
  type Hands,
  holder,
  holding,
  Puppet,
  puppet,
  settle,
  trapper,
} from "../support/actors.js";
import { VirtualClock } from "../support/virtual-clock.js";

/** An actor that holds something until `gone` opens, and notes every call of its release. */
async function slowHolder() {
  const gone = gate();
  const released: ExitReason[] = [];
  const ref = await holder(async (reason) => {
    released.push(reason);
    await gone.passed;
  });
  return { ref, gone, released };
}

t.test("nobody hears of the end before release has resolved", async (t) => {
  const { ref, gone, released } = await slowHolder();
  const watcher = await trapper();
  await doing(watcher, (hands) => {
    hands.link(ref);
    hands.monitor(ref);
  });
  const pending = doing(ref, () => gate().passed);
  let rejected = false;
  pending.catch(() => {
    rejected = true;
  });
  await settle();
  exitActor(ref, { exit: 1 });
  await settle();
  t.strictSame([released, rejected, await watcher.call.seen()], [[{ exit: 1 }], false, []]);
  gone.open();
  t.strictSame(await whenEnded(ref), { exit: 1 });
  t.strictSame(
    (await watcher.call.seen()).map(({ type }) => type),
    ["DOWN", "EXIT"],
  );
  await t.rejects(pending, { code: "ERR_ACTOR_EXIT", reason: { exit: 1 } });
});

t.test("a crash runs terminate, then release", async (t) => {
  const order: string[] = [];
  const ref = await holder(async () => {
    order.push("release");
  });
  await ref.call.onTerminate(async () => {
    await null;
    order.push("terminate");
  });
  await t.rejects(
    doing(ref, () => {
      throw new Error("x");
    }),
    { code: "ERR_ACTOR_EXIT" },
  );
  t.strictSame(order, ["terminate", "release"]);
});

const kills: readonly [name: string, end: (ref: Parameters<typeof exitActor>[0]) => void][] = [
  ["kill", (ref) => exitActor(ref, "kill")],
  ["a signal it does not trap", (ref) => exitActor(ref, { exit: 1 })],
];
for (const [name, end] of kills) {
  t.test(`${name} skips terminate, not release`, async (t) => {
    const order: string[] = [];
    const ref = await holder(async () => {
      order.push("release");
    });
    await ref.call.onTerminate(() => order.push("terminate"));
    end(ref);
    await whenEnded(ref);
    t.strictSame(order, ["release"]);
  });
}

t.test("a kill cuts a terminate short that never returns", async (t) => {
  const ref = await trapper();
  await ref.call.onTerminate(() => gate().passed);
  exitActor(ref, "shutdown");
  await settle();
  exitActor(ref, "kill");
  t.equal(await whenEnded(ref), "killed");
});

t.test("a kill during release calls it again with killed, and waits for both", async (t) => {
  const { ref, gone, released } = await slowHolder();
  exitActor(ref, "shutdown");
  await settle();
  exitActor(ref, "kill");
  await settle();
  t.strictSame(released, ["shutdown", "killed"]);
  gone.open();
  t.equal(await whenEnded(ref), "killed");
});

t.test("a release that rejects counts as done", async (t) => {
  const ref = await holder(() => Promise.reject(new Error("no")));
  t.equal(await stopActor(ref), "shutdown");
});

t.test("release runs when init fails, and the start rejects only after it", async (t) => {
  const gone = gate();
  class Failing extends holding(() => gone.passed) {
    override init(): void {
      throw new RangeError("no");
    }
  }
  let rejection: unknown;
  startActor(null, { class: Failing }).catch((error) => {
    rejection = error;
  });
  await settle();
  t.equal(rejection, undefined);
  gone.open();
  await settle();
  t.match(rejection, { code: "ERR_START", reason: { error: { name: "RangeError" } }, cause: { message: "no" } });
});

t.test("a linked actor that holds a process is gone before the other links of a crashed actor hear", async (t) => {
  const { ref: process, gone, released } = await slowHolder();
  const [actor, watcher] = [await puppet(), await trapper()];
  await doing(actor, (hands) => {
    hands.link(process);
    hands.link(watcher);
  });
  await t.rejects(
    Promise.race([
      doing(actor, () => {
        throw new Error("crash");
      }),
      settle().then(() => Promise.reject("waiting")),
    ]),
    "waiting",
  );
  t.match(released, [{ error: { message: "crash" } }]);
  t.strictSame([isAlive(process), await watcher.call.seen()], [false, []]);
  gone.open();
  await whenEnded(actor);
  t.match(await watcher.call.seen(), [{ type: "EXIT", from: actor }]);
});

t.test("a normal end leaves a linked process actor alone, but takes one that it started", async (t) => {
  const own: ExitReason[] = [];
  const { ref: linked, released, gone } = await slowHolder();
  const actor = await puppet();
  const child = await doing(actor, (hands) => {
    hands.link(linked);
    return hands.start({ actor: "child", class: holding(async (reason) => void own.push(reason)) });
  });
  await doing(actor, (hands) => hands.exit("normal"));
  t.strictSame([own, released, isAlive(linked), isAlive(child)], [["shutdown"], [], true, false]);
  gone.open();
});

t.test("two process actors linked both ways, both ending, do not wait for each other for ever", async (t) => {
  const [a, b] = [await slowHolder(), await slowHolder()];
  await doing(a.ref, (hands) => hands.link(b.ref));
  exitActor(a.ref, { exit: 1 });
  exitActor(b.ref, { exit: 2 });
  a.gone.open();
  b.gone.open();
  t.strictSame(await Promise.all([whenEnded(a.ref), whenEnded(b.ref)]), [{ exit: 1 }, { exit: 2 }]);
});

t.test("a ring of process actors falls as a whole", async (t) => {
  const ring = await Promise.all(
    Array.from({ length: 10 }, () => holder(() => new Promise((resolve) => setImmediate(resolve)))),
  );
  for (const [i, ref] of ring.entries()) await doing(ref, (hands) => hands.link(ring[(i + 1) % ring.length] as never));
  exitActor(ring[3] as never, { exit: 1 });
  t.strictSame(await Promise.all(ring.map(whenEnded)), Array(10).fill({ exit: 1 }));
});

t.test("a child that does not end in its time is killed when its parent ends", async (t) => {
  const clock = new VirtualClock();
  const parent = await startActor(null, { class: Puppet, runtime: new Runtime({ clock }) });
  const child = await doing(parent, (hands) =>
    hands.start({ actor: "stuck", class: Puppet, args: [(own: Hands) => own.trap()] }),
  );
  (child.cast as unknown as { run(act: unknown): void }).run(() => gate().passed);
  await settle();
  exitActor(parent, { exit: 1 });
  await settle();
  t.equal(isAlive(child), true);
  clock.advance(5_000);
  t.strictSame([await whenEnded(child), await whenEnded(parent)], ["killed", { exit: 1 }]);
});

t.test("a kill of a parent that waits for its child kills the child", async (t) => {
  const parent = await puppet();
  const child = await doing(parent, (hands) =>
    hands.start({ actor: "stuck", class: Puppet, args: [(own: Hands) => own.trap()] }),
  );
  (child.cast as unknown as { run(act: unknown): void }).run(() => gate().passed);
  await settle();
  exitActor(parent, { exit: 1 });
  await settle();
  exitActor(parent, "kill");
  t.strictSame([await whenEnded(child), await whenEnded(parent)], ["killed", "killed"]);
});

t.test("a name is free when the end is complete, and not before", async (t) => {
  const gone = gate();
  const runtime = runtimeOfThread();
  const ref = await startActor(null, { class: holding(() => gone.passed), name: "held" });
  exitActor(ref, "shutdown");
  await settle();
  t.equal(runtime.whereis("held"), ref);
  await t.rejects(startActor(null, { class: Counter, name: "held" }), {
    code: "ERR_ALREADY_STARTED",
    ref,
    name: "held",
  });
  gone.open();
  await whenEnded(ref);
  t.equal(runtime.whereis("held"), undefined);
  t.equal((await startActor(null, { class: Counter, name: "held" })).name, "held");
});

t.test("a method that calls exit and returns answers when the end is complete", async (t) => {
  const sync = await puppet();
  const now = doing(sync, (hands) => {
    hands.exit("normal");
    return 42;
  });
  t.equal(await now, 42);
  t.equal(isAlive(sync), false);
  const late = await puppet();
  const answer = doing(late, async (hands) => {
    await null;
    await (async () => hands.exit("normal"))();
    return 43;
  });
  t.equal(await answer, 43);
});

t.test("exit outside a callback ends the actor with its reason, after terminate", async (t) => {
  const ref = await puppet();
  const terminated: ExitReason[] = [];
  await ref.call.onTerminate((reason) => terminated.push(reason));
  const exit = await doing(ref, (hands) => hands.exit);
  exit({ exit: 3 });
  exit("normal");
  t.strictSame(await whenEnded(ref), { exit: 3 });
  t.strictSame(terminated, [{ exit: 3 }]);
});

t.test("what an abandoned method comes up with is no answer, and its rejection goes nowhere", async (t) => {
  const ref = await puppet();
  const held = [gate<number>(), gate<number>()];
  const first = doing(ref, (hands) => {
    hands.replyLater();
    return held[0]?.passed;
  });
  const second = doing(ref, () => held[1]?.passed);
  await settle();
  exitActor(ref, "kill");
  held[0]?.fail(new Error("late"));
  held[1]?.open(1);
  for (const call of [first, second]) await t.rejects(call, { code: "ERR_ACTOR_EXIT", reason: "killed" });
});

const thrown: readonly [name: string, value: unknown][] = [
  ["undefined", undefined],
  ["null", null],
  [
    "an object with a throwing getter",
    {
      get message() {
        throw new Error("no");
      },
      // biome-ignore lint/suspicious/noThenProperty: that is what is hostile about it.
      get then() {
        throw new Error("no");
      },
    },
  ],
];
for (const [name, value] of thrown) {
  t.test(`${name} thrown, rejected or returned with a bad then crashes the actor only`, async (t) => {
    for (const act of [
      () => {
        throw value;
      },
      () => Promise.reject(value),
      async () => {
        await null;
        throw value;
      },
    ]) {
      await t.rejects(doing(await puppet(), act), { code: "ERR_ACTOR_EXIT", reason: { error: { name: "NonError" } } });
    }
  });
}

t.test("a result whose then throws crashes the actor", async (t) => {
  const bad = {
    // biome-ignore lint/suspicious/noThenProperty: that is what is hostile about it.
    get then(): never {
      throw new Error("bad then");
    },
  };
  await t.rejects(
    doing(await puppet(), () => bad),
    { code: "ERR_ACTOR_EXIT", reason: { error: { message: "bad then" } } },
  );
});

t.test("an actor whose terminate throws ends with what it threw, and its caller still has its answer", async (t) => {
  const ref = await puppet();
  await ref.call.onTerminate(() => {
    throw undefined;
  });
  const answer = doing(ref, (hands) => {
    hands.exit("normal");
    return 42;
  });
  t.equal(await answer, 42);
  t.match(await whenEnded(ref), { error: { name: "NonError", message: "undefined" } });
});

t.test("onHandled is called once: after the message, or when it is dropped", async (t) => {
  const ref = await puppet();
  const handled: string[] = [];
  const info = { type: "info", message: 1 } as const;
  deliver(ref, info, () => handled.push("first"));
  t.strictSame([handled, (await ref.call.seen()).length], [["first"], 1]);
  const inHand = doing(ref, () => gate().passed);
  deliver(ref, info, () => handled.push("dropped"));
  await settle();
  exitActor(ref, "kill");
  await t.rejects(inHand as Promise<unknown>);
  deliver(ref, info, () => handled.push("too late"));
  t.strictSame(handled, ["first", "dropped", "too late"]);
});
