import { Actor, type TreeSpec } from "copal";
import fc from "fast-check";
import t from "tap";
import { type Shutdown, stopActor } from "#src/actors/exit-actor.js";
import { Runtime } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import { checkTree } from "#src/app/check-tree.js";
import { sourceOf } from "#src/app/load.js";
import { type PlannedNode, type PlannedSupervisor, planTree } from "#src/app/plan.js";
import { planWarnings, stopBudgetMs } from "#src/app/stop-budget.js";
import type { ActorRef } from "#src/ref.js";
import type { ChildSpec, StartContext } from "#src/supervisor/child-spec.js";
import { startSupervisor } from "#src/supervisor/supervisor.js";
import { type Hands, Puppet, settle } from "../support/actors.js";
import { VirtualClock } from "../support/virtual-clock.js";

function planOf(children: readonly object[], more: object = {}) {
  const source = sourceOf({ supervisor: "a", children, ...more } as TreeSpec, "/");
  return planTree(checkTree(source), source, {});
}

const process = (id: string, more: object = {}) => ({ process: id, command: "x", ...more });
const actor = (id: string, more: object = {}) => ({ actor: id, class: Actor, ...more });
const supervisor = (id: string, children: readonly object[], more: object = {}) => ({
  supervisor: id,
  children,
  ...more,
});

const budgets: readonly [claim: string, children: readonly object[], ms: number][] = [
  ["nothing takes nothing", [], 0],
  ["a process takes its grace and a second", [process("p")], 6_000],
  ["its own shutdown counts", [process("p", { shutdown: "2s" })], 2_000],
  ["with infinity it is its stop plan that counts", [process("p", { shutdown: "infinity" })], 5_000],
  ["an actor has five seconds", [actor("q")], 5_000],
  ["an actor with infinity may take for ever", [actor("q", { shutdown: "infinity" })], Number.POSITIVE_INFINITY],
  ["a brutal kill takes nothing", [actor("q", { shutdown: "brutal_kill" })], 0],
  ["children add up", [process("p"), actor("q")], 11_000],
  ["instances add up", [process("p", { instances: 3 })], 18_000],
  ["nested ones too", [supervisor("s", [process("p"), actor("q")]), actor("r")], 16_000],
  [
    "a supervisor that is killed waits for its slowest child only",
    [supervisor("s", [actor("q"), actor("r"), actor("u")], { shutdown: "1s" })],
    6_000,
  ],
  [
    "a supervisor's time that is long enough changes nothing",
    [supervisor("s", [actor("q")], { shutdown: "9s" })],
    5_000,
  ],
];

for (const [claim, children, ms] of budgets) {
  t.test(claim, async (t) => void t.equal(stopBudgetMs(planOf(children)), ms));
}

/** Runs a plan's tree of actors that never end by themselves, and measures its stop on a clock of its own. */
async function measuredStopMs(plan: PlannedSupervisor): Promise<number> {
  const clock = new VirtualClock();
  const root = await startSupervisor(null, {
    path: plan.path,
    children: plan.children.map(stubborn),
    runtime: new Runtime({ clock }),
  });
  const begunMs = clock.nowMs();
  let isOver = false;
  const stopped = stopActor(root, { shutdown: "infinity" }).then(() => {
    isOver = true;
  });
  // Timers of no length follow from one another: they are all let go before time moves.
  for (let turn = 1; !isOver; turn++) {
    await settle();
    if (!isOver) clock.advance(turn % 10 === 0 ? 50 : 0);
  }
  await stopped;
  return clock.nowMs() - begunMs;
}

function supervisorOf(id: string, children: readonly ChildSpec[], shutdown: Shutdown): ChildSpec {
  const start = async ({ parent, path, signal }: StartContext) =>
    (await startSupervisor(parent, { path, signal, children })) as ActorRef<unknown> as ActorRef;
  return { id, start, shutdown, type: "supervisor" };
}

