import t from "tap";
import { whenEnded } from "#src/actors/exit-actor.js";
import { isAlive } from "#src/actors/runtime.js";
import type { TaskOutcome } from "#src/actors/task.js";
import { startTaskSupervisor } from "#src/actors/task-supervisor.js";
import { type AsyncStreamOptions, Tasks } from "#src/actors/tasks.js";
import { type Gate, gate, settle } from "../support/actors.js";
import { taskOwner, using } from "../support/task-owner.js";

async function all<R>(stream: AsyncIterable<TaskOutcome<R>>): Promise<TaskOutcome<R>[]> {
  const outcomes: TaskOutcome<R>[] = [];
  for await (const outcome of stream) outcomes.push(outcome);
  return outcomes;
}

/** Items that wait until the test lets them go, with how many run at once. */
function held(count: number) {
  const gates: Gate<number>[] = Array.from({ length: count }, () => gate<number>());
  const started: number[] = [];
  const work = (item: number): Promise<number> => {
    started.push(item);
    return gates[item]?.passed ?? Promise.reject(new Error("there is no such item"));
  };
  return { items: gates.keys(), gates, started, work };
}

t.test("outcomes come in the order of the items, whichever is done first", async (t) => {
  const tasks = new Tasks(null);
  const { items, gates, work } = held(3);
  const outcomes = all(tasks.asyncStream(items, work, { maxConcurrency: 3 }));
  await settle();
  for (const item of [2, 1, 0]) gates[item]?.open(item);
  t.strictSame(await outcomes, [{ ok: 0 }, { ok: 1 }, { ok: 2 }]);
});

t.test("unordered, they come as they are done", async (t) => {
  const tasks = new Tasks(null);
  const { items, gates, work } = held(3);
  const outcomes = all(tasks.asyncStream(items, work, { maxConcurrency: 3, ordered: false }));
  for (const item of [2, 0, 1]) {
    await settle();
    gates[item]?.open(item);
  }
  t.strictSame(await outcomes, [{ ok: 2 }, { ok: 0 }, { ok: 1 }]);
});

t.test("no more run at once than may, and items are taken as there is room", async (t) => {
  const tasks = new Tasks(null);
  const { items, gates, started, work } = held(4);
  const outcomes = all(tasks.asyncStream(items, work, { maxConcurrency: 2 }));
  await settle();
  t.strictSame(started, [0, 1]);
  gates[0]?.open(0);
  await settle();
  t.strictSame(started, [0, 1, 2]);
  for (const one of gates) one.open(1);
  t.equal((await outcomes).length, 4);
});

t.test("leaving the loop kills what still runs", async (t) => {
  const tasks = new Tasks(null);
  const { items, gates, started, work } = held(3);
  const aborted: number[] = [];
  const watched = (item: number, signal: AbortSignal) => {
    signal.addEventListener("abort", () => aborted.push(item));
    return work(item);
  };
  const leaving = (async () => {
    for await (const _ of tasks.asyncStream(items, watched, { maxConcurrency: 3 })) break;
  })();
  await settle();
  t.strictSame(started, [0, 1, 2]);
  gates[0]?.open(0);
  await leaving;
  t.strictSame(aborted.sort(), [0, 1, 2]);
});

t.test("a task that takes too long ends the stream, or is killed and says so", async (t) => {
  for (const onTimeout of ["exit", "killTask"] as const) {
    const { ref, clock } = await taskOwner();
    const options: AsyncStreamOptions = { timeoutMs: 10, onTimeout, maxConcurrency: 2 };
    const outcomes = using(ref, (tasks) =>
      all(tasks.asyncStream([0, 1], (item) => (item === 0 ? new Promise(() => {}) : item), options)).catch(
        ({ code }: { code: string }) => code,
      ),
    );
    await settle();
    clock.advance(10);
    t.strictSame(
      await outcomes,
      onTimeout === "exit" ? "ERR_CALL_TIMEOUT" : [{ exit: { limit: "timeout" } }, { ok: 1 }],
    );
  }
});

t.test("a failing task ends an owner that does not trap exits, and is an outcome for one that does", async (t) => {
  const work = (item: number) => (item === 1 ? Promise.reject(new Error("one")) : item);
  const plain = await taskOwner();
  await t.rejects(
    using(plain.ref, (tasks) => all(tasks.asyncStream([0, 1, 2], work))),
    { code: "ERR_ACTOR_EXIT" },
  );
  t.match(await whenEnded(plain.ref), { error: { message: "one" } });
  const trapping = await taskOwner((hands) => hands.trap());
  const outcomes = await using(trapping.ref, (tasks) => all(tasks.asyncStream([0, 1, 2], work)));
  t.match(outcomes, [{ ok: 0 }, { exit: { error: { message: "one" } } }, { ok: 2 }]);
});

t.test("under a supervisor a failing task is an outcome for any owner", async (t) => {
  const { ref } = await taskOwner();
  const supervisor = await startTaskSupervisor(null);
  const work = (item: number) => (item === 1 ? Promise.reject(new Error("one")) : item);
  const outcomes = await using(ref, (tasks) => all(tasks.asyncStream([0, 1], work, { supervisor })));
  t.match(outcomes, [{ ok: 0 }, { exit: { error: { message: "one" } } }]);
  t.equal(isAlive(ref), true);
});

t.test("a source that throws ends the stream with what it threw, and what runs", async (t) => {
  const tasks = new Tasks(null);
  const begun = gate();
  let aborted = false;
  async function* items() {
    yield 1;
    await begun.passed;
    throw new RangeError("no more");
  }
  const work = (_item: number, signal: AbortSignal) => {
    signal.addEventListener("abort", () => {
      aborted = true;
    });
    begun.open();
    return new Promise(() => {});
  };
  await t.rejects(all(tasks.asyncStream(items(), work, { maxConcurrency: 2 })), { message: "no more" });
  t.equal(aborted, true);
});

t.test("an async source and no items at all will do", async (t) => {
  const tasks = new Tasks(null);
  async function* items() {
    yield 1;
    yield 2;
  }
  t.strictSame(await all(tasks.asyncStream(items(), (item) => item * 2)), [{ ok: 2 }, { ok: 4 }]);
  t.strictSame(await all(tasks.asyncStream([], (item) => item)), []);
  await t.rejects(all(tasks.asyncStream([1], (item) => item, { maxConcurrency: 0 })), RangeError);
});
