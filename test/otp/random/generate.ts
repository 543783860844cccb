/**
 * Generates runs: fast-check makes a shape, in which every part is free of every other, and `runOf` makes a run of it. Knows nothing of how a run
 * is made to happen, nor of how one is made smaller.
 */
import fc from "fast-check";
import { type ChildShape, type EventShape, runOf, type StepShape, type SupervisorShape } from "./run-of.js";
import type { Child, Outcome, Reason, Run, Supervisor, Worker } from "./tree.js";

const reasons: readonly Reason[] = ["x", "normal", "shutdown", "{shutdown,x}", "y", "kill"];
const startReasons: readonly Reason[] = ["x", "y", "normal", "shutdown", "{shutdown,x}"];

/** The arbitrary of all runs. */
export function arbitraryRun(): fc.Arbitrary<Run> {
  const inmost = childShape(workerShape());
  const inner = childShape(bodyShape(inmost, 3));
  const outer = childShape(bodyShape(inner, 3));
  return record({
    root: supervisorShape(outer, 5),
    events: fc.array(eventShape(inner), { minLength: 1, maxLength: 12 }),
  }).map(runOf);
}

function workerShape(): fc.Arbitrary<Worker> {
  return record({
    is: fc.constant("worker"),
    traps: fc.boolean(),
    ending: weighted<Worker["ending"]>([8, "returns"], [1, "raises"], [1, "deaf"]),
  });
}

function supervisorShape(child: fc.Arbitrary<ChildShape>, most: number): fc.Arbitrary<SupervisorShape> {
  return record({
    is: fc.constant("supervisor"),
    strategy: weighted<Supervisor["strategy"]>(
      [3, "one_for_one"],
      [3, "one_for_all"],
      [3, "rest_for_one"],
      [2, "simple_one_for_one"],
    ),
    intensity: fc.integer({ min: 0, max: 5 }),
    isAllSignificant: weighted([5, false], [1, true]),
    autoShutdown: weighted<Supervisor["autoShutdown"]>([3, "never"], [1, "any_significant"], [1, "all_significant"]),
    children: fc.array(child, { minLength: 1, maxLength: most }),
  });
}

function bodyShape(child: fc.Arbitrary<ChildShape>, most: number): fc.Arbitrary<Worker | SupervisorShape> {
  return fc.oneof({ weight: 3, arbitrary: workerShape() }, { weight: 1, arbitrary: supervisorShape(child, most) });
}

function childShape(body: fc.Arbitrary<Worker | SupervisorShape>): fc.Arbitrary<ChildShape> {
  return record({
    restart: weighted<Child["restart"]>([5, "permanent"], [3, "transient"], [2, "temporary"]),
    isSignificant: fc.boolean(),
    shutdown: weighted<ChildShape["shutdown"]>([5, "patient"], [1, "infinity"], [1, "brutal_kill"]),
    isOddType: weighted([9, false], [1, true]),
    plan: fc.oneof(
      { weight: 8, arbitrary: fc.constant([]) },
      // Most come up the first time, or few trees would.
      { weight: 12, arbitrary: fc.array(outcomeShape(), { maxLength: 4 }).map((later) => [up, ...later]) },
      { weight: 1, arbitrary: fc.array(outcomeShape(), { minLength: 1, maxLength: 6 }) },
    ),
    body,
  });
}

const up: Outcome = { comes: "ok", reason: "normal" };

function outcomeShape(): fc.Arbitrary<Outcome> {
  return record({
    comes: weighted<Outcome["comes"]>(
      [4, "ok"],
      [1, "info"],
      [2, "ignore"],
      [3, "error"],
      [1, "init_stop"],
      [1, "init_raise"],
      [1, "throw"],
      [1, "raise"],
      [1, "dead"],
    ),
    reason: fc.constantFrom(...startReasons),
  }).map(({ comes, reason }) => {
    if (comes === "ok" || comes === "info" || comes === "ignore") return { comes, reason: "normal" };
    // What is thrown as an error is not a reason but gives one.
    return { comes, reason: comes === "raise" || comes === "init_raise" ? "x" : reason };
  });
}

function eventShape(spec: fc.Arbitrary<ChildShape>): fc.Arbitrary<EventShape> {
  const kind = stepKind();
  const step = record({ kind, ...choices(spec) });
  return record({
    kind: fc.oneof(
      { weight: 12, arbitrary: kind },
      {
        weight: 4,
        arbitrary: weighted<EventShape["kind"]>([18, "together"], [3, "change"], [1, "exit"], [1, "stop root"]),
      },
    ),
    ...choices(spec),
    steps: fc.array(step, { minLength: 1, maxLength: 5 }),
    last: fc.oneof(
      { weight: 8, arbitrary: fc.constant("none" as const) },
      { weight: 1, arbitrary: fc.constantFrom(...reasons) },
    ),
  });
}

function choices(spec: fc.Arbitrary<ChildShape>) {
  return {
    sup: fc.nat({ max: 11 }),
    child: fc.nat({ max: 59 }),
    reason: fc.constantFrom(...reasons),
    spec,
  };
}

function stepKind(): fc.Arbitrary<StepShape["kind"]> {
  return weighted<StepShape["kind"]>(
    [10, "stop"],
    [2, "raise"],
    [4, "signal"],
    [4, "start"],
    [3, "terminate_child"],
    [3, "restart_child"],
    [1, "delete_child"],
    [1, "get_childspec"],
    [1, "which_children"],
    [1, "count_children"],
  );
}

/** As `fc.record`, but of plain objects, which compare equal to others. */
function record<T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

function weighted<T>(...cases: readonly (readonly [number, T])[]): fc.Arbitrary<T> {
  return fc.oneof(...cases.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));
}
