import fc from "fast-check";
import t from "tap";
import { arbitraryRun } from "./generate.js";
import type { Child, Event, Run, Supervisor, Worker } from "./tree.js";

const runs = fc.sample(arbitraryRun(), { seed: 1, numRuns: 3_000 });

function supervisorsIn(body: Supervisor | Worker, depth = 1): { readonly spec: Supervisor; readonly depth: number }[] {
  if (body.is === "worker") return [];
  return [{ spec: body, depth }, ...body.children.flatMap((child) => supervisorsIn(child.body, depth + 1))];
}

function childrenIn(run: Run): Child[] {
  return supervisorsIn(run.root).flatMap(({ spec }) => spec.children);
}

function stepsIn({ events }: Run): Event[] {
  return events.flatMap((event): readonly Event[] => (event.do === "together" ? [event, ...event.steps] : [event]));
}

/** The different values of `what`, sorted. */
function seen(what: (run: Run) => readonly unknown[]): string[] {
  return [...new Set(runs.flatMap((run) => what(run).map(String)))].sort();
}

t.test("the same seed gives the same runs", async (t) => {
  const text = (seed: number) => JSON.stringify(fc.sample(arbitraryRun(), { seed, numRuns: 50 }));
  t.equal(text(1), JSON.stringify(runs.slice(0, 50)));
  t.notOk(text(1) === text(2));
});

t.test("every strategy, intensity and depth comes up", async (t) => {
  const all = (run: Run) => supervisorsIn(run.root);
  t.strictSame(
    seen((run) => all(run).map(({ spec }) => spec.strategy)),
    ["one_for_all", "one_for_one", "rest_for_one", "simple_one_for_one"],
  );
  t.strictSame(
    seen((run) => all(run).map(({ spec }) => spec.autoShutdown)),
    ["all_significant", "any_significant", "never"],
  );
  t.strictSame(
    seen((run) => all(run).map(({ spec }) => spec.intensity)),
    ["0", "1", "2", "3", "4", "5"],
  );
  t.strictSame(
    seen((run) => all(run).map(({ depth }) => depth)),
    ["1", "2", "3"],
  );
  t.strictSame(
    seen((run) => [run.root.children.length]),
    ["1", "2", "3", "4", "5"],
  );
});

t.test("every kind of child comes up", async (t) => {
  const of = (field: (child: Child) => unknown) => seen((run) => childrenIn(run).map(field));
  t.strictSame(
    of(({ restart, significant }) => `${restart} ${significant}`),
    ["permanent false", "temporary false", "temporary true", "transient false", "transient true"],
  );
  t.strictSame(
    of(({ shutdown }) => shutdown),
    ["1", "2", "60000", "brutal_kill", "infinity"],
  );
  t.strictSame(
    of(({ type, body }) => `${type} ${body.is}`),
    ["supervisor supervisor", "supervisor worker", "worker supervisor", "worker worker"],
  );
});

t.test("every outcome of a start comes up", async (t) => {
  t.strictSame(
    seen((run) => childrenIn(run).flatMap(({ plan }) => plan.map(({ comes }) => comes))),
    ["dead", "error", "ignore", "info", "init_raise", "init_stop", "ok", "raise", "throw"],
  );
});

t.test("every event comes up, alone and together with others", async (t) => {
  const kinds = (events: readonly Event[]) => events.map((event) => (event.do === "call" ? event.call : event.do));
  const steps = [
    "count_children",
    "delete_child",
    "get_childspec",
    "raise",
    "restart_child",
    "signal",
    "start_child",
    "start_instance",
    "stop",
    "terminate_child",
    "which_children",
  ];
  t.strictSame(
    seen((run) => kinds(run.events)),
    [...steps, "change", "exit", "together"].sort(),
  );
  t.strictSame(
    seen((run) => run.events.flatMap((event) => (event.do === "together" ? kinds(event.steps) : []))),
    steps,
  );
});

t.test("every reason comes up as that of a stop, of a signal and of a parent's exit", async (t) => {
  const reasons = ["kill", "normal", "shutdown", "x", "y", "{shutdown,x}"];
  for (const kind of ["stop", "signal", "exit"]) {
    const of = (run: Run) =>
      stepsIn(run).flatMap((event) => (event.do === kind && "reason" in event ? [event.reason] : []));
    t.strictSame(seen(of), reasons, kind);
  }
});

t.test("no two children of a run have one id", async (t) => {
  const hasTwins = (run: Run) => {
    const ids = childrenIn(run).map(({ id }) => id);
    return new Set(ids).size < ids.length;
  };
  t.strictSame(runs.filter(hasTwins), []);
});

t.test("nothing is generated whose outcome would hang on time", async (t) => {
  const hangs = ({ shutdown, body }: Child) => {
    if (body.is === "supervisor") return typeof shutdown === "number";
    const isDeaf = body.traps && body.ending === "deaf";
    return isDeaf ? shutdown === "infinity" || shutdown === 60_000 : shutdown === 1 || shutdown === 2;
  };
  t.strictSame(runs.flatMap(childrenIn).filter(hangs), []);
});
