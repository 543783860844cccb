/**
 * What the options of a start do to the process, as the kernel and the process itself tell.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { type OpenOptions, open } from "#src/process/open.js";
import { run } from "#src/process/run.js";

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? {} : { skip: "needs root" };

/** The line of /proc/PID/status. */
const status = (osPid: number, name: string) =>
  new RegExp(`^${name}:\\s*(.*)$`, "m").exec(readFileSync(`/proc/${osPid}/status`, "utf8"))?.[1];

async function sleeper(t: Test, options: OpenOptions) {
  const session = await open("sleep", ["1000"], options);
  t.teardown(() => session.stop({ graceMs: 0 }));
  return session;
}

t.test("numbers are set as they were asked for", async (t) => {
  const { osPid } = await sleeper(t, {
    arg0: "another name",
    umask: 0o027,
    nice: 5,
    oomScoreAdj: 300,
    rlimits: { nofile: 64, core: { soft: 0, hard: "unlimited" } },
    noNewPrivs: true,
  });
  t.match(readFileSync(`/proc/${osPid}/cmdline`, "utf8"), "another name\0");
  t.equal(status(osPid, "Umask"), "0027");
  t.equal(status(osPid, "NoNewPrivs"), "1");
  t.equal(readFileSync(`/proc/${osPid}/oom_score_adj`, "utf8"), "300\n");
  const limits = readFileSync(`/proc/${osPid}/limits`, "utf8");
  t.match(limits, /Max open files\s+64\s+64/);
  t.match(limits, /Max core file size\s+0\s+unlimited/);
  t.equal(readFileSync(`/proc/${osPid}/stat`, "utf8").split(") ")[1]?.split(" ")[16], "5");
});

t.test("another user comes with its groups and without a right", asRoot, async (t) => {
  const { osPid } = await sleeper(t, { user: "nobody", dropCapabilities: "all" });
  t.match(status(osPid, "Uid"), "65534\t65534\t65534\t65534");
  t.match(status(osPid, "Groups"), /^65534\s*$/);
  t.match(status(osPid, "CapBnd"), "0000000000000000");
});

t.test("an option that cannot be met fails the start by its name", async (t) => {
  const failing = (options: OpenOptions, stage: string, code: string) =>
    t.rejects(open("true", [], options), { code: "ERR_START", failure: { stage, code } });
  await failing({ user: "no-such-user" }, "user", "ENOENT");
  await failing({ group: "no-such-group" }, "group", "ENOENT");
  await failing({ rlimits: { nofile: { soft: 9, hard: 8 } } }, "rlimits", "EINVAL");
  await failing({ stdin: { file: "/no/such/file" } }, "stdio", "ENOENT");
  await failing({ descriptors: { 5: { file: "/no/such/file", mode: "read" } } }, "descriptors", "ENOENT");
  await failing({ envFile: "/no/such/file" }, "envFile", "ENOENT");
});

t.test("an option that is wrong is refused before anything starts", async (t) => {
  const wrong = [
    { umask: 0o1000 },
    { nice: 20 },
    { oomScoreAdj: 1_001 },
    { ionice: { class: "fast" as "idle" } },
    { rlimits: { files: 1 } as never },
    { dropCapabilities: ["NO_SUCH"] },
    { descriptors: { 2: { file: "/dev/null", mode: "read" as const } } },
    { mergeStderr: true, stderr: "null" as const },
    { pty: {}, stdin: "null" as const },
    { pty: { rows: -1 } },
    { stop: { steps: [{ signal: "SIGNOT" }] } },
  ];
  for (const options of wrong) await t.rejects(open("true", [], options), RangeError, JSON.stringify(options));
});

t.test("streams go to files, come from them, and stderr can be what stdout is", async (t) => {
  const cwd = t.testdir({ in: "from the file\n", log: "before\n" });
  const files = { stdin: { file: "in" }, stdout: { file: "log", append: true }, mergeStderr: true };
  const session = await open("sh", ["-c", "cat; echo trouble >&2"], { cwd, ...files });
  t.match(await session.exited, { code: 0 });
  t.equal(readFileSync(join(cwd, "log"), "utf8"), "before\nfrom the file\ntrouble\n");
  const merged = await run("sh", ["-c", "echo 1; echo 2 >&2; echo 3"], { mergeStderr: true });
  t.match(merged, { stdout: "1\n2\n3", stderr: "" });
});

t.test("arguments, variables and folders need not be UTF-8", async (t) => {
  const odd = Buffer.from([0x61, 0xff, 0xc3]);
  const { stdout } = await run("sh", ["-c", 'printf %s "$1$ODD"', "sh", odd], {
    addEnv: { ODD: odd },
    encoding: "buffer",
  });
  t.strictSame(stdout, Buffer.concat([odd, odd]));
});

t.test("further files have the descriptors they were given", async (t) => {
  const cwd = t.testdir({ in: "read me" });
  const descriptors = {
    3: { file: "in", mode: "read" as const },
    9: { file: "out", mode: "truncate" as const },
  };
  const session = await open("sh", ["-c", "cat <&3 >&9"], { cwd, descriptors });
  t.match(await session.exited, { code: 0 });
  t.equal(readFileSync(join(cwd, "out"), "utf8"), "read me");
});
