import t, { type Test } from "tap";
import { cellOf } from "#src/actors/address.js";
import { exitActor, stopActor, whenEnded } from "#src/actors/exit-actor.js";
import { sendExit } from "#src/actors/link.js";
import { isAlive, Runtime } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ActorRef } from "#src/ref.js";
import type { StartContext } from "#src/supervisor/child-spec.js";
import type { DynamicSupervisorSpec, DynamicTemplate } from "#src/supervisor/dynamic-spec.js";
import { type DynamicSupervisor, startDynamicSupervisor } from "#src/supervisor/dynamic-supervisor.js";
import { supervisorSnapshot } from "#src/supervisor/snapshot.js";
import { Counter, doing, gate, Puppet, puppet, settle } from "../support/actors.js";
import { reportsDuring } from "../support/reports.js";
import { VirtualClock } from "../support/virtual-clock.js";

// A hundred thousand children take seconds, and a busy machine has few of them.
t.setTimeout(300_000);

const crash = { error: { name: "Error", message: "crash" } } as const;
type Plan = ("up" | "ignore" | "fail" | "info")[];

/** A template of puppets whose starts go by `plan`, the last for ever. */
function template(more: Partial<DynamicTemplate> = {}, plan: Plan = ["up"]): DynamicTemplate {
  const start = async ({ parent, path, signal }: StartContext) => {
    const outcome = plan.length > 1 ? plan.shift() : plan[0];
    if (outcome === "ignore") return "ignore";
    if (outcome === "fail") throw new RangeError("no");
    const ref = (await startActor(parent, { class: Puppet, id: path, signal })) as ActorRef<unknown> as ActorRef;
    return outcome === "info" ? { ref, info: 7 } : ref;
  };
  return { start, ...more };
}

const dynamic = (spec: DynamicSupervisorSpec) => startDynamicSupervisor(null, { path: "pool", ...spec });

/** Starts a child that is a puppet. */
async function add(root: ActorRef<DynamicSupervisor>): Promise<ActorRef<Puppet>> {
  return (await root.call.startChild()) as ActorRef<unknown> as ActorRef<Puppet>;
}

async function end(ref: ActorRef<Puppet>, reason: "normal" | "shutdown" | typeof crash = crash): Promise<void> {
  await doing(ref, (hands) => hands.exit(reason));
  await whenEnded(ref);
}

t.test("it starts without children, and startChild gives what the start gave", async (t) => {
  const root = await dynamic({ template: template({}, ["up", "info", "ignore", "fail"]) });
  t.strictSame(await root.call.countChildren(), { specs: 1, active: 0, supervisors: 0, workers: 0 });
  t.equal(isAlive(await add(root)), true);
  t.match(await root.call.startChild(), { info: 7 });
  t.equal(await root.call.startChild(), undefined);
  await t.rejects(root.call.startChild(), { code: "ERR_START", reason: { error: { name: "RangeError" } } });
  t.strictSame(await root.call.countChildren(), { specs: 1, active: 2, supervisors: 0, workers: 2 });
});

t.test("arguments: the supervisor's own come before those of startChild", async (t) => {
  const seen: unknown[] = [];
  const start = async (_context: StartContext, ...args: unknown[]) => {
    seen.push(args);
    return "ignore" as const;
  };
  const root = await dynamic({ template: { start }, extraArguments: ["x"] });
  await root.call.startChild("y", "z");
  t.strictSame(seen, [["x", "y", "z"]]);
});

t.test("a child in the config's shape is started with its own args and those of startChild", async (t) => {
  const root = await dynamic({ template: { actor: "n", class: Counter, restart: "transient", shutdown: 50 } });
  const counter = (await root.call.startChild()) as ActorRef<unknown> as ActorRef<Counter>;
  t.equal(await counter.call.add(2), 2);
  t.match(await root.call.getChildSpec(counter as never), { restart: "transient", shutdown: 50, type: "worker" });
});

t.test("without a template each child has a specification of its own", async (t) => {
  const root = await dynamic({});
  await root.call.startChild(template({ restart: "temporary" }));
  await root.call.startChild({ actor: "n", class: Counter });
  await root.call.startChild({ ...template(), type: "supervisor" });
  t.strictSame(await root.call.countChildren(), { specs: 3, active: 3, supervisors: 1, workers: 2 });
  await t.rejects(root.call.startChild({ restart: "always" }), { code: "ERR_CHILD_SPEC", field: "start" });
  await t.rejects(root.call.startChild(), { code: "ERR_CHILD_SPEC", field: "child spec" });
});

