import t from "tap";
import { cellOf } from "#src/actors/address.js";
import type { Cell } from "#src/actors/cell.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { type SignalKind, sendExit } from "#src/actors/link.js";
import { isAlive } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ExitReason } from "#src/exit.js";
import type { ActorRef } from "#src/ref.js";
import { startSupervisor } from "#src/supervisor/supervisor.js";
import { Counter, doing, gate, Puppet, puppet, settle, trapper } from "../support/actors.js";

/** What a signal does: nothing, a message, or the end with a reason. OTP's table. */
const table: readonly [
  kind: SignalKind,
  traps: boolean,
  reason: ExitReason,
  effect: "ignored" | "message" | ExitReason,
][] = [
  ["order", false, "normal", "ignored"],
  ["order", true, "normal", "message"],
  ["link", false, "normal", "ignored"],
  ["link", true, "normal", "message"],
  ["order", false, "kill", "killed"],
  ["order", true, "kill", "killed"],
  ["link", false, "kill", "kill"],
  ["link", true, "kill", "message"],
  ["order", false, "killed", "killed"],
  ["order", true, "killed", "message"],
  ["link", false, "killed", "killed"],
  ["link", true, "killed", "message"],
  ["order", false, { exit: 3 }, { exit: 3 }],
  ["order", true, { exit: 3 }, "message"],
  ["link", false, "shutdown", "shutdown"],
  ["link", true, "shutdown", "message"],
];

for (const [kind, traps, reason, effect] of table) {
  t.test(
    `${JSON.stringify(reason)} by ${kind} to an actor that ${traps ? "traps" : "does not trap"}: ${JSON.stringify(effect)}`,
    async (t) => {
      const from = await puppet();
      const to = await (traps ? trapper() : puppet());
      sendExit(cellOf(to), from, reason, kind);
      if (effect === "ignored" || effect === "message") {
        t.strictSame(await to.call.seen(), effect === "ignored" ? [] : [{ type: "EXIT", from, reason }]);
      } else t.strictSame(await whenEnded(to), effect);
    },
  );
}

t.test(
  "a signal ends an actor that does not trap at once, ahead of its mailbox and during an async method",
  async (t) => {
    const ref = await puppet();
    const inHand = doing(ref, () => gate().passed);
    const behind = ref.call.seen();
    await settle();
    sendExit(cellOf(ref), await puppet(), "shutdown", "link");
    for (const call of [inHand, behind] as Promise<unknown>[])
      await t.rejects(call, { code: "ERR_ACTOR_EXIT", reason: "shutdown" });
  },
);

t.test("a trapped signal waits its turn behind earlier messages", async (t) => {
  const ref = await trapper();
  ref.send("before");
  sendExit(cellOf(ref), await puppet(), "shutdown", "link");
  ref.send("after");
  t.strictSame(
    (await ref.call.seen()).map(({ type }) => type),
    ["info", "EXIT", "info"],
  );
});

t.test("linking twice is one link: one EXIT", async (t) => {
  const [one, other] = [await trapper(), await puppet()];
  await doing(one, (hands) => {
    hands.link(other);
    hands.link(other);
    hands.link(hands.self());
  });
  exitActor(other, "kill");
  await whenEnded(other);
  t.strictSame(await one.call.seen(), [{ type: "EXIT", from: other, reason: "killed" }]);
});

t.test("a link works both ways, and a cascade passes the reason on", async (t) => {
  const [a, b, c] = [await puppet(), await puppet(), await trapper()];
  await doing(a, (hands) => hands.link(b));
  await doing(c, (hands) => hands.link(b));
  exitActor(a, { exit: 5 });
  t.strictSame(await whenEnded(b), { exit: 5 });
  t.strictSame(await c.call.seen(), [{ type: "EXIT", from: b, reason: { exit: 5 } }]);
});

t.test("an actor that ends normally leaves its links alone", async (t) => {
  const [a, b] = [await puppet(), await puppet()];
  await doing(a, (hands) => hands.link(b));
  await doing(a, (hands) => hands.exit("normal"));
  await settle();
  t.equal(isAlive(b), true);
});

