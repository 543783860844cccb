import t from "tap";
import { exitOfProcess } from "#src/actors/exit-of-process.js";
import { formatExit } from "#src/exit.js";
import { endOf } from "#src/process/process-failure.js";
import { type ExitReport, exitReport, lostReport } from "#src/sidecar/exit-report.js";

const ended = { core: false, killed: false, leftBehind: 0, wallUs: 1, userUs: 1, systemUs: 1, maxRssBytes: 1 };
const byCode = (code: number) => ({ ...ended, code, signal: null, stoppedBy: "itself" as const });
const bySignal = { ...ended, code: null, signal: 15, stoppedBy: "itself" as const };

/** Every way in which a process can end, and its reason as a short text. */
const ends: readonly [string, ExitReport, string][] = [
  ["success", exitReport(byCode(0)), "normal"],
  ["another code", exitReport(byCode(3)), "exit 3"],
  ["a signal", exitReport(bySignal), "signal SIGTERM"],
  ["its whole time", exitReport({ ...bySignal, stoppedBy: "timeout" }), "limit timeout"],
  ["its silence", exitReport({ ...bySignal, stoppedBy: "idle" }), "limit idle"],
  ["its output", exitReport({ ...bySignal, stoppedBy: "outputLimit" }), "limit output"],
  ["its memory", exitReport({ ...bySignal, signal: 9, oom: true }), "limit memory"],
  ["a stop of its owner", exitReport({ ...bySignal, stoppedBy: "owner" }), "shutdown"],
  [
    "a signal to its sidecar",
    exitReport({ ...bySignal, stoppedBy: "sidecarSignal" }),
    "error SidecarError: the sidecar was told to end and has stopped its tree",
  ],
  ["the loss of its sidecar", lostReport(1), "error SidecarError: the sidecar was lost; nothing of its tree is left"],
];

for (const [what, report, reason] of ends) {
  t.test(`an end by ${what} has its own reason`, async (t) => {
    t.equal(formatExit(exitOfProcess(report, [0])), reason);
  });
}

t.test("no two of them are told alike", async (t) => {
  const owner = exitReport({ ...bySignal, stoppedBy: "ownerGone" });
  const cored = exitReport({ ...bySignal, core: true });
  const words = [...ends.map(([, report]) => report), owner, cored].map(endOf);
  t.strictSame([...new Set(words)], words);
  t.equal(new Set(ends.map(([, , reason]) => reason)).size, ends.length);
});

t.test("a stop that nobody asked for is no success, whatever the process makes of it", async (t) => {
  const report = exitReport({ ...byCode(0), stoppedBy: "sidecarSignal" });
  t.match(exitOfProcess(report, [0]), { error: { code: "ERR_SIDECAR" } });
});

t.test("the codes of success are those that are said", async (t) => {
  t.strictSame(exitOfProcess(exitReport(byCode(3)), [3]), "normal");
  t.strictSame(exitOfProcess(exitReport(byCode(0)), [3]), { exit: 0 });
});