for (const [field, spec] of [
  ["intensity.max", { intensity: { max: -1, withinMs: 1 } }],
  ["autoShutdown", { autoShutdown: "often" }],
  ["autoShutdown", { autoShutdown: "any_significant" }],
  ["maxChildren", { maxChildren: -1 }],
  ["extraArguments", { extraArguments: "x" }],
  ["template", { template: [] }],
  ["start", { template: {} }],
  ["significant", { template: { ...template(), significant: true } }],
] as [string, object][]) {
  t.test(`${JSON.stringify(spec)} is refused for its ${field}`, async (t) => {
    await t.rejects(dynamic(spec), { code: "ERR_CHILD_SPEC", field });
  });
}

t.test("maxChildren counts those that are restarting too", async (t) => {
  const root = await dynamic({ maxChildren: 1, intensity: "unlimited", template: template({}, ["up", "fail"]) });
  const ref = await add(root);
  await t.rejects(root.call.startChild(), { code: "ERR_CHILD_STATE", state: "max_children" });
  await end(ref);
  await t.rejects(root.call.startChild(), { code: "ERR_CHILD_STATE", state: "max_children" });
  await root.call.terminateChild(ref as never);
  await t.rejects(root.call.startChild(), { code: "ERR_START" });
});

t.test("a crashed child is started again with its arguments, and has a new ref", async (t) => {
  const seen: unknown[] = [];
  const { start } = template();
  const noting = (context: StartContext, ...args: never[]) => {
    seen.push(args);
    return start(context);
  };
  const root = await dynamic({ template: { start: noting } });
  const ref = (await root.call.startChild("a")) as ActorRef<unknown> as ActorRef<Puppet>;
  await end(ref);
  await settle();
  t.strictSame(seen, [["a"], ["a"]]);
  const [{ child } = { child: undefined }] = await root.call.whichChildren();
  t.not(child, ref);
  t.match(supervisorSnapshot(root as never)?.budget, { used: 1, max: 3 });
});

t.test("a transient child that ends normally, and a temporary one, are forgotten", async (t) => {
  const root = await dynamic({});
  for (const restart of ["transient", "temporary"] as const) {
    const ref = (await root.call.startChild(template({ restart }))) as ActorRef<unknown> as ActorRef<Puppet>;
    await end(ref, restart === "transient" ? "shutdown" : crash);
    await settle();
  }
  t.match(await root.call.countChildren(), { specs: 0 });
});

t.test("a start that keeps failing is restarting, goes by its old ref, and terminateChild calls it off", async (t) => {
  const root = await dynamic({ intensity: "unlimited", template: template({}, ["up", "fail"]) });
  const ref = await add(root);
  await end(ref);
  t.match(await root.call.whichChildren(), [{ child: "restarting" }]);
  t.match(await root.call.countChildren(), { active: 0, workers: 1 });
  await root.call.terminateChild(ref as never);
  t.strictSame(await root.call.whichChildren(), []);
  t.strictSame(await root.call.countChildren(), { specs: 1, active: 0, supervisors: 0, workers: 0 });
});

t.test("a restart that says ignore forgets the child, and the supervisor goes on", async (t) => {
  const root = await dynamic({ template: template({}, ["up", "ignore"]) });
  await end(await add(root));
  await settle();
  t.strictSame(await root.call.whichChildren(), []);
  t.equal(await stopActor(root as never), "shutdown");
});

t.test("one restart more than allowed ends it with shutdown, and says why", async (t) => {
  const root = await dynamic({ intensity: { max: 1, withinMs: 5_000 }, template: template() });
  const [a, b] = [await add(root), await add(root)];
  await end(a);
  await end(b);
  t.equal(await whenEnded(root as never), "shutdown");
  t.match(supervisorSnapshot(root as never)?.exhaustion, { path: "pool", child: "pool/child.2", max: 1 });
});

t.test(
  "terminateChild: with a template a ref that has ended is fine, one that lives elsewhere is not found",
  async (t) => {
    const root = await dynamic({ template: template() });
    const ref = await add(root);
    await root.call.terminateChild(ref as never);
    t.equal(cellOf(ref).hasEnded, true);
    await root.call.terminateChild(ref as never);
    await t.rejects(root.call.terminateChild((await puppet()) as never), {
      code: "ERR_CHILD_STATE",
      state: "not_found",
    });
    for (const refused of [root.call.restartChild(), root.call.deleteChild(), root.call.terminateChild("a" as never)]) {
      await t.rejects(refused, { code: "ERR_CHILD_STATE", state: "simple_one_for_one" });
    }
    const other = await dynamic({});
    await t.rejects(other.call.terminateChild(ref as never), { code: "ERR_CHILD_STATE", state: "not_found" });
  },
);

