import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { isAlive } from "#src/actors/runtime.js";
import { startTaskSupervisor } from "#src/actors/task-supervisor.js";
import { gate, puppet, settle } from "../support/actors.js";
import { taskOwner, using } from "../support/task-owner.js";

const forEver = () => new Promise<never>(() => {});

t.test("a task nobody waits for runs under its supervisor and is gone when it is done", async (t) => {
  const supervisor = await startTaskSupervisor(null);
  const held = gate();
  const task = await supervisor.call.startChild(() => held.passed);
  t.strictSame(await supervisor.call.children(), [task]);
  held.open();
  t.equal(await whenEnded(task), "normal");
  t.strictSame(await supervisor.call.children(), []);
});

t.test("a task that fails is not started again, and harms neither its supervisor nor its siblings", async (t) => {
  const supervisor = await startTaskSupervisor(null);
  const sibling = await supervisor.call.startChild(forEver);
  let runs = 0;
  const failing = await supervisor.call.startChild(() => {
    runs++;
    throw new RangeError("boom");
  });
  t.match(await whenEnded(failing), { error: { message: "boom" } });
  await settle();
  t.strictSame(await supervisor.call.children(), [sibling]);
  t.equal(runs, 1);
});

t.test("an unlinked task's failure is its owner's to ask for, and does not harm it", async (t) => {
  const { ref } = await taskOwner();
  const supervisor = await startTaskSupervisor(null);
  const outcome = await using(ref, (tasks) =>
    tasks.yield(tasks.asyncNolink(supervisor, () => Promise.reject(new RangeError("boom")))),
  );
  t.match(outcome, { exit: { error: { message: "boom" } } });
  t.equal(isAlive(ref), true);
});

t.test("an unlinked task outlives its owner and ends with its supervisor", async (t) => {
  const { ref } = await taskOwner();
  const supervisor = await startTaskSupervisor(null);
  const { task } = await using(ref, (tasks) => ({ task: tasks.asyncNolink(supervisor, forEver) }));
  await settle();
  exitActor(ref, "kill");
  await whenEnded(ref);
  const [worker] = await supervisor.call.children();
  t.equal(worker, task.ref);
  exitActor(supervisor, "shutdown");
  t.equal(await whenEnded(supervisor), "shutdown");
  t.equal(worker && isAlive(worker), false);
});

t.test("a linked task under a supervisor ends its owner when it fails, and ends with it", async (t) => {
  const [one, other] = [await taskOwner(), await taskOwner()];
  const supervisor = await startTaskSupervisor(null);
  const failing = () => Promise.reject(new RangeError("boom"));
  await using(one.ref, (tasks) => ({ task: tasks.asyncUnder(supervisor, failing) }));
  t.match(await whenEnded(one.ref), { error: { message: "boom" } });
  const { task } = await using(other.ref, (tasks) => ({ task: tasks.asyncUnder(supervisor, forEver) }));
  await settle();
  exitActor(other.ref, { exit: 3 });
  t.match((await task.outcome) as object, { exit: { exit: 3 } });
  t.equal(isAlive(supervisor), true);
});

t.test("there are no more tasks than may be", async (t) => {
  const { ref } = await taskOwner();
  const supervisor = await startTaskSupervisor(null, { maxChildren: 1 });
  const task = await supervisor.call.startChild(forEver);
  await t.rejects(supervisor.call.startChild(forEver), { code: "ERR_START", reason: { limit: "max_children" } });
  await using(ref, (tasks) => t.throws(() => tasks.asyncNolink(supervisor, forEver), { code: "ERR_START" }));
  await supervisor.call.terminateChild(task);
  t.equal(isAlive(task), false);
  await supervisor.call.startChild(forEver);
});

t.test("terminateChild knows its own tasks alone", async (t) => {
  const supervisor = await startTaskSupervisor(null);
  await t.rejects(supervisor.call.terminateChild(await puppet()), { code: "ERR_NOPROC" });
});

t.test("no task starts under a supervisor that has ended", async (t) => {
  const { ref } = await taskOwner();
  const supervisor = await startTaskSupervisor(null);
  exitActor(supervisor, "kill");
  await whenEnded(supervisor);
  await using(ref, (tasks) => t.throws(() => tasks.asyncNolink(supervisor, forEver), { code: "ERR_NOPROC" }));
});
