import t from "tap";
import { cellOf } from "#src/actors/address.js";
import { stopActor, whenEnded } from "#src/actors/exit-actor.js";
import { sendExit } from "#src/actors/link.js";
import type { ExitReason } from "#src/exit.js";
import type { Restart } from "#src/supervisor/child-spec.js";
import type { SupervisorReport } from "#src/supervisor/reports.js";
import { isAsAsked } from "#src/supervisor/shutdown.js";
import { doing, gate, settle } from "../support/actors.js";
import { child, endChild, look, running, supervise, supervisor } from "../support/children.js";
import { heardDuring, reportsDuring } from "../support/reports.js";

const crash = { error: { name: "Error", message: "crash" } } as const;
const words = (reports: SupervisorReport[]) =>
  reports.map((one) =>
    one.kind === "progress" ? `progress ${one.started.id}` : `${one.errorContext} ${one.offender.id}`,
  );

for (const [restart, reason, wanted] of [
  ["permanent", "normal", ["child_terminated a", "progress a"]],
  ["permanent", { shutdown: 1 }, ["child_terminated a", "progress a"]],
  ["transient", "shutdown", []],
  ["transient", crash, ["child_terminated a", "progress a"]],
  ["temporary", "normal", []],
  ["temporary", crash, ["child_terminated a"]],
] as [Restart, ExitReason, string[]][]) {
  t.test(`a ${restart} child ends with ${JSON.stringify(reason)}: ${wanted.join(", ") || "no report"}`, async (t) => {
    const root = await supervise([child("a", [], { restart })]);
    const reports = await reportsDuring(async () => {
      await endChild(root, "a", reason);
      await settle();
    });
    t.strictSame(words(reports), wanted);
  });
}

t.test("a report says which child, in OTP's words", async (t) => {
  const root = await supervise([child("a", [], { shutdown: 70 })]);
  const a = running(root, "a");
  const [report] = await reportsDuring(() => endChild(root, "a", crash).then(settle));
  const offender = { id: "a", ref: a, restart: "permanent", significant: false, shutdown: 70, type: "worker" };
  t.match(report, {
    kind: "supervisor_report",
    path: "app",
    errorContext: "child_terminated",
    reason: crash,
    offender,
  });
});

t.test("failed starts are reported when nobody asked for them", async (t) => {
  const first = await reportsDuring(() => supervise([child("a"), child("b", [], {}, ["fail"])]).catch(() => {}));
  t.strictSame(words(first), ["progress a", "start_error b"]);
  const root = await supervise([child("a", [], {}, ["up", "fail", "up"])]);
  const again = await reportsDuring(() => endChild(root, "a", crash).then(settle));
  t.strictSame(words(again), ["child_terminated a", "start_error a", "progress a"]);
  const asked = await reportsDuring(() => root.call.startChild(child("c", [], {}, ["fail"])).catch(() => {}));
  t.strictSame(asked, []);
});

t.test("one restart too many is reported before the rest is stopped", async (t) => {
  const root = await supervise([child("a"), child("b")], { intensity: { max: 0, withinMs: 1_000 } });
  const heard = await heardDuring(async () => {
    await endChild(root, "a", crash);
    await whenEnded(root);
  });
  t.match(
    heard.filter((one) => one.type === "report" || one.type === "stopped"),
    [
      { errorContext: "child_terminated" },
      { errorContext: "shutdown", reason: "reached_max_restart_intensity", offender: { id: "a" } },
      { type: "stopped", id: "b" },
    ],
  );
});

const stops: readonly [Restart, number | "brutal_kill", ExitReason, isAsAsked: boolean][] = [
  ["permanent", 5, "shutdown", true],
  ["permanent", 5, "normal", false],
  ["permanent", 5, { shutdown: 1 }, false],
  ["permanent", 5, "killed", false],
  ["transient", 5, "normal", true],
  ["temporary", 5, { shutdown: 1 }, true],
  ["transient", 5, "killed", false],
  ["temporary", 5, crash, false],
  ["permanent", "brutal_kill", "killed", true],
  ["permanent", "brutal_kill", "shutdown", false],
  ["transient", "brutal_kill", "shutdown", true],
  ["transient", "brutal_kill", crash, false],
];

for (const [restart, shutdown, reason, wanted] of stops) {
  t.test(`stopping a ${restart} child (${shutdown}) that ends with ${JSON.stringify(reason)}: ${wanted}`, async (t) => {
    t.equal(isAsAsked(shutdown, restart, reason), wanted);
  });
}

t.test("a child that is killed after its time is a shutdown error", async (t) => {
  const root = await supervise([child("a", [], { shutdown: 0 })]);
  await doing(running(root, "a"), (hands) => hands.trap());
  running(root, "a").cast.run(() => gate().passed);
  await settle();
  const reports = await reportsDuring(() => root.call.terminateChild("a"));
  t.match(reports, [{ errorContext: "shutdown_error", reason: "killed", offender: { id: "a" } }]);
});

t.test("a child that crashes while its supervisor stops another is a shutdown error with its own reason", async (t) => {
  const held = gate();
  const root = await supervise([child("a"), child("b")]);
  await doing(running(root, "b"), (hands) => hands.trap());
  await running(root, "b").call.onTerminate(() => held.passed);
  const reports = await reportsDuring(async () => {
    const stopped = stopActor(root);
    await settle();
    await endChild(root, "a", crash);
    held.open();
    await stopped;
  });
  t.match(reports, [{ errorContext: "shutdown_error", reason: crash, offender: { id: "a" } }]);
  t.equal(reports.length, 1);
});

t.test("a supervisor that gave up and that nobody brings back is told of", async (t) => {
  const inner = supervisor("s", [child("a")], { intensity: { max: 0, withinMs: 1_000 } });
  const root = await supervise([{ ...inner, restart: "transient" }]);
  const heard = await heardDuring(async () => {
    await endChild(look(root, "s").ref as never, "a", crash);
    await settle();
  });
  t.match(
    heard.filter((one) => one.type === "abandoned"),
    [{ path: "app/s", exhaustion: { path: "app/s", child: "app/s/a", lastExit: { reason: crash } } }],
  );
});

t.test("an exit signal in the name of a child that lives makes no second one", async (t) => {
  const root = await supervise([child("a")]);
  const a = running(root, "a");
  const reports = await reportsDuring(async () => {
    sendExit(cellOf(root), a as never, crash, "order");
    await settle();
  });
  t.equal(running(root, "a"), a);
  t.strictSame(reports, []);
});
