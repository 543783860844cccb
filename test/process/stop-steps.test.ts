import { readFileSync } from "node:fs";
import t from "tap";
import { open, type Session } from "#src/process/open.js";
import { startSidecar } from "#src/sidecar/client.js";
import type { ExitReport } from "#src/sidecar/exit-report.js";
import type { StartOptions } from "#src/sidecar/start-options.js";
import { eventually } from "../support/eventually.js";

const ready = async (session: Session) => session.read();
const state = (osPid: number) => /^State:\s*(\S)/m.exec(readFileSync(`/proc/${osPid}/status`, "utf8"))?.[1];

t.test("steps are taken until one is enough, and the report says which", async (t) => {
  const script = "trap '' TERM; echo ready; read word; echo got $word; sleep 1000";
  const steps = [{ signal: "SIGTERM", delayMs: 20 }, { stdin: "quit\n", delayMs: 50 }, { signal: "SIGINT" }];
  const session = await open("sh", ["-c", script], { stop: { steps } });
  await ready(session);
  const report = await session.stop();
  t.match(report, { signal: "SIGINT", killed: false, stoppedBy: "owner" });
  t.strictSame(
    report.stopSteps.map(({ step, errno }) => [step, errno]),
    [
      [0, null],
      [1, null],
      [2, null],
    ],
  );
  t.equal((await session.read())?.toString(), "got quit\n");
});

t.test("a stop may have steps of its own, and without grace it kills at once", async (t) => {
  const stop = { steps: [{ signal: "SIGUSR1", delayMs: 60_000 }] };
  const own = await open("sleep", ["1000"], { stop });
  t.match(await own.stop({ steps: [{ signal: "SIGUSR2" }] }), { signal: "SIGUSR2", stopSteps: [{ step: 0 }] });
  const planned = await open("sleep", ["1000"], { stop });
  t.match(await planned.stop(), { signal: "SIGUSR1" });
  const killed = await open("sleep", ["1000"], { stop });
  t.match(await killed.stop({ graceMs: 0 }), { signal: "SIGKILL", killed: true, stopSteps: [] });
});

t.test("a command is a step of the plan a process was started with, and of no other", async (t) => {
  const cwd = t.testdir();
  const script = "trap '' TERM; echo ready; until test -e stop-$WHO; do sleep 0.01; done; exit 7";
  const command = ["sh", "-c", "touch stop-$WHO"];
  const session = await open("sh", ["-c", script], { cwd, addEnv: { WHO: "me" }, stop: { steps: [{ command }] } });
  await ready(session);
  t.match(await session.stop(), { code: 7, killed: false });
  const other = await open("sleep", ["1000"]);
  await t.rejects(other.stop({ steps: [{ command }] }), { code: "ERR_SIDECAR", osCode: "EINVAL" });
  await other.stop();
});

t.test("a paused tree stands still until it is resumed, and a stop needs no resume", async (t) => {
  const session = await open("sh", ["-c", "echo ready; while :; do :; done"], { contain: "tree" });
  await ready(session);
  await session.pause();
  await eventually(() => state(session.osPid) === "T");
  await session.resume();
  await eventually(() => state(session.osPid) !== "T");
  await session.pause();
  t.match(await session.stop(), { signal: "SIGTERM", killed: false });
});

t.test("the sidecar keeps limits by itself, and the report names them", async (t) => {
  const limited = async (script: string, options: Partial<StartOptions>) => {
    let output = 0;
    const report = await new Promise<ExitReport>((resolve, reject) => {
      const sink = {
        output: (_: string, bytes: Buffer) => {
          output += bytes.length;
        },
        closed: () => {},
        exited: resolve,
      };
      startSidecar({ argv: ["sh", "-c", script], ...options }, sink).catch(reject);
    });
    return { report, output };
  };
  const byOwner = { stoppedBy: "owner", signal: "SIGTERM" };
  t.match(await limited("sleep 1000", { timeoutMs: 30 }), {
    report: { ...byOwner, limit: "timeout", outputWhole: true },
  });
  t.match(await limited("echo; sleep 1000", { idleTimeoutMs: 50 }), {
    output: 1,
    report: { ...byOwner, limit: "idle" },
  });
  const cut = { output: 1_000, report: { stoppedBy: "owner", limit: "output", outputWhole: false } };
  t.match(await limited("yes", { outputLimitBytes: 1_000 }), cut);
});
