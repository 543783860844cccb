import t from "tap";
import { StdinQueue } from "#src/sidecar/stdin-queue.js";

function queueOf(windowBytes: number) {
  const sent: { id: number; bytes: number }[] = [];
  const queue = new StdinQueue(windowBytes, (data) => {
    const id = sent.length + 1;
    sent.push({ id, bytes: data.length });
    return id;
  });
  return { queue, sent };
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
  const sent = queue.allSent().then(() => {
    isSent = true;
  });
  await Promise.resolve();
  t.equal(isSent, false);
  queue.acknowledge(1);
  await sent;
});
