/**
 * Where actors live, and what they are refused.
 */
import t from "tap";
import { start } from "#src/app/tree.js";
import { Counter } from "../support/actors.js";
import { actorsFolder, find, resident, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

for (const thread of ["own", "pool"] as const) {
  t.test(`thread: ${thread} puts an actor into another thread, with its arguments`, async (t) => {
    await using tree = await startResidents([resident("a", thread, { args: [1, { x: [new Date(5)] }] })]);
    t.ok((await find(tree, "a").call.thread()) > 0);
    t.strictSame(await find(tree, "a").call.args(), [1, { x: [new Date(5)] }]);
  });
}

t.test("thread: main stays where the tree is", async (t) => {
  await using tree = await startResidents([resident("a", "main")]);
  t.equal(await find(tree, "a").call.thread(), 0);
});

t.test("ps shows main, pool-1 and own-N", async (t) => {
  await using tree = await startResidents([resident("a", "main"), resident("b", "pool"), resident("c", "own")]);
  const threads = tree.snapshot().map((row) => row.thread);
  t.match(threads, ["main", "main", /^pool-1$/, /^own-\d+$/]);
});

t.test("two actors with own threads live in two threads", async (t) => {
  await using tree = await startResidents([resident("a", "own"), resident("b", "own")]);
  t.not(await find(tree, "a").call.thread(), await find(tree, "b").call.thread());
});

t.test("a TypeScript module is loaded in its thread, and its actor is Copal's own", async (t) => {
  await using tree = await startResidents([resident("a", "own", { module: "./adder.ts#Adder" })]);
  t.equal(await tree.whereis("a")?.call.add?.(2), 2);
});

t.test("a class is refused beside another thread in one sentence", async (t) => {
  const children = [{ actor: "a", class: Counter, thread: "own" as const }];
  await t.rejects(start({ supervisor: "app", children }), { code: "ERR_CONFIG", message: /a class cannot cross/ });
});

t.test("heap is refused without a thread of one's own", async (t) => {
  await t.rejects(startResidents([resident("a", "pool", { heap: "64M" })]), { code: "ERR_CONFIG", message: /heap/ });
});

t.test("a module without the class fails the start, and nothing is left", async (t) => {
  const children = [resident("a", "own"), resident("b", "own", { module: "./resident.mjs#Nobody" })];
  await t.rejects(startResidents(children), { code: "ERR_START", message: /Nobody/ });
  const others = [resident("a", "pool", { module: "./resident.mjs#NoActor" })];
  await t.rejects(startResidents(others), { code: "ERR_START", message: /does not extend/ });
});

t.test("an init that throws in another thread fails the start with its error as the cause", async (t) => {
  for (const thread of ["own", "pool"] as const) {
    const failing = startResidents([resident("a", thread, { module: "./resident.mjs#FailsInit" })]);
    await t.rejects(failing, { code: "ERR_START", failure: { child: "app/a", message: "cannot begin" } });
  }
});

t.test("an init that says ignore in another thread is no failure", async (t) => {
  await using tree = await startResidents([
    resident("a", "own", { module: "./resident.mjs#Ignores" }),
    resident("b", "pool"),
  ]);
  t.equal(tree.whereis("a"), undefined);
  t.ok(tree.whereis("b"));
});

t.test("arguments that cannot be cloned fail the start before there is a thread", async (t) => {
  const failing = startResidents([resident("a", "own", { args: [() => 1] })]);
  await t.rejects(failing, { code: "ERR_START", message: /app\/a: .*`0` of the message cannot be cloned/ });
});

t.test("a tree with a clock of its own is refused other threads by name", async (t) => {
  const clock = { nowMs: () => 0, setTimer: () => ({ cancel: () => {}, hold: () => {} }) };
  const starting = start({ supervisor: "app", children: [resident("a", "own")] }, { folder: actorsFolder, clock });
  await t.rejects(starting, { message: /not supported yet/ });
});

t.test("stopped, no thread, port or handle is left", async (t) => {
  const before = process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate");
  const tree = await startResidents([resident("a", "own"), resident("b", "own")]);
  await tree.stop();
  const after = process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate");
  t.strictSame(after.sort(), before.sort());
});
