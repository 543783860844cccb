import t from "tap";
import { PriorityQueue } from "#src/compute/priority-queue.js";

function queueOf(...entries: [name: string, priority: number][]): PriorityQueue<string> {
  const queue = new PriorityQueue<string>();
  for (const [name, priority] of entries) queue.push(name, priority);
  return queue;
}

function drained(queue: PriorityQueue<string>): string[] {
  const all: string[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) all.push(next);
  return all;
}

t.test("higher priorities come first, equal ones in the order of arrival", async (t) => {
  const queue = queueOf(["a", 0], ["b", 5], ["c", -1], ["d", 5], ["e", 0.5], ["f", 0]);
  t.equal(queue.size, 6);
  t.strictSame(drained(queue), ["b", "d", "e", "a", "f", "c"]);
  t.equal(queue.size, 0);
});

t.test("what is taken out does not come", async (t) => {
  const queue = queueOf(["a", 1], ["b", 1], ["c", 2]);
  t.equal(queue.remove("c", 2), true);
  t.equal(queue.remove("a", 1), true);
  t.equal(queue.size, 1);
  t.strictSame(drained(queue), ["b"]);
});

t.test("what is not there, or waits under another priority, is not taken out", async (t) => {
  const queue = queueOf(["a", 1]);
  t.equal(queue.remove("a", 2), false);
  t.equal(queue.remove("b", 1), false);
  t.strictSame(drained(queue), ["a"]);
});

t.test("a queue that was emptied takes more", async (t) => {
  const queue = queueOf(["a", 1]);
  drained(queue);
  queue.push("b", 0);
  queue.push("c", 1);
  t.strictSame(drained(queue), ["c", "b"]);
});
