/**
 * `overflow: block`: who can wait is kept waiting for room, in order and not for ever.
 */
import t from "tap";
import { cellOf } from "#src/actors/address.js";
import { exitActor as exit, whenEnded } from "#src/actors/exit-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import { glance } from "#src/actors/sys.js";
import { via } from "#src/actors/via.js";
import type { Tree } from "#src/app/tree.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { doing, Puppet, settle } from "../support/actors.js";
import { find, type Resident, resident, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

const threads = ["main", "own"] as const;

function startBounded(thread: "main" | "own", capacity = 2, overflow: "block" | "reject" = "block"): Promise<Tree> {
  const bounded = resident("a", thread, { mailbox: { capacity, overflow }, restart: "temporary" });
  return startResidents([bounded, resident("b", "own")]);
}

/** Makes an actor hold its mailbox, in whatever thread, until it is let go. */
async function stall(ref: ActorRef<Resident>): Promise<{ readonly letGo: () => void }> {
  const flag = new Int32Array(new SharedArrayBuffer(8));
  ref.cast.hold(flag);
  await eventually(() => flag[1] === 1);
  const letGo = (): void => {
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  };
  return { letGo };
}

for (const thread of threads) {
  t.test(`calls wait for room in a full mailbox, in order (${thread})`, async (t) => {
    await using tree = await startBounded(thread);
    const a = find(tree, "a");
    const calls = Array.from({ length: 50 }, (_, n) => a.call.note(n));
    await Promise.all(calls);
    t.strictSame(
      await a.call.heard(),
      Array.from({ length: 50 }, (_, n) => n),
    );
  });

  t.test(`a cast and a send that wait resolve when they are in the mailbox (${thread})`, async (t) => {
    await using tree = await startBounded(thread);
    const a = find(tree, "a");
    const waiting = a.within("infinity");
    for (let n = 0; n < 20; n++) await waiting.cast.note(n);
    await waiting.send("sent");
    const heard = await a.call.heard();
    t.match(heard.slice(18), [18, 19, { type: "info", message: "sent" }]);
  });

  t.test(
    `one that waits is not in the mailbox while it is full, and gets in when there is room (${thread})`,
    async (t) => {
      await using tree = await startBounded(thread);
      const a = find(tree, "a");
      const { letGo } = await stall(a);
      const waiting = a.within("infinity");
      await Promise.all([waiting.cast.note(1), waiting.cast.note(2)]);
      let isIn = false;
      const third = waiting.cast.note(3).then(() => {
        isIn = true;
      });
      await settle();
      await find(tree, "b").call.echo("a round trip");
      t.equal(isIn, false);
      letGo();
      await third;
      t.strictSame(await a.call.heard(), [1, 2, 3]);
    },
  );

  t.test(`who waits hears of the actor's end (${thread})`, async (t) => {
    await using tree = await startBounded(thread);
    const a = find(tree, "a");
    await stall(a);
    const limit = a.within("infinity");
    await Promise.all([limit.cast.note(1), limit.cast.note(2)]);
    const waits = [limit.cast.note(3), limit.send(4), limit.call.echo(5)];
    exit(a, "kill");
    for (const wait of waits) await t.rejects(Promise.resolve(wait), { code: "ERR_ACTOR_EXIT", reason: "killed" });
    await t.rejects(limit.cast.note(6), { code: "ERR_NOPROC" });
    await t.rejects(limit.send(7), { code: "ERR_NOPROC" });
  });

  t.test(
    `the time limit of a call or a cast counts the wait, and one that gave up is not handled (${thread})`,
    async (t) => {
      await using tree = await startBounded(thread);
      const a = find(tree, "a");
      const { letGo } = await stall(a);
      await Promise.all([a.within("infinity").cast.note(1), a.within("infinity").cast.note(2)]);
      await t.rejects(a.within(20).cast.note(3), { code: "ERR_CALL_TIMEOUT", message: /had no room for `note`/ });
      await t.rejects(a.within(20).call.echo(4), { code: "ERR_CALL_TIMEOUT", message: /did not answer/ });
      letGo();
      t.strictSame(await a.call.heard(), [1, 2]);
    },
  );

  t.test(`another policy tells who asks, and nobody else, that a message was dropped (${thread})`, async (t) => {
    await using tree = await startBounded(thread, 2, "reject");
    const a = find(tree, "a");
    await stall(a);
    const limit = a.within("infinity");
    await Promise.all([limit.cast.note(1), limit.cast.note(2)]);
    t.equal(a.cast.note(3), undefined);
    await t.rejects(limit.cast.note(4), { code: "ERR_MAILBOX_FULL", capacity: 2 });
    await t.rejects(limit.send(5), { code: "ERR_MAILBOX_FULL" });
  });
}

t.test("a cast that cannot wait is dropped and counted, and does not overtake one that waits", async (t) => {
  await using tree = await startBounded("main");
  const a = find(tree, "a");
  const { letGo } = await stall(a);
  const limit = a.within("infinity");
  const waits = [1, 2, 3, 4].map((n) => limit.cast.note(n));
  await settle();
  a.cast.note(5);
  letGo();
  await Promise.all(waits);
  t.strictSame(await a.call.heard(), [1, 2, 3, 4]);
});

t.test("without a bound a submission is in the mailbox at once, and in order", async (t) => {
  await using tree = await startResidents([resident("a", "main"), resident("b", "own")]);
  for (const ref of [find(tree, "a"), find(tree, "b")]) {
    ref.cast.note(1);
    const submitted = ref.within(1_000).cast.note(2);
    ref.cast.note(3);
    await submitted;
    t.strictSame(await ref.call.heard(), [1, 2, 3]);
  }
});

t.test("what waits was sent through an alias goes when that is taken back", async (t) => {
  const ref = await startActor(null, { class: Puppet, mailbox: { capacity: 1, overflow: "block" } });
  const alias = await doing(ref, (hands) => hands.alias());
  const taken = ref.call.run((hands) => hands.unalias(alias));
  const sent = alias.within("infinity").send("late");
  await taken;
  await t.rejects(sent, { code: "ERR_NOPROC" });
  await t.rejects(alias.within("infinity").send("later"), { code: "ERR_NOPROC" });
  t.strictSame(await ref.call.seen(), []);
});

t.test("through a key in a registry one waits as well", async (t) => {
  const ref = await startActor(null, { class: Puppet, mailbox: { capacity: 1, overflow: "block" } });
  let holder: ActorRef | undefined = ref as ActorRef<unknown> as ActorRef;
  const registry = { register() {}, unregister() {}, whereis: () => holder, send() {} };
  const named = via<Puppet>(registry, "key");
  await Promise.all([1, 2, 3].map((n) => named.within("infinity").send(n)));
  t.match(await ref.call.seen(), [{ message: 1 }, { message: 2 }, { message: 3 }]);
  holder = undefined;
  await t.rejects(named.within("infinity").send(4), { code: "ERR_NOPROC" });
});

t.test("callers that gave up are not kept by an actor that is stuck", async (t) => {
  await using tree = await startBounded("main");
  const a = find(tree, "a");
  await stall(a);
  for (let round = 0; round < 20; round++)
    await Promise.allSettled(Array.from({ length: 100 }, () => a.within(1).call.echo(0)));
  t.ok((cellOf(a as never).bound?.waiting.length ?? 0) < 500);
  exit(a as never, "kill");
});

for (const thread of threads) {
  t.test(`a shutdown overtakes a backlog: none of it is handled (${thread})`, async (t) => {
    const tree = await startResidents([resident("a", thread)]);
    const a = find(tree, "a");
    const handled = new Int32Array(new SharedArrayBuffer(4));
    await stall(a);
    for (let n = 0; n < 50_000; n++) a.cast.count(handled);
    await tree.stop();
    t.equal(handled[0], 0);
  });

  t.test(`it is the next message of an actor that traps, behind the one in hand (${thread})`, async (t) => {
    const tree = await startResidents([resident("a", thread)]);
    const a = find(tree, "a");
    await a.call.trap();
    const ended = whenEnded(a as never);
    const handled = new Int32Array(new SharedArrayBuffer(4));
    const { letGo } = await stall(a);
    for (let n = 0; n < 50_000; n++) a.cast.count(handled);
    const stopped = tree.stop();
    await eventually(async () => (await glance(a as never)).messagesWaiting === 50_001);
    letGo();
    await stopped;
    t.strictSame([await ended, handled[0]], ["shutdown", 0]);
  });
}
