import t from "tap";
import type { LentPipe } from "#src/sidecar/lent-pipe.js";
import { StdinQueue } from "#src/sidecar/stdin-queue.js";

function queueOf(
  windowBytes: number,
  borrow: () => Promise<LentPipe | undefined> = async () => undefined,
  more: { borrowAfterBytes?: number } = {},
) {
  const sent: { id: number; bytes: number }[] = [];
  let asked = 0;
  const queue = new StdinQueue(windowBytes, {
    send: (data) => sent.push({ id: sent.length + 1, bytes: data.length }),
    borrow: () => {
      asked++;
      return borrow();
    },
    broken: () => new Error("broken"),
    ...more,
  });
  return { queue, sent, asked: () => asked };
}

const bytes = (count: number) => new Uint8Array(count);

t.test("a write larger than the window goes out in parts as answers come in", async (t) => {
  const { queue, sent } = queueOf(100);
  const done = queue.write(bytes(250));
  t.strictSame(
    sent.map((part) => part.bytes),
    [100],
  );
  queue.acknowledge(1);
  queue.acknowledge(2);
  t.strictSame(
    sent.map((part) => part.bytes),
    [100, 100, 50],
  );
  queue.acknowledge(3);
  await done;
  t.equal(queue.queuedBytes, 0);
});

t.test("one answer completes every write before it, in order", async (t) => {
  const { queue } = queueOf(100);
  const order: number[] = [];
  const writes = [1, 2, 3].map((n) => queue.write(bytes(10)).then(() => order.push(n)));
  queue.acknowledge(3);
  await Promise.all(writes);
  t.strictSame(order, [1, 2, 3]);
});

t.test("a write of nothing is sent and answered", async (t) => {
  const { queue, sent } = queueOf(100);
  const done = queue.write(bytes(0));
  t.equal(sent.length, 1);
  queue.acknowledge(1);
  await done;
});

t.test("a write behind a full window waits for room", async (t) => {
  const { queue, sent } = queueOf(100);
  void queue.write(bytes(100));
  void queue.write(bytes(1));
  t.equal(sent.length, 1);
  queue.acknowledge(1);
  t.equal(sent.length, 2);
});

t.test("a failure rejects what waits and what comes after", async (t) => {
  const { queue } = queueOf(10);
  const waiting = [queue.write(bytes(10)), queue.write(bytes(10))];
  queue.fail(() => new Error("gone"));
  for (const write of [...waiting, queue.write(bytes(1))]) await t.rejects(write, { message: "gone" });
});

t.test("everything is sent only when the last byte has left", async (t) => {
  const { queue } = queueOf(10);
  void queue.write(bytes(15));
  let isSent = false;
  const sent = queue.readyToClose().then(() => {
    isSent = true;
  });
  await Promise.resolve();
  t.equal(isSent, false);
  queue.acknowledge(1);
  await sent;
});

t.test("small writes behind many commands are joined, and one answer completes them all", async (t) => {
  const { queue, sent } = queueOf(262_144);
  const writes = Array.from({ length: 1_000 }, () => queue.write(bytes(3)));
  t.equal(sent.length, 16);
  queue.acknowledge(16);
  t.strictSame(sent.slice(16), [{ id: 17, bytes: 984 * 3 }]);
  queue.acknowledge(17);
  await Promise.all(writes);
  t.equal(queue.queuedBytes, 0);
});

t.test("large writes are not joined, nor held back by many small ones", async (t) => {
  const { queue, sent } = queueOf(262_144);
  for (let i = 0; i < 20; i++) void queue.write(bytes(1));
  void queue.write(bytes(100_000));
  t.strictSame(
    sent.slice(16).map((part) => part.bytes),
    [4, 65_536],
  );
});

t.test(
  "a process that gets much in large writes has its pipe asked for, once all that was sent is in it",
  async (t) => {
    const { queue, sent, asked } = queueOf(4_000_000);
    for (let i = 0; i < 20; i++) void queue.write(bytes(65_536));
    const before = sent.length;
    t.equal(asked(), 0);
    queue.acknowledge(before - 1);
    t.equal(asked(), 0);
    queue.acknowledge(before);
    t.equal(asked(), 1);
    t.equal(sent.length, before, "nothing is sent meanwhile");
    await Promise.resolve();
    await Promise.resolve();
    t.equal(sent.length, 20, "where it cannot be had, commands go on");
    queue.acknowledge(20);
    void queue.write(bytes(65_536));
    t.equal(asked(), 1);
  },
);

t.test("small writes on top of each other never ask for the pipe, however many they are", async (t) => {
  const { queue, sent, asked } = queueOf(262_144);
  void queue.write(bytes(4_000));
  for (let i = 0; i < 2_000; i++) {
    void queue.write(bytes(4_000));
    queue.acknowledge(sent.length - 1);
  }
  t.equal(asked(), 0);
});

t.test("writes that each find the one before in the pipe, as in a conversation, soon ask for it", async (t) => {
  const { queue, sent, asked } = queueOf(262_144);
  for (let turn = 1; asked() === 0 && turn <= 100; turn++) {
    void queue.write(bytes(1));
    queue.acknowledge(sent.length);
  }
  t.equal(asked(), 1);
  t.equal(sent.length, 64);
});

t.test("a pipe that comes too late is closed", async (t) => {
  let lend: (pipe: LentPipe) => void = () => {};
  const { queue } = queueOf(4_000_000, () => new Promise((resolve) => (lend = resolve)));
  const late = queue.write(bytes(2_000_000));
  queue.closedBySidecar();
  let isClosed = false;
  lend({ close: () => (isClosed = true) } as unknown as LentPipe);
  await Promise.resolve();
  await Promise.resolve();
  t.ok(isClosed);
  queue.fail(() => new Error("gone"));
  await t.rejects(late, { message: "gone" });
});

t.test("what is to be asked for at once is, with the first large write, which waits for the answer", async (t) => {
  const { queue, sent, asked } = queueOf(100_000, undefined, { borrowAfterBytes: 0 });
  void queue.write(bytes(100));
  t.strictSame([asked(), sent.length], [0, 1]);
  queue.acknowledge(1);
  const done = queue.write(bytes(20_000));
  t.strictSame([asked(), sent.length], [1, 1]);
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(sent.length, 2);
  queue.acknowledge(2);
  await done;
});
