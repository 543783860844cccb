/**
 * Where actors live, and what they are refused.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { whenEnded } from "#src/actors/exit-actor.js";
import * as sys from "#src/actors/sys.js";
import { start } from "#src/app/tree.js";
import type { ChildSpecInput } from "#src/app/tree-spec.js";
import { threadsOfProcess } from "#src/threads/threads.js";
import { Counter } from "../support/actors.js";
import { actorsFolder, find, resident, type Starter, starter, startResidents } from "../support/resident.js";

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

t.test("a pool has as many threads as it says, and the one with the fewest actors is next", async (t) => {
  const children = ["a", "b", "c", "d", "e"].map((id) => resident(id, "pool"));
  await using tree = await startResidents(children, { pool: { size: 2 } });
  const threads = await Promise.all(children.map(({ actor }) => find(tree, actor).call.thread()));
  t.strictSame(
    threads.map((thread) => threads.indexOf(thread)),
    [0, 1, 0, 1, 0],
  );
  const names = new Set(tree.snapshot().map((row) => row.thread));
  t.equal(names.size, 3);
  for (const name of names) t.match(name, /^(main|pool-\d+)$/);
});

t.test("trees with different pools share no thread, and no name of one", async (t) => {
  await using one = await startResidents([resident("a", "pool")], { pool: { size: 1 } });
  await using other = await startResidents([resident("a", "pool")], { pool: { size: 1, stack: "8M" } });
  t.not(await find(one, "a").call.thread(), await find(other, "a").call.thread());
  const names = [one, other].map((tree) => tree.snapshot()[1]?.thread);
  t.match(names, [/^pool-\d+$/, /^pool-\d+$/]);
  t.equal(new Set(names).size, 2);
});

t.test("the heap of a pool is each thread's: out of it, exactly its actors end", async (t) => {
  const children = ["a", "b", "c"].map((id) => resident(id, "pool"));
  await using tree = await startResidents(children, { pool: { size: 2, heap: { old: "64M", young: "8M" } } });
  const ends = ["a", "c"].map((id) => whenEnded(find(tree, id) as never));
  find(tree, "a").cast.eat();
  t.strictSame(await Promise.all(ends), [{ limit: "memory" }, { limit: "memory" }]);
  t.equal(await find(tree, "b").call.echo(1), 1);
});

t.test("the stack of an own thread is as deep as it says", async (t) => {
  await using tree = await startResidents([
    starter("a", "own", { stack: "1M" }),
    starter("b", "own", { stack: "16M" }),
  ]);
  const [shallow, deep] = [await find<Starter>(tree, "a").call.depth(), await find<Starter>(tree, "b").call.depth()];
  t.ok(deep > 8 * shallow, `${deep} calls and ${shallow}`);
});

const refused: Record<string, [ChildSpecInput, RegExp]> = {
  "a stack without a thread of one's own": [resident("a", "pool", { stack: "8M" }), /app\/a.stack: got a size/],
  "a heap that is too small": [resident("a", "own", { heap: { young: "64K" } }), /app\/a.heap.young: .*from 1M/],
  "a pool below the root": [{ supervisor: "s", pool: { size: 2 }, children: [] }, /app\/s.pool: .*at the root only/],
  "a class below a supervisor with a thread": [
    { supervisor: "s", thread: "own", children: [{ actor: "a", class: Counter }] },
    /app\/s\/a.class: a class cannot cross/,
  ],
};
for (const [what, [child, message]] of Object.entries(refused)) {
  t.test(`${what} is refused in one sentence`, async (t) => {
    await t.rejects(startResidents([child]), { code: "ERR_CONFIG", message });
  });
}

t.test("a pool of no threads, or of more than 64, is refused, and so is a root with a thread", async (t) => {
  for (const size of [0, 65, 1.5]) await t.rejects(startResidents([], { pool: { size } }), { message: /1 to 64/ });
  await t.rejects(startResidents([], { thread: "own" }), { message: /app.thread: got own, allowed is main/ });
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

t.test("stopped, a tree leaves no address behind that other threads had for it", async (t) => {
  const known = () => threadsOfProcess().board.exported.size;
  const before = known();
  const s = { supervisor: "s", thread: "own" as const, children: [starter("b", "pool")] };
  const tree = await startResidents([starter("a", "own"), starter("m"), s]);
  const end = await sys.trace(tree.whereis("a") as never, () => {});
  t.ok(known() > before);
  end();
  await tree.stop();
  t.equal(known(), before);
});

t.test("stopped, no thread, port or handle is left", async (t) => {
  const before = process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate");
  const tree = await startResidents([resident("a", "own"), resident("b", "own")]);
  await tree.stop();
  const after = process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate");
  t.strictSame(after.sort(), before.sort());
});

const residentModule = `${actorsFolder}/resident.mjs#Resident`;
const threadedProgram = `import { start } from "copal";
  const tree = await start({ supervisor: "app", children: [{ actor: "a", thread: "own", module: ${JSON.stringify(residentModule)} }] });
  console.log(await tree.whereis("a").call.thread() > 0);
  await tree.stop();`;

t.test("a program whose Node was given options of V8 has threads like any other", async (t) => {
  const program = join(t.testdir({ "app.mjs": threadedProgram }), "app.mjs");
  const { stdout } = await promisify(execFile)(process.execPath, ["--max-old-space-size=200", program]);
  t.equal(stdout, "true\n");
});

t.test("a program given as text on the command line has threads like any other", async (t) => {
  for (const how of [
    ["--input-type=module", "-e", threadedProgram],
    ["--input-type", "module", "--no-warnings", "-e", threadedProgram],
    ["--max-old-space-size=200", "--input-type=module", "-e", threadedProgram],
  ]) {
    const { stdout } = await promisify(execFile)(process.execPath, how);
    t.equal(stdout, "true\n");
  }
});
