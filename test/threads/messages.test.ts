/**
 * Calls, casts and sends between threads.
 */
import { stat } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import t from "tap";
import { isActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { find, resident, type Starter, starter, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

t.test("what structured clone can carry arrives as it was sent, and comes back", async (t) => {
  await using tree = await startResidents([resident("a", "own")]);
  const a = find(tree, "a");
  const round = {
    deep: [1, { of: "all" }],
    map: new Map([[1, new Set(["x"])]]),
    bytes: new Uint8Array([1, 2]),
    nothing: undefined,
    big: 2n ** 70n,
  };
  t.strictSame(await a.call.echo(round), round);
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const back = (await a.call.echo(circular)) as typeof circular;
  t.equal(back.self, back);
});

t.test("a ref arrives as the one ref of its actor, in every thread", async (t) => {
  await using tree = await startResidents([resident("a", "own"), resident("b", "own"), resident("c", "main")]);
  const [a, b, c] = [find(tree, "a"), find(tree, "b"), find(tree, "c")];
  t.equal(await a.call.me(), a);
  t.equal(await a.call.isMe(a), true);
  const list = (await a.call.echo([a, b, c, new Map([["x", b]])])) as unknown[];
  t.strictSame(
    [list[0] === a, list[1] === b, list[2] === c, isActorRef((list[3] as Map<string, unknown>).get("x"))],
    [true, true, true, true],
  );
});

t.test("an alias comes home as the alias it is, and is heard from both sides", async (t) => {
  await using tree = await startResidents([starter("a", "own")]);
  const a = find<Starter>(tree, "a");
  const alias = await a.call.makeAlias();
  t.equal(await alias.call.echo(1), 1);
  t.equal(await a.call.isAlias(alias), true);
  t.strictSame(await a.call.heard(), ["to the alias"]);
});

t.test("an actor calls actors of other threads and of the main one by refs it was given", async (t) => {
  await using tree = await startResidents([resident("a", "own"), resident("b", "own"), resident("c", "main")]);
  const [a, b, c] = [find(tree, "a"), find(tree, "b"), find(tree, "c")];
  t.equal(await a.call.ask(b, "thread"), await b.call.thread());
  t.equal(await a.call.ask(c, "thread"), 0);
});

t.test("a call to a thread that sleeps leaves while its caller goes on", async (t) => {
  const bell = new Int32Array(new SharedArrayBuffer(4));
  await using tree = await startResidents([resident("a", "own", { args: [bell] })]);
  const a = find(tree, "a");
  await eventually(async () => {
    Atomics.store(bell, 0, 0);
    const rung = a.call.ring();
    const outcome = Atomics.wait(bell, 0, 0, 1_000);
    await rung;
    return outcome !== "timed-out";
  });
  t.pass();
});

t.test("messages of one sender arrive in order, casts and calls and the end", async (t) => {
  await using tree = await startResidents([resident("a", "own"), resident("b", "own"), resident("c", "main")]);
  const [a, b, c] = [find(tree, "a"), find(tree, "b"), find(tree, "c")];
  for (const [sender, receiver] of [
    [a, b],
    [b, a],
    [a, c],
    [c, a],
  ] as const) {
    const before = (await receiver.call.heard()).length;
    await sender.call.tell(receiver, "note", 0, 2_000);
    const heard = await sender.call.ask(receiver, "heard");
    t.strictSame(
      (heard as unknown[]).slice(before),
      Array.from({ length: 2_000 }, (_, i) => i),
    );
  }
});

t.test("a flood arrives in order, whatever way each message takes", async (t) => {
  await using tree = await startResidents([resident("a", "own")]);
  const a = find(tree, "a");
  const sent = Array.from({ length: 20_000 }, (_, i) => {
    if (i % 1_000 === 0) return new Uint8Array([i % 7]);
    if (i % 97 === 0) return { n: i };
    return i % 50 === 0 ? `${i} ${"☃".repeat(i % 3_000)}` : i;
  });
  for (const value of sent) a.cast.note(value);
  const heard = await a.within("infinity").call.heard();
  t.equal(heard.length, sent.length);
  t.ok(isDeepStrictEqual(heard, sent));
});

t.test("timers and I/O of both threads have their turn while calls go to and fro", async (t) => {
  await using tree = await startResidents([resident("a", "own")]);
  const a = find(tree, "a");
  let turns = 0;
  setTimeout(() => turns++, 5);
  stat(".", () => turns++);
  const there = a.call.wakeUpIn(5);
  void there.then(() => turns++);
  for (let calls = 0; turns < 3 && calls < 1_000_000; calls++) await a.call.echo(calls);
  t.equal(turns, 3);
});

t.test("a message is what it was when it was sent", async (t) => {
  await using tree = await startResidents([resident("a", "own")]);
  const a = find(tree, "a");
  const [mine, bytes] = [{ n: 1 }, new Uint8Array([1])];
  a.cast.note(mine);
  a.cast.note(bytes);
  mine.n = 2;
  bytes[0] = 2;
  t.strictSame(await a.call.heard(), [{ n: 1 }, new Uint8Array([1])]);
});

t.test("what cannot be cloned is refused at the sender and wedges nothing", async (t) => {
  await using tree = await startResidents([resident("a", "own")]);
  const a = find(tree, "a");
  a.cast.note(1);
  t.throws(() => a.cast.note({ deep: [() => {}] }), { code: "ERR_NOT_CLONEABLE", message: /`0.deep.0`/ });
  t.throws(() => a.cast.note(new WeakMap()), { code: "ERR_NOT_CLONEABLE" });
  t.throws(() => a.send(Symbol("x")), { code: "ERR_NOT_CLONEABLE" });
  await t.rejects(a.call.echo(Promise.resolve()), { code: "ERR_NOT_CLONEABLE" });
  a.cast.note(2);
  t.strictSame(await a.call.heard(), [1, 2]);
});

t.test("an answer that cannot be cloned rejects the call, and the actor goes on", async (t) => {
  await using tree = await startResidents([resident("a", "own")]);
  const a = find(tree, "a");
  await t.rejects(a.call.giveFunction(), { code: "ERR_NOT_CLONEABLE" });
  t.equal(await a.call.echo(1), 1);
});

t.test("errors keep class, code, cause and stack", async (t) => {
  await using tree = await startResidents([resident("a", "own")]);
  const a = find(tree, "a");
  const refused = await a.call.refuseIt().catch((error: unknown) => error);
  t.ok(refused instanceof RangeError);
  t.match((refused as Error).stack, /resident\.mjs/);
  const crashed = (await a.call.crash("boom").catch((error: unknown) => error)) as Error & { ref: unknown };
  t.match(crashed, {
    code: "ERR_ACTOR_EXIT",
    reason: { error: { name: "TypeError", message: "boom", code: "ECRASH" } },
  });
  t.equal(crashed.ref, a);
  t.match(crashed.cause, { name: "TypeError", code: "ECRASH", cause: { message: "the cause" } });
  t.ok(crashed.cause instanceof TypeError);
});

t.test("a crash by something that is no error, or by an error's chain, is told as within a thread", async (t) => {
  await using tree = await startResidents([resident("a", "own", { restart: "temporary" }), resident("b", "own")]);
  const [a, b] = [find(tree, "a"), find(tree, "b")];
  const nested = await b.call.ask(a, "crash", "inner").catch((error: unknown) => error as Error);
  t.match(nested, { code: "ERR_ACTOR_EXIT", cause: { name: "TypeError", code: "ECRASH" } });
  t.equal((nested as { ref?: unknown }).ref, a);
  const thrown = await b.call.throwIt("a text").catch((error: unknown) => error as Error);
  t.match(thrown, { code: "ERR_ACTOR_EXIT", cause: "a text" });
});

t.test("unknown and private methods are refused as in the same thread", async (t) => {
  await using tree = await startResidents([resident("a", "own")]);
  const a = tree.whereis("a");
  for (const method of ["nothing", "handleInfo", "_private", "link"]) {
    await t.rejects(Promise.resolve(a?.call[method]?.()), { code: "ERR_NO_METHOD" });
  }
});

t.test("a call that gets no answer in time is given up, and a late one is dropped", async (t) => {
  await using tree = await startResidents([resident("a", "own")]);
  const a = find(tree, "a");
  await t.rejects(a.within(50).call.never(), { code: "ERR_CALL_TIMEOUT" });
});

t.test("a call of an actor that has ended is ERR_NOPROC, from any thread", async (t) => {
  await using tree = await startResidents([
    resident("a", "own", { restart: "temporary" }),
    resident("b", "own"),
    resident("c", "pool", { restart: "temporary" }),
  ]);
  const [a, b, c] = [find(tree, "a"), find(tree, "b"), find(tree, "c")];
  for (const gone of [a, c]) {
    await gone.call.leave("normal");
    await t.rejects(gone.call.thread(), { code: "ERR_NOPROC" });
    await t.rejects(Promise.resolve(b.call.ask(gone, "thread")), { code: "ERR_NOPROC" });
  }
});