t.test("after unlink no EXIT comes, not even one that was in the mailbox", async (t) => {
  const [one, other] = [await trapper(), await puppet()];
  await doing(one, (hands) => hands.link(other));
  await doing(one, async (hands) => {
    exitActor(other, "kill");
    await whenEnded(other);
    hands.unlink(other);
  });
  t.strictSame(await one.call.seen(), []);
});

t.test("linking to the dead throws noproc, or traps it", async (t) => {
  const dead = await puppet();
  exitActor(dead, "kill");
  await whenEnded(dead);
  const [plain, trapping] = [await puppet(), await trapper()];
  const code = await doing(plain, (hands) => {
    try {
      hands.link(dead);
    } catch (error) {
      return (error as { code: string }).code;
    }
    return undefined;
  });
  t.equal(code, "ERR_NOPROC");
  await doing(trapping, (hands) => hands.link(dead));
  t.strictSame(await trapping.call.seen(), [{ type: "EXIT", from: dead, reason: "noproc" }]);
});

t.test("a parent's EXIT ends an actor that traps, after terminate, even with normal", async (t) => {
  for (const reason of ["shutdown", "normal", { exit: 1 }] as const) {
    const ref = await trapper();
    const terminated: ExitReason[] = [];
    await ref.call.onTerminate((why) => terminated.push(why));
    exitActor(ref, reason);
    t.strictSame(await whenEnded(ref), reason);
    t.strictSame(terminated, [reason]);
  }
});

t.test("a chain of 100,000 links falls without a deep stack", async (t) => {
  const chain = await Promise.all(Array.from({ length: 100_000 }, () => startActor(null, { class: Counter })));
  const { connect } = await import("#src/actors/link.js");
  for (let i = 1; i < chain.length; i++) connect(cellOf(chain[i - 1] as never), cellOf(chain[i] as never));
  exitActor(chain[0] as never, { exit: 9 });
  t.strictSame(await whenEnded(chain.at(-1) as never), { exit: 9 });
});

t.test("exit in one's own name brings an EXIT from the sender, who goes on", async (t) => {
  const [one, other] = [await trapper(), await puppet()];
  await doing(other, (hands) => hands.exitOther(one, { exit: 1 }));
  t.strictSame(await one.call.seen(), [{ type: "EXIT", from: other, reason: { exit: 1 } }]);
  t.equal(isAlive(other), true);
});

const toSelf: readonly [reason: ExitReason, traps: boolean, effect: "message" | ExitReason][] = [
  ["normal", false, "normal"],
  ["normal", true, "message"],
  ["kill", false, "killed"],
  ["kill", true, "killed"],
  [{ exit: 1 }, false, { exit: 1 }],
  [{ exit: 1 }, true, "message"],
];
for (const [reason, traps, effect] of toSelf) {
  t.test(
    `${JSON.stringify(reason)} to itself, ${traps ? "trapping" : "not trapping"}: ${JSON.stringify(effect)}`,
    async (t) => {
      const ref = await (traps ? trapper() : puppet());
      ref.cast.run((hands) => hands.exitOther(hands.self(), reason));
      await settle();
      if (effect === "message") t.strictSame(await ref.call.seen(), [{ type: "EXIT", from: ref, reason }]);
      else t.strictSame(await whenEnded(ref), effect);
    },
  );
}

t.test("an actor that ends itself with kill ends kill, which its links can trap", async (t) => {
  const [one, other] = [await trapper(), await puppet()];
  await doing(one, (hands) => hands.link(other));
  other.cast.run((hands) => hands.exit("kill"));
  t.equal(await whenEnded(other), "kill");
  t.strictSame(await one.call.seen(), [{ type: "EXIT", from: other, reason: "kill" }]);
});

t.test("a kill cascades as killed", async (t) => {
  const [a, b, c] = [await puppet(), await puppet(), await puppet()];
  await doing(b, (hands) => [a, c].map(hands.link));
  exitActor(b, "kill");
  t.strictSame(await Promise.all([a, b, c].map(whenEnded)), ["killed", "killed", "killed"]);
});

t.test("what an actor sent before its end arrives before its EXIT and its DOWN", async (t) => {
  const [one, other] = [await trapper(), await puppet()];
  await doing(one, (hands) => {
    hands.link(other);
    hands.monitor(other);
  });
  other.cast.run((hands) => {
    for (const n of [1, 2, 3]) one.send(n);
    hands.exit({ exit: 1 });
    one.send(4);
  });
  await whenEnded(other);
  const seen = (await one.call.seen()).map((info) => (info.type === "info" ? info.message : info.type));
  t.strictSame(seen, [1, 2, 3, 4, "DOWN", "EXIT"]);
});

