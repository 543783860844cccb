import t from "tap";
import type { ExitReason } from "#src/exit.js";
import type { Restart } from "#src/supervisor/child-spec.js";
import { type AutoShutdown, type ChildView, decide, planRestart, type Strategy } from "#src/supervisor/strategy.js";

const reasons: readonly [reason: ExitReason, isOrderly: boolean][] = [
  ["normal", true],
  ["shutdown", true],
  [{ shutdown: "why" }, true],
  ["killed", false],
  ["kill", false],
  ["noproc", false],
  ["noconnection", false],
  [{ error: { name: "Error", message: "x" } }, false],
  [{ exit: 1 }, false],
  [{ signal: "SIGSEGV" }, false],
  [{ startFailed: { stage: "exec", message: "x" } }, false],
  [{ limit: "memory" }, false],
];

const outcomes: { readonly [R in Restart]: { readonly orderly: string; readonly abnormal: string } } = {
  permanent: { orderly: "restart", abnormal: "restart" },
  transient: { orderly: "keep", abnormal: "restart" },
  temporary: { orderly: "remove", abnormal: "remove" },
};

for (const [reason, isOrderly] of reasons) {
  for (const [restart, { orderly, abnormal }] of Object.entries(outcomes)) {
    const wanted = isOrderly ? orderly : abnormal;
    t.test(`a ${restart} child that ended with ${JSON.stringify(reason)}: ${wanted}`, async (t) => {
      const ended = { id: "b", restart: restart as Restart, significant: false };
      t.strictSame(
        decide("never", () => [], ended, reason),
        { outcome: wanted, endsSupervisor: false },
      );
    });
  }
}

/** `a` permanent, `t` temporary; capitals are significant, `-` marks one that is down, `+` one whose turn has not come. */
function views(text: string): ChildView[] {
  return text.split(" ").map((word) => {
    const id = word.replace(/[-+]/, "");
    const significant = id !== id.toLowerCase();
    const restart = id.startsWith("t") ? "temporary" : significant ? "transient" : "permanent";
    return { id, restart, significant, isDown: word.endsWith("-"), isNew: word.endsWith("+") };
  });
}

const plans: readonly [Strategy, children: string, id: string, stop: string, remove: string, start: string][] = [
  ["one_for_one", "a b c", "b", "", "", "b"],
  ["rest_for_one", "a b c d", "b", "d c", "", "b c d"],
  ["rest_for_one", "a b c", "c", "", "", "c"],
  ["rest_for_one", "a b c", "a", "c b", "", "a b c"],
  ["one_for_all", "a b c", "b", "c a", "", "a b c"],
  ["one_for_all", "a", "a", "", "", "a"],
  // One that was stopped, or had ended normally, is brought back too.
  ["one_for_all", "a b- c", "c", "b a", "", "a b c"],
  ["rest_for_one", "a b c-", "a", "c b", "", "a b c"],
  // A temporary bystander is forgotten; one outside the scope is not touched.
  ["rest_for_one", "a t b", "a", "b t", "t", "a b"],
  ["rest_for_one", "t a b", "a", "b", "", "a b"],
  ["one_for_all", "t1 a t2 b", "b", "t2 a t1", "t1 t2", "a b"],
  // One that has not been up yet is stopped from waiting, but keeps its turn.
  ["rest_for_one", "a b+ t+", "a", "t b", "", "a"],
];

for (const [strategy, children, id, stop, remove, start] of plans) {
  t.test(`${strategy} of ${children}, ${id} ended: stop ${stop || "none"}, start ${start}`, async (t) => {
    const plan = planRestart(strategy, () => views(children), id);
    t.strictSame(
      [plan.stop, plan.remove, plan.start].map((ids) => ids.join(" ")),
      [stop, remove, start],
    );
  });
}

const ends: readonly [AutoShutdown, children: string, id: string, reason: ExitReason, endsSupervisor: boolean][] = [
  ["any_significant", "A- b", "A", "normal", true],
  ["any_significant", "A- B", "A", "shutdown", true],
  ["any_significant", "A- b", "A", { exit: 1 }, false],
  ["any_significant", "tA- b", "tA", { exit: 1 }, true],
  ["any_significant", "A t-", "t", "normal", false],
  ["all_significant", "A- B c", "A", "normal", false],
  ["all_significant", "A- B- c", "A", "normal", true],
  ["all_significant", "A- b", "A", "normal", true],
  ["never", "A-", "A", "normal", false],
];

for (const [autoShutdown, children, id, reason, wanted] of ends) {
  t.test(`${autoShutdown}, ${children}: ${id} ending ${JSON.stringify(reason)} ends it: ${wanted}`, async (t) => {
    const all = views(children);
    const ended = all.find((child) => child.id === id) as ChildView;
    t.equal(decide(autoShutdown, () => all, ended, reason).endsSupervisor, wanted);
  });
}
