/**
 * The tree's ids, looked up in any of its threads.
 */
import t from "tap";
import { whereis } from "#src/actors/local-names.js";
import { eventually } from "#src/testing/eventually.js";
import { find, type Starter, starter, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

const children = () => [
  starter("a", "own"),
  starter("b", "pool"),
  starter("c", "main"),
  { supervisor: "s", thread: "own" as const, children: [starter("d")] },
];

t.test("whereis finds the tree's actors of all threads, in every thread, as the one ref they have", async (t) => {
  await using tree = await startResidents(children());
  for (const from of ["a", "b", "c", "d"])
    for (const id of ["a", "app/b", "c", "s/d", "app/s"])
      t.equal(await find<Starter>(tree, from).call.find(id), tree.whereis(id), `${id} from ${from}`);
  t.equal(whereis("d"), tree.whereis("d"));
});

t.test("an id that names nothing, or more than one, is nobody", async (t) => {
  await using tree = await startResidents([...children(), { supervisor: "s2", children: [starter("d")] }]);
  for (const id of ["nobody", "d", ""]) t.equal(await find<Starter>(tree, "a").call.find(id), undefined);
});

t.test("a name stands for the new incarnation once the tree has it, and for nobody in between", async (t) => {
  await using tree = await startResidents(children());
  const [a, b, d] = [find<Starter>(tree, "a"), find<Starter>(tree, "b"), find<Starter>(tree, "d")];
  for (const id of ["c", "d"]) {
    const old = find<Starter>(tree, id);
    old.cast.crash("boom");
    const fresh = await eventually(() => (tree.whereis(id) === (old as unknown) ? undefined : tree.whereis(id)));
    // What the main thread knows it has told before it says anything else.
    for (const other of [a, b]) t.equal(await other.call.find(id), fresh, `${id} as another thread knows it`);
  }
  t.not(find(tree, "d"), d);
});

t.test("what a child was stopped as is nobody in every thread", async (t) => {
  await using tree = await startResidents(children());
  const s = tree.whereis("s");
  await s?.call.terminateChild?.("d");
  t.equal(await find<Starter>(tree, "a").call.find("d"), undefined);
  t.equal(whereis("d"), undefined);
});

t.test("an actor of a thread starts a process whose output goes to an actor of another by its id", async (t) => {
  await using tree = await startResidents(children());
  const spec = { process: "p", command: "echo hello; exec sleep 60", stdout: { to: "c", method: "note" } };
  await find<Starter>(tree, "a").call.startChild(spec);
  t.strictSame(await eventually(async () => (await find(tree, "c").call.heard())[0]), "hello");
});

t.test("a tree that has stopped is found by nobody", async (t) => {
  const tree = await startResidents([starter("a", "main")]);
  t.ok(whereis("app/a"));
  await tree.stop();
  t.equal(whereis("app/a"), undefined);
});