t.test("whether a signal is trapped is decided when it arrives", async (t) => {
  const [one, from] = [await trapper(), await puppet()];
  await doing(one, async (hands) => {
    sendExit(cellOf(one), from, { exit: 1 }, "link");
    hands.trap(false);
  });
  t.match(await one.call.seen(), [{ type: "EXIT", reason: { exit: 1 } }]);
  sendExit(cellOf(one), from, { exit: 2 }, "link");
  t.strictSame(await whenEnded(one), { exit: 2 });
});

t.test("unlink and demonitor without flush leave what is in the mailbox", async (t) => {
  const [one, other] = [await trapper(), await puppet()];
  await doing(one, async (hands) => {
    hands.link(other);
    const id = hands.monitor(other);
    exitActor(other, "kill");
    await whenEnded(other);
    hands.unlink(other, { flush: false });
    hands.demonitor(id, { flush: false });
  });
  t.strictSame(
    (await one.call.seen()).map(({ type }) => type),
    ["DOWN", "EXIT"],
  );
});

t.test("a parent's EXIT is behind earlier messages and ahead of later ones, which are lost", async (t) => {
  const ref = await trapper();
  const terminated = gate<ExitReason>();
  await ref.call.onTerminate((reason) => terminated.open(reason));
  const handled: string[] = [];
  ref.cast.run(() => handled.push("first"));
  exitActor(ref, "shutdown");
  ref.cast.run(() => handled.push("second"));
  t.strictSame([await terminated.passed, await whenEnded(ref), handled], ["shutdown", "shutdown", ["first"]]);
});

t.test("a signal that an actor does not trap cuts its terminate short, and is how it ends", async (t) => {
  const ref = await puppet();
  await ref.call.onTerminate(() => gate().passed);
  const answer = doing(ref, (hands) => {
    hands.exit("normal");
    return 42;
  });
  await settle();
  sendExit(cellOf(ref), await puppet(), { exit: 5 }, "link");
  t.strictSame(await whenEnded(ref), { exit: 5 });
  await t.rejects(answer, { code: "ERR_ACTOR_EXIT", reason: { exit: 5 } });
});

t.test("a signal does not cut the terminate of an actor that traps short", async (t) => {
  const ref = await trapper();
  const held = gate();
  await ref.call.onTerminate(() => held.passed);
  ref.cast.run((hands) => hands.exit({ exit: 1 }));
  await settle();
  sendExit(cellOf(ref), await puppet(), { exit: 5 }, "link");
  held.open();
  t.strictSame(await whenEnded(ref), { exit: 1 });
});

t.test("a message that looks like an EXIT is just a message", async (t) => {
  const [one, parent] = [await trapper(), await puppet()];
  one.send({ type: "EXIT", from: parent, reason: "kill" });
  t.match(await one.call.seen(), [{ type: "info", message: { type: "EXIT" } }]);
  t.equal(isAlive(one), true);
});

t.test("a live child that says it ended is not started twice, and a stale EXIT brings nothing back", async (t) => {
  const starts: ActorRef<Puppet>[] = [];
  const start = async ({ parent }: { parent: Cell }) => {
    starts.push(await startActor(parent, { class: Puppet }));
    return starts.at(-1) as ActorRef<Puppet>;
  };
  const supervisor = await startSupervisor(null, { path: "app", children: [{ id: "only", start }] });
  const [first] = starts as [ActorRef<Puppet>];
  await doing(first, (hands) => hands.exitOther(supervisor, { exit: 1 }));
  supervisor.send({ type: "EXIT", from: first, reason: { exit: 1 } });
  t.match(await supervisor.call.whichChildren(), [{ child: first }]);
  exitActor(first, { exit: 2 });
  await settle();
  sendExit(cellOf(supervisor), first, { exit: 2 }, "link");
  t.match(await supervisor.call.whichChildren(), [{ child: starts[1] }]);
  t.equal(starts.length, 2);
  exitActor(supervisor, "shutdown");
  await whenEnded(supervisor);
});
