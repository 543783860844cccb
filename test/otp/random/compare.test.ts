import t from "tap";
import { requireProgram } from "../../support/require-program.js";
import { compareRun, compareRuns, replayed, type Side } from "./compare.js";
import { runOnCopal } from "./copal.js";
import { Erlang } from "./erlang.js";
import { costOf } from "./smaller-runs.js";
import type { Child, Run, Supervisor, Worker } from "./tree.js";

/** A Copal whose rest_for_one is broken: it restarts one child only. */
const broken: Side = (runs) => runOnCopal(runs.map(withoutRest));

function withoutRest({ root, events }: Run): Run {
  const mend = <T extends Supervisor | Worker>(body: T): T =>
    body.is === "worker" ? body : { ...body, strategy: mended(body.strategy), children: body.children.map(mendChild) };
  const mendChild = (child: Child): Child => ({ ...child, body: mend(child.body) });
  return { root: mend(root), events };
}

function mended(strategy: Supervisor["strategy"]): Supervisor["strategy"] {
  return strategy === "rest_for_one" ? "one_for_one" : strategy;
}

t.test("Copal does what a live Erlang does", async (t) => {
  if (!requireProgram(t, "erl", "erlang-base")) return;
  const erlang = await Erlang.prepare();
  t.teardown(() => erlang.close());
  t.strictSame(await compareRuns({ expected: (runs) => erlang.run(runs), got: runOnCopal }, 1, 200), []);
});

const sides = { expected: runOnCopal, got: broken };
let comparing: ReturnType<typeof compareRuns> | undefined;

/** What comes of comparing the two, found out once; not at the same time as another comparison, since reports go to all who listen. */
function found(): ReturnType<typeof compareRuns> {
  comparing ??= compareRuns(sides, 1, 30, 1);
  return comparing;
}

t.test("a broken strategy is found, and shrunk to the smallest run that shows it", async (t) => {
  const [first] = await found();
  if (!first) throw new Error("nothing was found");
  const { root, events } = first.run;
  t.equal(root.strategy, "rest_for_one");
  t.equal(root.intensity, 1);
  const added = events.filter((event) => event.do === "call" && event.call === "start_child");
  t.equal(root.children.length + added.length, 2, "one that ends, and one that was started after it");
  t.equal(events.length - added.length, 1, "the end of the first");
  t.ok(costOf(first.run) < 400);
  const starts = (lines: readonly string[]) => lines.filter((line) => line.startsWith("start "));
  t.strictSame([starts(first.expected).length, starts(first.got).length], [2, 1]);
});

t.test("what was found is found again under its name", async (t) => {
  const [first] = await found();
  if (!first) throw new Error("nothing was found");
  t.strictSame(replayed(first.replay), first.run);
  t.strictSame(await compareRun(sides, first.replay), first);
  t.equal(await compareRun({ expected: runOnCopal, got: runOnCopal }, first.replay), undefined);
});

t.test("one wrong line in one trace is found", async (t) => {
  const lying: Side = async (runs) => {
    const traces = [...(await runOnCopal(runs))];
    return traces.map((trace) => trace.map((line) => line.replace(/^ended a#2 x$/, "ended a#2 y")));
  };
  const [first] = await compareRuns({ expected: runOnCopal, got: lying }, 1, 60, 1);
  t.ok(first?.expected.includes("ended a#2 x"));
  t.ok(first?.got.includes("ended a#2 y"));
});

t.test("a run of no such name is refused", async (t) => {
  for (const replay of ["", "1", "x:1", "1:x", "-1:1", "1:0:99999999"])
    t.throws(() => replayed(replay), { message: /no run/ });
});
