import t from "tap";
import { firstParting } from "./trace.js";
import type { Run, Supervisor } from "./tree.js";

function run(strategy: Supervisor["strategy"] = "one_for_one"): Run {
  const root = { is: "supervisor", strategy, intensity: 1, autoShutdown: "never", children: [] } as const;
  return { root, events: [] };
}

const trace = ["> begin", "start a#1 ok normal", "start b#1 ok normal", "> stop a x", "term a#1 x", "ended a#1 x"];

t.test("equal traces do not part", async (t) => {
  t.equal(firstParting(run(), trace, trace), undefined);
});

t.test("traces part at the first event whose lines differ in anything", async (t) => {
  const other = trace.with(4, "term a#1 y");
  t.strictSame(firstParting(run(), trace, other), {
    event: "> stop a x",
    expected: ["term a#1 x", "ended a#1 x"],
    got: ["term a#1 y", "ended a#1 x"],
  });
});

t.test("traces part where lines change places", async (t) => {
  const other = trace.with(1, "start b#1 ok normal").with(2, "start a#1 ok normal");
  t.match(firstParting(run(), trace, other), { event: "> begin" });
});

t.test("traces part where one goes on and the other does not", async (t) => {
  t.match(firstParting(run(), trace, trace.slice(0, 3)), { event: "> stop a x", got: [] });
  t.match(firstParting(run(), trace.slice(0, 3), trace), { event: "> stop a x", expected: [] });
});

t.test("what the children of a killed supervisor say has no order, but must be said", async (t) => {
  const step = (...said: string[]) => ["> signal a kill", ...said, "ended a#1 killed"];
  const [one, other] = [step("term aa#1 killed", "term ab#1 killed"), step("term ab#1 killed", "term aa#1 killed")];
  t.equal(firstParting(run(), one, other), undefined);
  t.match(firstParting(run(), one, step("term aa#1 killed")), { event: "> signal a kill" });
});

t.test("what others than its children say then keeps its order", async (t) => {
  const step = (...said: string[]) => ["> signal a kill", ...said, "ended a#1 killed"];
  const [one, other] = [step("term b#1 shutdown", "term c#1 shutdown"), step("term c#1 shutdown", "term b#1 shutdown")];
  t.match(firstParting(run(), one, other), { event: "> signal a kill" });
});

t.test("the children of a simple_one_for_one end in no order, those of another in one", async (t) => {
  const one = ["> exit shutdown", "term i#1 shutdown", "term j#1 shutdown", "ended r#1 shutdown"];
  const other = ["> exit shutdown", "term j#1 shutdown", "term i#1 shutdown", "ended r#1 shutdown"];
  t.equal(firstParting(run("simple_one_for_one"), one, other), undefined);
  t.match(firstParting(run("rest_for_one"), one, other), { event: "> exit shutdown" });
});

t.test("a report of a failed start is about a child, one of an end about an incarnation", async (t) => {
  const step = (report: string) => ["> stop a x", report];
  t.equal(firstParting(run(), step("report start_error x a a#1"), step("report start_error x a none")), undefined);
  t.match(firstParting(run(), step("report start_error x a a#1"), step("report start_error y a a#1")), {});
  const [one, other] = [step("report child_terminated x a a#1"), step("report child_terminated x a a#2")];
  t.match(firstParting(run(), one, other), { event: "> stop a x" });
});