t.test("an exit signal in the name of a child that lives makes no second one", async (t) => {
  const root = await dynamic({ template: template() });
  const ref = await add(root);
  sendExit(cellOf(root), ref as never, crash, "order");
  await settle();
  t.match(await root.call.whichChildren(), [{ child: ref }]);
});

t.test("all_significant ends it when the last child has ended by itself", async (t) => {
  const root = await dynamic({
    autoShutdown: "all_significant",
    template: template({ restart: "temporary", significant: true }),
  });
  const [a, b] = [await add(root), await add(root)];
  await end(a);
  await settle();
  t.equal(isAlive(root as never), true);
  await end(b, "normal");
  t.equal(await whenEnded(root as never), "shutdown");
});

t.test("its children are stopped at the same time, with one timer", async (t) => {
  const clock = new VirtualClock();
  const root = await dynamic({ template: template({ shutdown: 100 }), runtime: new Runtime({ clock }) });
  const refs = [await add(root), await add(root), await add(root)];
  for (const ref of refs) {
    await doing(ref, (hands) => hands.trap());
    await ref.call.onTerminate(() => gate().passed);
  }
  const before = clock.timers;
  const stopped = stopActor(root as never, { shutdown: "infinity" });
  await settle();
  t.equal(clock.timers, before + 1);
  clock.advance(100);
  t.equal(await stopped, "shutdown");
  t.strictSame(await Promise.all(refs.map((ref) => whenEnded(ref as never))), ["killed", "killed", "killed"]);
});

t.test("children that did not stop as asked are reported together, by reason", async (t) => {
  const root = await dynamic({ template: template({ id: "w" }) });
  const refs = [await add(root), await add(root), await add(root)];
  for (const ref of refs.slice(0, 2)) await doing(ref, (hands) => hands.trap());
  for (const ref of refs.slice(0, 2)) exitActor(ref as never, "shutdown");
  const reports = await reportsDuring(async () => {
    for (const ref of refs) exitActor(ref as never, "kill");
    exitActor(root as never, "shutdown");
    await whenEnded(root as never);
  });
  t.match(reports, [{ errorContext: "shutdown_error", reason: "killed", offender: { id: "w", count: 3 } }]);
  t.equal(reports.length, 1);
});

t.test("it reports an end, and a restart that fails, but no progress", async (t) => {
  const root = await dynamic({ intensity: { max: 1, withinMs: 5_000 }, template: template({}, ["up", "fail"]) });
  const reports = await reportsDuring(async () => {
    await end(await add(root));
    await whenEnded(root as never);
  });
  t.strictSame(
    reports.map((report) => report.kind === "supervisor_report" && report.errorContext),
    ["child_terminated", "start_error", "shutdown"],
  );
});

t.test("a shutdown calls a start in progress off", async (t) => {
  const start = ({ signal }: StartContext) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("off"))));
  const root = await dynamic({ template: { start } });
  const starting = root.within("infinity").call.startChild();
  await settle();
  t.equal(await stopActor(root as never), "shutdown");
  await t.rejects(starting, { code: "ERR_START" });
});

t.test("100,000 children come, crash, come back and go, none dearer than another", async (t) => {
  const few = await lifeOf(t, 10_000);
  const many = await lifeOf(t, 100_000);
  t.ok(many / 10 < few * 3, `a child costs ${few / 10} µs of CPU among 10,000 and ${many / 100} among 100,000`);
});

/** Milliseconds of CPU for `count` children to live once over: time on the wall depends on the neighbours. */
async function lifeOf(t: Test, count: number): Promise<number> {
  const root = await dynamic({ template: { actor: "n", class: Counter }, intensity: "unlimited" });
  const begun = process.cpuUsage();
  const refs = await Promise.all(
    Array.from({ length: count }, () => root.within("infinity").call.startChild() as Promise<ActorRef>),
  );
  for (const ref of refs) exitActor(ref, "kill");
  const counted = await root.within("infinity").call.countChildren();
  t.match(counted, { active: count });
  const [{ child } = { child: undefined }] = await root.within("infinity").call.whichChildren();
  t.notOk(refs.includes(child as ActorRef));
  const again = (await root.within("infinity").call.whichChildren()).map((one) => one.child as ActorRef);
  await Promise.all(again.slice(0, count / 2).map((ref) => root.within("infinity").call.terminateChild(ref)));
  await stopActor(root as never, { shutdown: "infinity" });
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1_000;
}
