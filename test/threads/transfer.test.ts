/**
 * What moves between threads instead of being cloned.
 */
import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import t from "tap";
import { marks, type Transferable, transfer } from "#src/actors/transfer.js";
import { start, type Tree } from "#src/app/tree.js";
import type { ActorRef } from "#src/ref.js";
import { actorsFolder } from "../support/resident.js";

t.setTimeout(120_000);

interface Mover {
  keep(value: Uint8Array | ArrayBuffer): number;
  keptBytes(): number;
  give(size: number): Uint8Array;
  giveLater(size: number): Promise<Uint8Array>;
  giveTwice(): Uint8Array;
  passOn(ref: ActorRef<Mover>, value: Uint8Array): void;
  answerOn(port: unknown): void;
  read(stream: ReadableStream<string>): Promise<string>;
  both(one: Uint8Array, other: Uint8Array): unknown;
  info(): Uint8Array;
}

type Thread = "main" | "own" | "pool";

function startMovers(movers: Record<string, Thread>, args: unknown[] = []): Promise<Tree> {
  const children = Object.entries(movers).map(([actor, thread]) => ({
    actor,
    module: "./mover.mjs#Mover",
    thread,
    args,
  }));
  return start({ supervisor: "app", children }, { folder: actorsFolder });
}

function find(tree: Tree, id: string): ActorRef<Mover> {
  const ref = tree.whereis<Mover>(id);
  if (!ref) throw new Error(`${id} does not run`);
  return ref;
}

function bytes(size: number, value = 5): Uint8Array<ArrayBuffer> {
  return new Uint8Array(size).fill(value);
}

for (const thread of ["own", "pool"] as const) {
  t.test(`an argument's buffer moves to a thread of kind ${thread}, by call, cast and send`, async (t) => {
    await using tree = await startMovers({ a: thread });
    const a = find(tree, "a");
    const [called, cast, sent] = [bytes(1000), bytes(2000), bytes(3000)];
    t.equal(await a.call.keep(transfer(called, [called.buffer])), 1000);
    a.cast.keep(transfer(cast, [cast.buffer]));
    t.equal(await a.call.keptBytes(), 2000);
    a.send(transfer({ part: sent }, [sent.buffer]));
    t.strictSame(await a.call.info(), { part: bytes(3000) });
    t.strictSame([called.byteLength, cast.byteLength, sent.byteLength, marks.count], [0, 0, 0, 0]);
  });
}

t.test("an answer's buffer moves, at once or later, and is gone from its actor", async (t) => {
  await using tree = await startMovers({ a: "own" });
  const a = find(tree, "a");
  t.strictSame(await a.call.give(1000), bytes(1000, 7));
  t.equal(await a.call.keptBytes(), 0);
  t.strictSame(await a.call.giveLater(2000), bytes(2000, 7));
  t.equal(await a.call.keptBytes(), 0);
});

t.test("within a thread the value itself goes, and a mark is for one sending", async (t) => {
  await using tree = await startMovers({ a: "main", b: "own" });
  const [a, b] = [find(tree, "a"), find(tree, "b")];
  const mine = bytes(1000);
  await a.call.passOn(b, transfer(mine, [mine.buffer]));
  t.equal(await b.call.keptBytes(), 1000);
  t.equal(await a.call.keptBytes(), 1000);
  const given = await a.call.give(10);
  await b.call.keep(given);
  t.strictSame([given.byteLength, marks.count], [10, 0]);
});

t.test("a mark within a value counts, and a buffer that two values share moves once", async (t) => {
  await using tree = await startMovers({ a: "own" });
  const a = find(tree, "a");
  const whole = bytes(1000);
  const [one, other] = [whole.subarray(0, 400), whole.subarray(400)];
  const answer = await a.call.both(transfer(one, [whole.buffer]), transfer(other, [whole.buffer]));
  t.strictSame(answer, [400, 600, true]);
  const part = bytes(10);
  a.send({ deep: [transfer(part, [part.buffer])] });
  await a.call.info();
  t.equal(part.byteLength, 0);
});

t.test("ports and streams move", async (t) => {
  await using tree = await startMovers({ a: "own" });
  const a = find(tree, "a");
  const { port1, port2 } = new MessageChannel();
  a.cast.answerOn(transfer(port2, [port2]));
  port1.postMessage("hello");
  t.strictSame(await once(port1, "message"), ["hello!"]);
  const stream = new ReadableStream<string>({
    start(controller) {
      for (const part of ["a", "b", "c"]) controller.enqueue(part);
      controller.close();
    },
  });
  t.equal(await a.call.read(transfer(stream, [stream])), "abc");
});

t.test("what cannot move is refused at its sender, nothing has moved, and the line goes on", async (t) => {
  await using tree = await startMovers({ a: "own" });
  const a = find(tree, "a");
  const good = bytes(8);
  const gone = bytes(8);
  structuredClone(gone, { transfer: [gone.buffer] });
  const refused: [object, unknown[]][] = [
    [{ good }, [good.buffer, {}]],
    [{ good }, [good.buffer, 3]],
    [{ good, gone }, [good.buffer, gone.buffer]],
    [{ good, f: new WeakMap() }, [good.buffer]],
    [{ good }, [good.buffer, new SharedArrayBuffer(8)]],
  ];
  for (const [value, parts] of refused) {
    t.throws(() => a.send(transfer(value, parts as Transferable[])), { code: "ERR_NOT_CLONEABLE" });
    t.equal(good.byteLength, 8);
  }
  await t.rejects(a.call.keep(transfer(gone, [gone.buffer])), { code: "ERR_NOT_CLONEABLE", message: /before/ });
  t.equal(await a.call.keep(transfer(good, [good.buffer])), 8);
  await t.rejects(a.call.keep(good), { code: "ERR_NOT_CLONEABLE" });
});

t.test("an answer of which a part cannot move rejects the call, and the actor goes on", async (t) => {
  await using tree = await startMovers({ a: "own" });
  const a = find(tree, "a");
  await a.call.keep(bytes(8));
  await t.rejects(a.call.giveTwice(), { code: "ERR_NOT_CLONEABLE" });
  t.equal(await a.call.keptBytes(), 0);
});

t.test("arguments of a start are cloned, since a restart needs them again", async (t) => {
  const mine = bytes(100);
  await using tree = await startMovers({ a: "own" }, [transfer(mine, [mine.buffer])]);
  t.strictSame([await find(tree, "a").call.keptBytes(), mine.byteLength], [100, 100]);
});

t.test("`transfer` takes an object and a list", (t) => {
  t.throws(() => transfer("text" as never, []), TypeError);
  t.throws(() => transfer({}, undefined as never), TypeError);
  t.equal(transfer(t, []), t);
  t.end();
});