function stubborn(node: PlannedNode): ChildSpec {
  const { id, shutdown = 5_000 } = node;
  if (node.kind === "supervisor") return supervisorOf(id, node.children.map(stubborn), shutdown);
  const start = async ({ parent, path }: StartContext) => {
    const shutdownMs = shutdown === "brutal_kill" ? 0 : shutdown;
    const ref = await startActor(parent, {
      class: Puppet,
      id: path,
      shutdownMs,
      args: [(hands: Hands) => hands.trap()],
    });
    await ref.call.onTerminate(() => new Promise(() => {}));
    return ref as ActorRef<unknown> as ActorRef;
  };
  return { id, start, shutdown };
}

t.test("no tree of actors that never end takes longer to stop than was said", async () => {
  const time = fc.oneof(fc.constant("brutal_kill"), fc.constantFrom(0, 50, 100, 300));
  const { nodes } = fc.letrec<{ nodes: object[]; node: object }>((tie) => ({
    nodes: fc.array(tie("node"), { maxLength: 3, depthIdentifier: "tree" }),
    node: fc.oneof(
      { depthIdentifier: "tree", maxDepth: 3 },
      time.map((shutdown) => ({ class: Actor, shutdown })),
      fc.record({ children: tie("nodes"), shutdown: fc.oneof(fc.constant("infinity"), time) }),
    ),
  }));
  const named = (children: readonly object[], prefix = "n"): object[] =>
    children.map((child, index) => {
      const id = `${prefix}${index}`;
      const below = (child as { readonly children?: readonly object[] }).children;
      return below ? { ...child, supervisor: id, children: named(below, id) } : { ...child, actor: id };
    });
  await fc.assert(
    fc.asyncProperty(nodes, async (children) => {
      const plan = planOf(named(children));
      return (await measuredStopMs(plan)) <= stopBudgetMs(plan);
    }),
    { numRuns: 60 },
  );
});

const permanentLoop = supervisor("s", [actor("q")], { restart: "transient" });
const warnings: readonly [
  claim: string,
  children: readonly object[],
  more: object,
  wanted: readonly [string, RegExp][],
][] = [
  ["a plain tree has none", [process("p"), supervisor("s", [actor("q")])], {}, []],
  [
    "a supervisor with less time than its children need",
    [supervisor("s", [process("p"), actor("q")], { shutdown: "3s" })],
    {},
    [["a/s", /its `shutdown` is 3s, its children may need 11s/]],
  ],
  [
    "a supervisor that is killed at once",
    [supervisor("s", [actor("q")], { shutdown: "brutal_kill" })],
    {},
    [["a/s", /its `shutdown` is brutal_kill, its children may need 5s/]],
  ],
  ["one that is killed with nothing below it is fine", [supervisor("s", [], { shutdown: "brutal_kill" })], {}, []],
  [
    "an auto-shutdown without a significant child",
    [actor("q")],
    { autoShutdown: "any_significant" },
    [["a", /`autoShutdown: any_significant` never happens/]],
  ],
  [
    "a significant supervisor that never ends by itself",
    [supervisor("s", [actor("q")], { restart: "transient", significant: true, intensity: "unlimited" })],
    { autoShutdown: "all_significant" },
    [["a/s", /`significant` and never ends by itself/]],
  ],
  ["a transient supervisor that gives up", [permanentLoop], {}, [["a/s", /stays down; say `restart: permanent`/]]],
  [
    "not so if its end is significant",
    [{ ...permanentLoop, significant: true }],
    { autoShutdown: "any_significant" },
    [],
  ],
  ["nor if it never gives up", [{ ...permanentLoop, intensity: "unlimited" }], {}, []],
  [
    "nor if back-off keeps its children out of the window",
    [supervisor("s", [actor("q", { backoff: {} })], { restart: "transient" })],
    {},
    [],
  ],
  [
    "but if the back-off has attempts",
    [supervisor("s", [actor("q", { backoff: { attempts: 3 } })], { restart: "transient" })],
    {},
    [["a/s", /gives up with `shutdown`/]],
  ],
];

for (const [claim, children, more, wanted] of warnings) {
  t.test(`warning: ${claim}`, async (t) => {
    const got = planWarnings(planOf(children, more));
    t.match(
      got,
      wanted.map(([path, text]) => ({ path, text })),
    );
    t.equal(got.length, wanted.length);
  });
}
