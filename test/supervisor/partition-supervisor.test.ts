import t from "tap";
import { exitActor, stopActor, whenEnded } from "#src/actors/exit-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ActorRef } from "#src/ref.js";
import type { StartContext } from "#src/supervisor/child-spec.js";
import { partition, partitionOf, startPartitionSupervisor } from "#src/supervisor/partition-supervisor.js";
import { Counter, puppet, settle } from "../support/actors.js";

const child = () => ({
  start: async ({ parent, path }: StartContext) =>
    (await startActor(parent, { class: Counter, id: path })) as ActorRef<unknown> as ActorRef,
});

t.test("each key has one partition, always the same", async (t) => {
  const root = await startPartitionSupervisor(null, { path: "parts", partitions: 4, child });
  t.match(await root.call.countChildren(), { active: 4 });
  t.equal(await root.call.whichPartition(7), partition(root, -7));
  t.equal(partition(root, "a user"), partition(root, "a user"));
  t.not(partition(root, 1), partition(root, 2));
  const used = new Set(Array.from({ length: 200 }, (_, n) => partition(root, `user ${n}`)));
  t.equal(used.size, 4);
  await stopActor(root as never);
});

t.test("a partition that crashed is another actor under the same key", async (t) => {
  const root = await startPartitionSupervisor(null, { partitions: 2, child });
  const before = partition(root, 0);
  exitActor(before, "kill");
  await whenEnded(before);
  await settle();
  t.not(partition(root, 0), before);
  await stopActor(root as never);
  t.throws(() => partition(root, 0), { code: "ERR_NOPROC" });
});

t.test("integers go by their absolute value, actors by their number, the rest by its text", async (t) => {
  t.strictSame([partitionOf(5, 3), partitionOf(-5, 3), partitionOf(5n, 3), partitionOf(-5n, 3)], [2, 2, 2, 2]);
  const ref = await puppet();
  t.equal(partitionOf(ref, 8), ref.id % 8);
  t.equal(partitionOf({ a: 1 }, 1_000), partitionOf({ a: 1 }, 1_000));
  const circle: { self?: unknown } = {};
  circle.self = circle;
  for (const odd of [circle, [1n], undefined, Symbol("x"), Number.NaN, 1.5, null, () => {}]) {
    t.ok(partitionOf(odd, 3) < 3);
  }
});

t.test("a wrong number of partitions, and no child, are refused", async (t) => {
  await t.rejects(startPartitionSupervisor(null, { partitions: 0, child }), {
    code: "ERR_CHILD_SPEC",
    field: "partitions",
  });
  await t.rejects(startPartitionSupervisor(null, { child: 1 as never }), { code: "ERR_CHILD_SPEC", field: "child" });
});
