import t from "tap";
import { cellOf } from "#src/actors/address.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { type SignalKind, sendExit } from "#src/actors/link.js";
import { isAlive } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ExitReason } from "#src/exit.js";
import { Counter, doing, gate, puppet, settle, trapper } from "../support/actors.js";

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
