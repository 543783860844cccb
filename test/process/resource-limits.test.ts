/**
 * Limits on what a tree may use: the kernel has them, ends what goes beyond, and keeps nothing of them afterwards.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import t, { type Test } from "tap";
import { type OpenOptions, open } from "#src/process/open.js";
import { run } from "#src/process/run.js";
import { eventually } from "#src/testing/eventually.js";
import { copalGroupsOf, groupValue, requireControllers } from "../support/cgroups.js";
import { isRunning, processOf } from "../support/proc.js";

t.setTimeout(120_000);

/** Takes at most 200 MB, should nobody stop it. */
const hog = `perl -e '$x = "x" x 200_000_000; print "not limited\\n"'`;

async function sleeper(t: Test, options: OpenOptions) {
  const session = await open("sleep", ["1000"], options);
  t.teardown(() => session.stop({ graceMs: 0 }));
  return session;
}

t.test("the kernel has the limits, and none of their groups is left", async (t) => {
  if (!requireControllers(t, "memory", "cpu", "pids")) return;
  const session = await sleeper(t, { limits: { memory: "64M", cpu: 0.25, pids: 9 } });
  const groups = copalGroupsOf(session.osPid);
  t.equal(groupValue(session.osPid, "memory.max", "memory.limit_in_bytes"), String(64 * 1024 * 1024));
  t.match(groupValue(session.osPid, "cpu.max", "cpu.cfs_quota_us"), /^25000/);
  t.equal(groupValue(session.osPid, "pids.max"), "9");
  await session.stop();
  t.strictSame(groups.filter(existsSync), []);
});

t.test("a tree that runs out of memory ends as a whole, and its report says so", async (t) => {
  if (!requireControllers(t, "memory")) return;
  const result = await run("sh", ["-c", `${hog}; echo survived; sleep 1000`], { limits: { memory: "32M" } });
  t.match(result, { stdout: "", signal: "SIGKILL", stoppedBy: "itself", limit: "memory", oom: true, ok: false });
});

t.test("a tree within its memory ends as any other", async (t) => {
  if (!requireControllers(t, "memory")) return;
  t.match(await run("echo", ["fine"], { limits: { memory: "32M" } }), { limit: null, oom: false, ok: true });
});

t.test("more processes than allowed cannot be forked", async (t) => {
  if (!requireControllers(t, "pids")) return;
  const forks = "for i in 1 2 3 4; do sleep 1000 & done; echo forked";
  t.match(await run("sh", ["-c", forks], { limits: { pids: 3 } }), { stdout: "", ok: false, limit: null });
});

t.test("a program gets no more time of a processor than it was given", async (t) => {
  if (!requireControllers(t, "cpu")) return;
  const result = await run("sh", ["-c", "while :; do :; done"], { limits: { cpu: 0.1 }, timeoutMs: 1_500 });
  t.ok(result.userMs + result.systemMs < 500, `used ${result.userMs + result.systemMs} ms in 1500`);
});

t.test("the groups of a killed sidecar are removed with its tree", async (t) => {
  if (!requireControllers(t, "memory", "pids")) return;
  const session = await sleeper(t, { limits: { memory: "64M", pids: 9 } });
  const groups = copalGroupsOf(session.osPid);
  process.kill(processOf(session.osPid)?.parent ?? 0, "SIGKILL");
  t.match(await session.exited, { stoppedBy: "sidecarLost" });
  await eventually(() => !groups.some(existsSync));
});

t.test("the groups of a killed sidecar whose fork server was killed as well are removed by Node", async (t) => {
  if (!requireControllers(t, "memory", "pids")) return;
  const session = await sleeper(t, { limits: { memory: "64M", pids: 9 } });
  const groups = copalGroupsOf(session.osPid);
  const sidecarPid = processOf(session.osPid)?.parent ?? 0;
  process.kill(processOf(sidecarPid)?.parent ?? 0, "SIGKILL");
  process.kill(sidecarPid, "SIGKILL");
  t.match(await session.exited, { stoppedBy: "sidecarLost" });
  t.strictSame(groups.filter(existsSync), []);
  t.notOk(isRunning(session.osPid));
});

t.test("the groups of a killed Node process are removed with its tree", async (t) => {
  if (!requireControllers(t, "memory", "pids")) return;
  const script = `import { open } from "copal";
    const { osPid } = await open("sleep", ["1000"], { limits: { memory: "64M", pids: 9 } });
    console.log(osPid);`;
  const node = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(node.stdout, "data")) as [Buffer];
  const osPid = Number(line.toString());
  const groups = copalGroupsOf(osPid);
  t.ok(groups.length > 0);
  node.kill("SIGKILL");
  await eventually(() => !isRunning(osPid) && !groups.some(existsSync), { timeoutMs: 20_000 });
});

t.test("limits that are wrong are refused before anything starts", async (t) => {
  const wrong: OpenOptions[] = [
    { limits: { memory: "much" } },
    { limits: { memory: 0 } },
    { limits: { cpu: 0 } },
    { limits: { pids: 0 } },
    { limits: { files: 1 } as never },
    { limits: { io: { "/": { fast: 1 } as never } } },
    { limits: { pids: 1 }, contain: "tree" },
    { required: true, contain: "tree" },
  ];
  for (const options of wrong) await t.rejects(open("true", [], options), RangeError, JSON.stringify(options));
});

t.test("a limit that cannot be kept is warned of once, or fails the start where it is required", async (t) => {
  const warnings: string[] = [];
  const listen = (warning: Error) => warnings.push(warning.message);
  process.on("warning", listen);
  t.teardown(() => process.off("warning", listen));
  // No kernel throttles what is no block device.
  const limits = { io: { "/proc/version": { readBps: 1_000_000 } } };
  for (const _ of [1, 2]) t.match(await run("true", [], { limits }), { ok: true });
  await eventually(() => warnings.length > 0);
  t.equal(warnings.length, 1);
  t.match(warnings[0], /^true runs without its limit of `io`: /);
  const failed = run("true", [], { limits, required: true });
  await t.rejects(failed, { code: "ERR_START", message: /cannot limit `io` of true: [^\n]+/ });
});
