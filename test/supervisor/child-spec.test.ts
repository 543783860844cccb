import t from "tap";
import { checkChildSpec, checkChildSpecs } from "#src/supervisor/child-spec.js";
import { supervise } from "../support/children.js";

const start = async () => "ignore" as const;

t.test("the defaults are OTP's", async (t) => {
  const common = { start, restart: "permanent", significant: false, backoff: undefined };
  t.strictSame(checkChildSpec({ id: "a", start }), { id: "a", ...common, type: "worker", shutdown: 5_000 });
  t.match(checkChildSpec({ id: "a", start, type: "supervisor" }), { shutdown: "infinity" });
});

const bad: readonly [field: string, spec: unknown][] = [
  ["child spec", null],
  ["child spec", "a"],
  ["id", { start }],
  ["id", { id: "", start }],
  ["id", { id: 7, start }],
  ["start", { id: "a" }],
  ["start", { id: "a", start: {} }],
  ["restart", { id: "a", start, restart: "always" }],
  ["significant", { id: "a", start, significant: 1 }],
  ["significant", { id: "a", start, restart: "transient", significant: true }],
  ["type", { id: "a", start, type: "Worker" }],
  ["shutdown", { id: "a", start, shutdown: -1 }],
  ["shutdown", { id: "a", start, shutdown: Number.NaN }],
  ["shutdown", { id: "a", start, shutdown: "5s" }],
  // The first wrong field is the one that is named.
  ["restart", { id: "a", start, restart: 1, type: 2, shutdown: 3 }],
];

for (const [field, spec] of bad) {
  t.test(`${JSON.stringify(spec)} is refused for its ${field}`, async (t) => {
    t.throws(() => checkChildSpec(spec), { code: "ERR_CHILD_SPEC", field });
  });
}

t.test("an id must not be there twice", async (t) => {
  const twice = [
    { id: "a", start },
    { id: "b", start },
    { id: "a", start },
  ];
  t.throws(() => checkChildSpecs(twice), { code: "ERR_CHILD_SPEC", field: "id", got: "a" });
});

t.test("significant needs an auto-shutdown first, and then a child that is not permanent", async (t) => {
  const significant = { id: "a", start, significant: true };
  t.throws(() => checkChildSpec(significant), { field: "significant", message: /`autoShutdown` is never, got true/ });
  t.throws(() => checkChildSpec(significant, "any_significant"), { field: "significant", message: /permanent/ });
  t.equal(checkChildSpec({ ...significant, restart: "transient" }, "all_significant").significant, true);
});

const badSupervisors: readonly [field: string, spec: object][] = [
  ["strategy", { strategy: "one_for_none" }],
  ["intensity", { intensity: 3 }],
  ["intensity.max", { intensity: { max: -1, withinMs: 5 } }],
  ["intensity.max", { intensity: { max: 1.5, withinMs: 5 } }],
  ["intensity.withinMs", { intensity: { max: 1, withinMs: 0 } }],
  ["intensity.resolution", { intensity: { max: 1, withinMs: 1_000, resolution: "s" } }],
  ["intensity.withinMs", { intensity: { max: 1, withinMs: 1_500, resolution: "otp" } }],
  ["autoShutdown", { autoShutdown: "always" }],
  // OTP's order: strategy, intensity, period, auto-shutdown, children.
  ["intensity.max", { intensity: { max: -1, withinMs: 0 }, autoShutdown: "always", children: 7 }],
  ["path", { path: "" }],
  ["children", { children: "none" }],
];

for (const [field, spec] of badSupervisors) {
  t.test(`a supervisor with ${JSON.stringify(spec)} is refused for its ${field}, and nothing starts`, async (t) => {
    await t.rejects(supervise([{ id: "a", start: () => t.fail("started") as never }], spec), {
      code: "ERR_CHILD_SPEC",
      field,
    });
  });
}
