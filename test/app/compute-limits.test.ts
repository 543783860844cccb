import t from "tap";
import { start, type Tree } from "#src/app/tree.js";
import type { SupervisorChild } from "#src/app/tree-spec.js";
import type { ActorRef } from "#src/ref.js";
import { Asker, stage } from "../support/asker.js";

t.setTimeout(120_000);

function startWith(compute: unknown): Promise<Tree> {
  const limits = { compute } as Pick<SupervisorChild, "compute">;
  return start({ supervisor: "app", ...limits, children: [{ actor: "asker", class: Asker }] });
}

function find(tree: Tree): ActorRef<Asker> {
  const ref = tree.whereis<Asker>("asker");
  if (!ref) throw new Error("the asker does not run");
  return ref;
}

t.test("the root's compute limits the pool: functions at once, waiting ones, memory", async (t) => {
  await using tree = await startWith({ threads: 1, queue: 0, heap: "48M" });
  const asker = find(tree);
  await t.rejects(asker.within(60_000).call.outcome("eats"), { code: "ERR_COMPUTE_LOST", reason: { limit: "memory" } });
  await asker.call.ask("spin", [stage()]);
  await t.rejects(asker.within(60_000).call.outcome("add"), { code: "ERR_COMPUTE_FULL", capacity: 0 });
});

t.test("a tree that says nothing leaves the pool as it is", async (t) => {
  await using _first = await startWith({ threads: 1, queue: 0 });
  await using second = await startWith(undefined);
  const asker = find(second);
  await asker.call.ask("spin", [stage()]);
  await t.rejects(asker.within(60_000).call.outcome("add"), { code: "ERR_COMPUTE_FULL" });
});

const wrong: [compute: unknown, message: RegExp][] = [
  [{ threads: 0 }, /app\.compute\.threads: got 0, allowed is a whole number from 1 to 1024/],
  [{ queue: -1 }, /app\.compute\.queue: got -1, allowed is a whole number from 0/],
  [{ heap: "1M" }, /app\.compute\.heap: .* allowed is a size from 16M/],
  [{ thread: 2 }, /unknown key `thread`; did you mean `threads`\?/],
  [5, /app\.compute: got 5, allowed is a map of `threads`, `queue` and `heap`/],
];
for (const [compute, message] of wrong) {
  t.test(`compute: ${JSON.stringify(compute)} is refused in one sentence`, async (t) => {
    await t.rejects(startWith(compute), { code: "ERR_CONFIG", message });
  });
}

t.test("compute is refused below the root", async (t) => {
  const below = { supervisor: "below", compute: { threads: 1 }, children: [] };
  const starting = start({ supervisor: "app", children: [below] });
  await t.rejects(starting, { code: "ERR_CONFIG", message: /app\/below\.compute.*allowed at the root alone/ });
});
