import t from "tap";
import type { ExitReason } from "#src/exit.js";
import type { Restart } from "#src/supervisor/child-spec.js";
import { checkBuilt, decide } from "#src/supervisor/strategy.js";

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

const siblings = ["a", "b", "c"].map((id) => ({ id, restart: "permanent" as const }));

for (const [reason, isOrderly] of reasons) {
  for (const [restart, { orderly, abnormal }] of Object.entries(outcomes)) {
    const wanted = isOrderly ? orderly : abnormal;
    t.test(`a ${restart} child that ended with ${JSON.stringify(reason)}: ${wanted}`, async (t) => {
      const decision = decide("one_for_one", () => siblings, { id: "b", restart: restart as Restart }, reason);
      t.strictSame(
        decision,
        wanted === "restart" ? { outcome: "restart", stop: [], start: ["b"] } : { outcome: wanted },
      );
    });
  }
}

for (const strategy of ["rest_for_one", "one_for_all"] as const) {
  t.test(`${strategy} is refused by name`, async (t) => {
    t.throws(() => checkBuilt(strategy), { code: "ERR_UNSUPPORTED", feature: strategy, message: /not supported yet/ });
  });
}
