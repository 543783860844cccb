import { Actor, isCopalError, start, type Tree } from "copal";
import t, { type Test } from "tap";
import { ControlRequests } from "#src/app/control-requests.js";
import { eventually } from "../support/eventually.js";

class Idle extends Actor {
  crash(): never {
    throw new Error("as asked");
  }
}

const idle = (actor: string, more: object = {}) => ({ actor, class: Idle, ...more });

async function app(t: Test, spec: Parameters<typeof start>[0]): Promise<{ tree: Tree; control: ControlRequests }> {
  const tree = await start(spec);
  t.teardown(() => tree.stop());
  return { tree, control: new ControlRequests(tree) };
}

/** Crashes a child and waits until `watched` is another incarnation. */
async function crash(tree: Tree, id: string, watched = id): Promise<void> {
  const before = tree.whereis(watched);
  await tree
    .whereis<Idle>(id)
    ?.call.crash()
    .catch((error) => isCopalError(error));
  await eventually(() => tree.whereis(watched) !== undefined && tree.whereis(watched) !== before);
}

const stateOf = (tree: Tree, path: string) => tree.snapshot().find((row) => row.path === path)?.state;

t.test("a child that was stopped stays down through its siblings' cascade, until it is started", async (t) => {
  const children = [idle("a"), idle("b"), idle("c")];
  const { tree, control } = await app(t, { supervisor: "app", strategy: "one_for_all", children });
  await control.stop({ id: "b" });
  await crash(tree, "a", "c");
  t.equal(stateOf(tree, "app/b"), "stopped");
  t.match(await control.start({ id: "b" }), { state: "running" });
  await crash(tree, "a", "b");
});

t.test("it stays down when its supervisor is another one", async (t) => {
  for (const restart of ["permanent", "temporary"] as const) {
    const inner = { supervisor: "s", intensity: { max: 0 }, children: [idle("a"), idle("b", { restart })] };
    const { tree, control } = await app(t, { supervisor: "app", children: [inner] });
    await control.stop({ id: "b" });
    await crash(tree, "a");
    t.equal(stateOf(tree, "app/s/b"), "stopped");
    t.match(await control.start({ id: "b" }), { state: "running" });
  }
});

t.test("a restart by request does not hold it", async (t) => {
  const children = [idle("a"), idle("b")];
  const { tree, control } = await app(t, { supervisor: "app", strategy: "one_for_all", children });
  t.match(await control.restart({ id: "b" }), { state: "running" });
  await crash(tree, "a", "b");
  t.equal(stateOf(tree, "app/b"), "running");
});

t.test("a child that waits can be started at once, and be stopped", async (t) => {
  const backoff = { initial: "1h", max: "1h" };
  const { tree, control } = await app(t, { supervisor: "app", children: [idle("a", { backoff })] });
  for (const request of ["start", "stop"] as const) {
    await tree
      .whereis<Idle>("a")
      ?.call.crash()
      .catch((error) => isCopalError(error));
    await eventually(() => stateOf(tree, "app/a") === "backoff");
    t.match(await control[request]({ id: "a" }), { state: request === "start" ? "running" : "stopped" });
  }
});
