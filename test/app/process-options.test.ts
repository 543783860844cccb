import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { type ProcessActor, start } from "copal";
import t from "tap";
import { eventually } from "#src/testing/eventually.js";
import { groupValue, requireControllers } from "../support/cgroups.js";

/** Starts one process with these fields in a folder of its own, and gives its pid and the tree. */
async function started(t: import("tap").Test, fields: object, files: Record<string, string> = {}) {
  const cwd = t.testdir(files);
  const child = { process: "p", command: ["sleep", "1000"], cwd, restart: "temporary" as const, ...fields };
  const tree = await start({ supervisor: "app", children: [child] });
  t.teardown(() => tree.stop());
  const { osPid } = (await tree.whereis<ProcessActor>("p")?.call.status()) ?? { osPid: 0 };
  return { tree, osPid, cwd };
}

const environmentOf = (osPid: number) => readFileSync(`/proc/${osPid}/environ`, "utf8").split("\0").filter(Boolean);

t.test("what a child says about its program is what the kernel has", async (t) => {
  const { osPid } = await started(t, { umask: "027", nice: 3, rlimits: { nofile: 50, core: 0 }, noNewPrivs: true });
  const status = readFileSync(`/proc/${osPid}/status`, "utf8");
  t.match(status, /Umask:\s*0027/);
  t.match(status, /NoNewPrivs:\s*1/);
  t.match(readFileSync(`/proc/${osPid}/limits`, "utf8"), /Max open files\s+50\s+50/);
});

t.test("variables come from what is inherited, then files, then the child itself", async (t) => {
  process.env.COPAL_TEST_KEPT = "kept";
  process.env.COPAL_TEST_LOST = "lost";
  const env = { B: "own", C: null };
  const fields = {
    inheritEnv: ["PATH", "COPAL_TEST_K*"],
    env,
    envFile: join(t.testdirName, "vars"),
  };
  const { osPid } = await started(t, fields, { vars: "A=1\nB=2\nC=3\n" });
  const found = environmentOf(osPid).sort();
  t.strictSame(found, ["A=1", "B=own", "COPAL_TEST_KEPT=kept", `PATH=${process.env.PATH}`].sort());
});

t.test("streams go to files of its folder", async (t) => {
  const command = "cat; echo trouble >&2; exec sleep 1000";
  const { cwd } = await started(
    t,
    { command, stdin: { file: "in" }, stdout: { file: "out" }, mergeStderr: true },
    { in: "x\n" },
  );
  await eventually(() => readFileSync(join(cwd, "out"), "utf8") === "x\ntrouble\n");
});

t.test("standard input may be a socket, and a stop still has words for it", async (t) => {
  const command = "read word; echo $word >word";
  const { osPid, cwd, tree } = await started(t, { command, stdin: "socket", stop: { message: "quit", grace: "20s" } });
  t.match(readlinkSync(`/proc/${osPid}/fd/0`), /^socket:/);
  await tree.stop();
  t.equal(readFileSync(join(cwd, "word"), "utf8"), "quit\n");
});

t.test("steps stop it, and its limits are those of the process", async (t) => {
  const steps = [{ stdin: "quit\n", delay: "20s" }];
  const quitting = await started(t, { command: "read word; echo $word >word", stop: { steps } });
  await quitting.tree.stop();
  t.equal(readFileSync(join(quitting.cwd, "word"), "utf8"), "quit\n");
  const limited = await started(t, { timeout: "30ms" });
  await eventually(() => limited.tree.whereis("p") === undefined);
});

t.test("a message stops it in place of the signal, and the report says so", async (t) => {
  const command = "trap 'echo signalled >word' TERM; read word; echo $word >word; exit 7";
  const { tree, cwd } = await started(t, { command, stop: { message: "quit now", grace: "20s" } });
  const report = await tree.whereis<ProcessActor>("p")?.call.stop();
  t.match(report, { code: 7, stoppedBy: "owner", killed: false, stopSteps: [{ step: 0, errno: null }] });
  t.equal(readFileSync(join(cwd, "word"), "utf8"), "quit now\n");
});

t.test(
  "one that does not listen to its message is killed after the grace, or gets what the steps have next",
  async (t) => {
    const deaf = await started(t, { command: "exec sleep 1000", stop: { message: "quit", grace: "50ms" } });
    t.match(await deaf.tree.whereis<ProcessActor>("p")?.call.stop(), { signal: "SIGKILL", killed: true });
    const steps = [
      { message: "quit", delay: "50ms" },
      { signal: "SIGINT", delay: "20s" },
    ];
    const patient = await started(t, { command: "exec sleep 1000", stop: { steps } });
    const report = await patient.tree.whereis<ProcessActor>("p")?.call.stop();
    t.match(report, { signal: "SIGINT", killed: false, stopSteps: [{ step: 0 }, { step: 1 }] });
  },
);

t.test("limits on its tree are the kernel's, and its figures come from there", async (t) => {
  if (!requireControllers(t, "memory", "pids")) return;
  const { osPid, tree } = await started(t, { limits: { memory: "48M", pids: 12 }, required: true });
  t.equal(groupValue(osPid, "memory.max", "memory.limit_in_bytes"), String(48 * 1024 * 1024));
  t.match(tree.snapshot().at(-1), { containment: /^cgroup[12]$/ });
  const actor = tree.whereis<ProcessActor>("p");
  t.match(await actor?.call.status(), { limitsApplied: ["memory", "pids"], limitsMissing: [] });
  // The kernel sums up what each processor counted, a little later.
  await eventually(async () => ((await actor?.call.stats())?.rssBytes ?? 0) > 0, { timeoutMs: 10_000 });
});

t.test("a child that runs out of memory ends by that limit", async (t) => {
  if (!requireControllers(t, "memory")) return;
  const command = `perl -e '$x = "x" x 200_000_000; sleep 1000'`;
  const { tree } = await started(t, { command, limits: { memory: "32M" } });
  await eventually(() => tree.snapshot().at(-1)?.lastExit !== null, { timeoutMs: 20_000 });
  t.match(tree.snapshot().at(-1)?.lastExit, { oom: true, reason: "limit memory" });
});

t.test("no terminal is what false says, as saying nothing does", async (t) => {
  const command = "test -t 0 || echo none >terminal; exec sleep 1000";
  const { cwd } = await started(t, { command, pty: false });
  await eventually(() => readFileSync(join(cwd, "terminal"), "utf8") === "none\n");
});

t.test("a terminal is one field", async (t) => {
  const { cwd } = await started(t, { command: "stty size >size; exec sleep 1000", pty: { rows: 5, cols: 6 } });
  await eventually(() => readFileSync(join(cwd, "size"), "utf8") === "5 6\n");
});
