import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { isAlive } from "#src/actors/runtime.js";
import type { Task } from "#src/actors/task.js";
import { Tasks } from "#src/actors/tasks.js";
import type { ActorRef } from "#src/ref.js";
import { gate, settle } from "../support/actors.js";
import { taskOwner, using } from "../support/task-owner.js";

const boom = () => Promise.reject(new RangeError("boom"));
const forEver = () => new Promise<never>(() => {});

/** The actor of a task that runs. */
async function running(task: Task): Promise<ActorRef> {
  await settle();
  if (!task.ref) throw new Error("the task does not run");
  return task.ref;
}

t.test("await gives what the task's function came to, and the task ends normally", async (t) => {
  const { ref } = await taskOwner();
  const task = await using(ref, (tasks) => ({ task: tasks.async(async () => 6 * 7) }));
  t.equal(await using(ref, (tasks) => tasks.await(task.task)), 42);
  t.equal(await whenEnded(await running(task.task)), "normal");
  t.equal(isAlive(ref), true);
});

t.test("a task that fails ends its owner with its own reason, not with what await would have thrown", async (t) => {
  const { ref } = await taskOwner();
  await t.rejects(
    using(ref, (tasks) => tasks.await(tasks.async(boom))),
    { code: "ERR_ACTOR_EXIT" },
  );
  t.match(await whenEnded(ref), { error: { name: "RangeError", message: "boom" } });
});

t.test("an owner that traps exits gets the EXIT, and await rejects with what was thrown as its cause", async (t) => {
  const { ref } = await taskOwner((hands) => hands.trap());
  const error = await using(ref, (tasks) => tasks.await(tasks.async(boom)).catch((thrown: Error) => ({ thrown })));
  t.match(error, { thrown: { code: "ERR_ACTOR_EXIT", cause: { message: "boom" } } });
  t.match(await ref.call.seen(), [{ type: "EXIT", reason: { error: { message: "boom" } } }]);
});

t.test("a task ends with its owner and its signal aborts, whatever the owner's reason", async (t) => {
  for (const reason of ["normal", "shutdown", "kill"] as const) {
    const { ref } = await taskOwner();
    let aborted = false;
    const { task } = await using(ref, (tasks) => ({
      task: tasks.async((signal) => {
        signal.addEventListener("abort", () => {
          aborted = true;
        });
        return forEver();
      }),
    }));
    const worker = await running(task);
    if (reason === "normal") ref.cast.run((hands) => hands.exit("normal"));
    else exitActor(ref, reason);
    await whenEnded(ref);
    t.equal(isAlive(worker), false, reason);
    t.equal(aborted, true, reason);
  }
});

t.test("await gives up after its time; the task runs on until its owner ends, and nobody can ask again", async (t) => {
  const { ref, clock } = await taskOwner();
  const { task } = await using(ref, (tasks) => ({ task: tasks.async(forEver) }));
  const worker = await running(task);
  const waiting = using(ref, (tasks) => tasks.await(task, 100).catch((thrown: Error) => ({ thrown })));
  await settle();
  clock.advance(100);
  t.match(await waiting, { thrown: { code: "ERR_CALL_TIMEOUT", timeoutMs: 100 } });
  t.equal(isAlive(worker), true);
  await t.rejects(new Tasks(null).await(task), TypeError);
  await using(ref, async (tasks) => t.rejects(tasks.await(task), TypeError));
  exitActor(ref, "kill");
  t.equal(await whenEnded(worker), "killed");
});

t.test("only its owner can ask for a task's outcome", async (t) => {
  const [one, other] = [await taskOwner(), await taskOwner()];
  const { task } = await using(one.ref, (tasks) => ({ task: tasks.async(() => 1) }));
  for (const ask of ["await", "yield", "shutdown"] as const) {
    await using(other.ref, async (tasks) => t.rejects(tasks[ask](task) as Promise<unknown>, /only its owner/));
  }
  await using(other.ref, (tasks) => t.throws(() => tasks.ignore(task), TypeError));
  t.equal(await using(one.ref, (tasks) => tasks.await(task)), 1);
});

