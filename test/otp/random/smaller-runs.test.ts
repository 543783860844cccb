import fc from "fast-check";
import t from "tap";
import { arbitraryRun } from "./generate.js";
import { costOf, smallerRuns } from "./smaller-runs.js";
import type { Child, Run } from "./tree.js";

const runs = fc.sample(arbitraryRun(), { seed: 1, numRuns: 25 });

const worker: Child = {
  id: "a",
  restart: "permanent",
  significant: false,
  shutdown: 60_000,
  type: "worker",
  plan: [],
  body: { is: "worker", traps: false, ending: "returns" },
};

function runWith(children: readonly Child[], events: Run["events"]): Run {
  return {
    root: { is: "supervisor", strategy: "one_for_one", intensity: 0, autoShutdown: "never", children },
    events,
  };
}

/** Takes any smaller run again and again. */
function smallest(run: Run): Run {
  const next = smallerRuns(run)[0];
  return next ? smallest(next) : run;
}

t.test("a smaller run costs less, so that shrinking comes to an end", async (t) => {
  for (const run of runs) t.notOk(smallerRuns(run).some((smaller) => costOf(smaller) >= costOf(run)));
});

t.test("no two of the smaller runs are one", async (t) => {
  for (const run of runs) {
    const texts = smallerRuns(run).map((smaller) => JSON.stringify(smaller));
    t.equal(new Set(texts).size, texts.length);
  }
});

t.test("the smaller runs of a run are always the same", async (t) => {
  const text = (run: Run) => JSON.stringify(smallerRuns(run));
  for (const run of runs) t.equal(text(structuredClone(run)), text(run));
});

t.test("every run shrinks to one of no children and no events, or of a template alone", async (t) => {
  for (const { root, events } of runs.map(smallest)) {
    t.equal(events.length, 0);
    t.equal(root.children.length, root.strategy === "simple_one_for_one" ? 1 : 0);
  }
});

t.test("a run is tried without each child and each event, and with each step of several alone", async (t) => {
  const stop = { do: "stop", id: "a", reason: "x" } as const;
  const together = { do: "together", to: "r", steps: [stop, { ...stop, id: "b" }], last: "none" } as const;
  const texts = smallerRuns(runWith([worker, { ...worker, id: "b" }], [together])).map((run) => JSON.stringify(run));
  for (const expected of [
    runWith([worker], [together]),
    runWith([{ ...worker, id: "b" }], [together]),
    runWith([worker, { ...worker, id: "b" }], []),
    runWith([worker, { ...worker, id: "b" }], [stop]),
    runWith([worker, { ...worker, id: "b" }], [{ ...together, steps: [stop] }]),
  ])
    t.ok(texts.includes(JSON.stringify(expected)), JSON.stringify(expected));
});

t.test("a nested supervisor is tried as the root, with the events below it", async (t) => {
  const inner = runWith([{ ...worker, id: "ba" }], []).root;
  const nested: Child = { ...worker, id: "b", type: "supervisor", shutdown: "infinity", body: inner };
  const run = runWith(
    [worker, nested],
    [
      { do: "stop", id: "a", reason: "x" },
      { do: "together", to: "b", steps: [{ do: "stop", id: "ba", reason: "x" }], last: "none" },
      { do: "call", to: "b", call: "start_child", child: { ...worker, id: "bx" } },
    ],
  );
  t.strictSame(
    smallerRuns(run)[0],
    runWith(
      [worker],
      [
        { do: "together", to: "r", steps: [{ do: "stop", id: "a", reason: "x" }], last: "none" },
        { do: "call", to: "r", call: "start_child", child: { ...worker, id: "x" } },
      ],
    ),
  );
});