t.test("yield gives nothing while there is nothing, and can be asked again", async (t) => {
  const { ref, clock } = await taskOwner();
  const held = gate<string>();
  const { task } = await using(ref, (tasks) => ({ task: tasks.async(() => held.passed) }));
  const first = using(ref, (tasks) => tasks.yield(task, 50));
  await settle();
  clock.advance(50);
  t.equal(await first, undefined);
  held.open("late");
  t.strictSame(await using(ref, (tasks) => tasks.yield(task)), { ok: "late" });
  await using(ref, async (tasks) => t.rejects(tasks.yield(task), /taken already/));
});

t.test("awaitMany gives the values in order, yieldMany what is there in time", async (t) => {
  const { ref, clock } = await taskOwner();
  t.strictSame(await using(ref, (tasks) => tasks.awaitMany([1, 2, 3].map((n) => tasks.async(() => n)))), [1, 2, 3]);
  const some = using(ref, async (tasks) => {
    const all = await tasks.yieldMany([tasks.async(() => 1), tasks.async<number>(forEver)], 10);
    return all.map(([, outcome]) => outcome);
  });
  await settle();
  clock.advance(10);
  t.strictSame(await some, [{ ok: 1 }, undefined]);
});

t.test("shutdown ends a task without harm to its owner, and gives nothing", async (t) => {
  const { ref } = await taskOwner((hands) => hands.trap());
  const { task } = await using(ref, (tasks) => ({ task: tasks.async(forEver) }));
  const worker = await running(task);
  t.equal(await using(ref, (tasks) => tasks.shutdown(task)), undefined);
  t.equal(await whenEnded(worker), "shutdown");
  t.strictSame(await ref.call.seen(), []);
});

t.test("shutdown gives a value that came first, and the reason of a task that had failed", async (t) => {
  const { ref } = await taskOwner((hands) => hands.trap());
  const { done, failed } = await using(ref, (tasks) => ({ done: tasks.async(() => 7), failed: tasks.async(boom) }));
  await running(done);
  t.strictSame(await using(ref, (tasks) => tasks.shutdown(done)), { ok: 7 });
  t.match(await using(ref, (tasks) => tasks.shutdown(failed)), { exit: { error: { message: "boom" } } });
});

t.test("a brutal shutdown kills, also before the task has begun", async (t) => {
  const { ref } = await taskOwner();
  const { task } = await using(ref, (tasks) => ({ task: tasks.async(forEver) }));
  const worker = await running(task);
  t.equal(await using(ref, (tasks) => tasks.shutdown(task, "brutal_kill")), undefined);
  t.equal(await whenEnded(worker), "killed");
  let ran = false;
  const early = await using(ref, (tasks) =>
    tasks.shutdown(
      tasks.async(() => {
        ran = true;
      }),
    ),
  );
  t.equal(early, undefined);
  t.equal(ran, false);
});

t.test("an ignored task harms nobody and tells nobody", async (t) => {
  const { ref } = await taskOwner();
  const held = gate();
  const { task } = await using(ref, (tasks) => ({ task: tasks.async(() => held.passed) }));
  const worker = await running(task);
  t.equal(await using(ref, (tasks) => tasks.ignore(task)), undefined);
  held.fail(new RangeError("unheard"));
  t.match(await whenEnded(worker), { error: { message: "unheard" } });
  t.equal(isAlive(ref), true);
});

t.test("deliver brings the outcome as a message and leaves the mailbox free", async (t) => {
  const { ref } = await taskOwner();
  const held = gate<number>();
  const { task } = await using(ref, (tasks) => {
    const made = tasks.async(() => held.passed);
    tasks.deliver(made);
    return { task: made };
  });
  t.strictSame(await ref.call.seen(), []);
  held.open(3);
  await settle();
  t.strictSame(await ref.call.seen(), [{ type: "info", message: { type: "task", task, ok: 3 } }]);
});

t.test("tasks from outside all actors are linked to nobody", async (t) => {
  const tasks = new Tasks(null);
  t.equal(await tasks.await(tasks.async(() => 1)), 1);
  await t.rejects(tasks.await(tasks.async(boom)), { code: "ERR_ACTOR_EXIT", cause: { message: "boom" } });
});
