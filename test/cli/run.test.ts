import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import t, { type Test } from "tap";
import { eventually } from "#src/testing/eventually.js";
import { requireControllers } from "../support/cgroups.js";
import { copalBin, type Finished } from "../support/copal.js";
import { marked } from "../support/marked.js";
import { privateFolder } from "../support/private-folder.js";
import { childrenOf, isRunning } from "../support/proc.js";
import { requireProgram } from "../support/require-program.js";

// Every command is a Node process of its own, on machines that may be busy.
t.setTimeout(300_000);

/** Starts `copal run` with these words; everything it causes is marked. */
function start(t: Test, ...words: readonly string[]) {
  const { env, left } = marked(t);
  // The test runner hooks into every Node process it sees started, and its hook touches the streams.
  const node = ["-u", "NODE_OPTIONS", process.execPath];
  const child = spawn("env", [...node, copalBin, "run", ...words], { env, stdio: "pipe" });
  const finished = Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<[number | null, NodeJS.Signals | null]>((resolve) => child.on("close", (...end) => resolve(end))),
  ]).then(([stdout, stderr, [code, signal]]): Finished => ({ stdout, stderr, code, signal }));
  const says = (word: string) =>
    new Promise<void>((resolve) => {
      let seen = "";
      child.stdout.on("data", (chunk: Buffer) => {
        seen += chunk;
        if (seen.includes(word)) resolve();
      });
    });
  return { child, finished, left, says };
}

const sh = (t: Test, script: string, ...options: string[]) => start(t, ...options, "--", "/bin/sh", "-c", script);

t.test("a command that runs out of its memory ends with 137 and a word", async (t) => {
  if (!requireControllers(t, "memory", "pids", "cpu")) return;
  const hog = `perl -e '$x = "x" x 200_000_000; print "not limited\\n"'; echo survived`;
  const { finished, left } = sh(t, hog, "--memory", "32M", "--pids", "9", "--cpu", "1", "--require-cgroup");
  const word = "copal: the command ran out of the memory it was given\n";
  t.strictSame(await finished, { stdout: "", stderr: word, code: 137, signal: null });
  t.strictSame(left(), []);
});

t.test("output and exit code pass through, and nothing is added", async (t) => {
  const { finished, left } = sh(t, "echo out; echo err >&2; exit 7");
  t.strictSame(await finished, { stdout: "out\n", stderr: "err\n", code: 7, signal: null });
  t.strictSame(left(), []);
});

t.test("input passes through, and its end", async (t) => {
  const { child, finished } = start(t, "sort");
  child.stdin.end("b\na\n");
  t.match(await finished, { stdout: "a\nb\n", code: 0 });
});

t.test("the command's streams are the caller's own, and block as the caller's do", async (t) => {
  const { child, finished } = sh(t, "readlink /proc/self/fd/0 /proc/self/fd/1; grep flags /proc/self/fdinfo/1");
  const mine = [0, 1].map((fd) => readFileSync(`/proc/${child.pid}/fdinfo/${fd}`, "utf8").match(/ino:\s*(\d+)/)?.[1]);
  const { stdout } = await finished;
  const inodes = [...stdout.matchAll(/(?:pipe|socket):\[(\d+)\]/g)].map(([, inode]) => inode);
  if (mine.every((inode) => inode !== undefined)) t.strictSame(inodes, mine);
  else t.equal(inodes.length, 2);
  t.equal(Number.parseInt(stdout.match(/flags:\s*(\d+)/)?.[1] ?? "", 8) & 0o4000, 0, "not O_NONBLOCK");
});

t.test("signals that end the command become 128 + n", async (t) => {
  t.match(await sh(t, "kill -KILL $$").finished, { code: 137, stderr: "" });
  t.match(await sh(t, "kill -TERM $$").finished, { code: 143 });
  t.match(await sh(t, "exit 200").finished, { code: 200 });
});

t.test("a command that is not there is 127, one that cannot be executed 126, wrong usage 2", async (t) => {
  t.match(await start(t, "/no/such/program").finished, { code: 127, stderr: /ENOENT/ });
  // A folder in PATH that one may not look into makes it 126, as timeout(1) and env(1) have it.
  t.match(
    await start(t, "env", "PATH=/usr/bin:/bin", process.execPath, copalBin, "run", "no-such-program-anywhere").finished,
    {
      code: 127,
    },
  );
  t.match(await start(t, "/etc/passwd").finished, { code: 126, stderr: /EACCES/ });
  t.match(await start(t, "/").finished, { code: 126 });
  for (const words of [
    [],
    ["--bogus", "true"],
    ["--timeout", "soon", "true"],
    ["--timeout"],
    ["--grace", "25h", "true"],
  ])
    t.match(await start(t, ...words).finished, { code: 2, stdout: "", stderr: /^copal: .+\n$/ });
  for (const [option, value] of [
    ["--memory", "much"],
    ["--cpu", "0"],
    ["--pids", "1.5"],
  ] as const) {
    const { finished } = start(t, option, value, "true");
    t.match(await finished, { code: 2, stderr: new RegExp(`\`${option}\` must be a`) });
  }
});

t.test("the tree is held as --contain says", async (t) => {
  const groups = async (how: string) => (await start(t, "--contain", how, "cat", "/proc/self/cgroup").finished).stdout;
  t.equal(await groups("tree"), readFileSync("/proc/self/cgroup", "utf8"));
  for (const words of [["jail"], ["tree", "--require-cgroup"], ["tree", "--memory", "1G"]])
    t.match(await start(t, "--contain", ...words, "true").finished, { code: 2, stderr: /`--contain/ });
  const { stdout, stderr } = await sh(t, "echo $$", "--contain", "pidns").finished;
  // Where there can be no namespace, a word says so.
  if (stderr === "") t.ok(Number(stdout) < 10, `its own pid is ${stdout}`);
  else t.match(stderr, /^copal: .*outside of the PID namespace/);
});

t.test("a time-out is 124, keeps the output, and leaves nothing", async (t) => {
  const { finished, left } = sh(t, "echo partial; sleep 1000 & sleep 1000", "--timeout", "300ms");
  t.match(await finished, { stdout: "partial\n", code: 124, stderr: "" });
  t.strictSame(left(), []);
});

t.test("a time-out kills what ignores the stop signal after the grace", async (t) => {
  const { finished, left } = sh(t, "trap '' TERM; while :; do sleep 0.05; done", "--timeout=300ms", "--grace=100ms");
  t.match(await finished, { code: 124 });
  t.strictSame(left(), []);
});

t.test("daemons that forked twice into their own session are gone at the end", async (t) => {
  const { finished, left } = sh(
    t,
    "setsid sh -c 'trap \"\" TERM; sleep 1000 & sleep 1000' & (setsid sleep 1000 &) ; exit 3",
  );
  t.match(await finished, { code: 3 });
  t.strictSame(left(), []);
});

t.test("SIGTERM reaches the command, which may end in its own way", async (t) => {
  const { child, finished, says } = sh(t, "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.02; done");
  await says("ready");
  child.kill("SIGTERM");
  t.match(await finished, { stdout: "ready\nbye\n", code: 9 });
});

t.test("a command that ignores SIGTERM is killed after the grace, and so is its tree", async (t) => {
  const script = "trap '' TERM; setsid sleep 1000 & echo ready; while :; do sleep 0.02; done";
  const { child, finished, says, left } = sh(t, script, "--grace", "100ms");
  await says("ready");
  child.kill("SIGTERM");
  t.match(await finished, { code: 137 });
  t.strictSame(left(), []);
});

t.test("SIGINT without a terminal asks for the end as well", async (t) => {
  const { child, finished, says } = start(t, "sh", "-c", "echo ready; exec sleep 1000");
  await says("ready");
  child.kill("SIGINT");
  t.match(await finished, { code: 130 });
});

t.test("signals without a meaning of their own reach the command", async (t) => {
  for (const signal of ["SIGUSR1", "SIGUSR2", "SIGWINCH"] as const) {
    const name = signal.slice(3);
    const script = `trap 'echo got; exit 0' ${name}; echo ready; while :; do sleep 0.02; done`;
    const { child, finished, says } = sh(t, script);
    await says("ready");
    child.kill(signal);
    t.match(await finished, { stdout: "ready\ngot\n", code: 0 }, signal);
  }
});

t.test("a stop of the terminal stops the tree, and both go on together", async (t) => {
  const { child, finished, says, left } = sh(t, "echo ready; read line; echo $line");
  await says("ready");
  child.kill("SIGTSTP");
  const states = () =>
    left()
      .filter(({ name }) => name !== "resin")
      .map(({ state }) => state);
  await eventually(() => states().length === 2 && states().every((state) => state === "T"));
  child.kill("SIGCONT");
  child.stdin.end("on\n");
  t.match(await finished, { stdout: "ready\non\n", code: 0 });
});

t.test("a stop that is asked for before the command runs stops it when it does", async (t) => {
  const { child, finished, left } = sh(t, "read line; echo $line");
  const SIGTSTP = 20n;
  const caught = () => BigInt(`0x${readFileSync(`/proc/${child.pid}/status`, "utf8").match(/SigCgt:\s*(\w+)/)?.[1]}`);
  await eventually(() => (caught() >> (SIGTSTP - 1n)) & 1n);
  child.kill("SIGTSTP");
  await eventually(() => left().filter(({ name, state }) => name !== "resin" && state === "T").length === 2);
  child.kill("SIGCONT");
  child.stdin.end("on\n");
  t.match(await finished, { stdout: "on\n", code: 0 });
});

t.test("when copal run is killed with -9, nothing is left", async (t) => {
  const { child, says, left } = sh(t, "trap '' TERM; setsid sleep 1000 & echo ready; while :; do sleep 0.02; done");
  await says("ready");
  child.kill("SIGKILL");
  await eventually(() => left().length === 0);
});

t.test("when its sidecar is killed with -9, nothing is left and the code is 125", async (t) => {
  const { finished, says, left } = sh(t, "setsid sleep 1000 & echo ready $PPID; wait");
  await says("ready");
  const leader = left().find(({ name }) => name === "sh");
  process.kill(leader?.parent as number, "SIGKILL");
  t.match(await finished, { code: 125, stderr: /sidecar was lost/ });
  t.strictSame(left(), []);
});

t.test("a hundred megabytes pass through, and the last byte of a command that exits at once", async (t) => {
  const counted = spawn(
    "sh",
    [
      "-c",
      `unset NODE_OPTIONS; "$0" "$1" run -- sh -c 'head -c 100000000 /dev/zero; printf end' | tail -c 3`,
      process.execPath,
      copalBin,
    ],
    { env: marked(t).env },
  );
  t.equal(await text(counted.stdout), "end");
  for (let i = 0; i < 5; i++) t.equal((await sh(t, "head -c 65536 /dev/zero").finished).stdout.length, 65_536);
});

t.test("a reader that leaves ends the command as it would without copal", async (t) => {
  const piped = spawn(
    "bash",
    ["-c", `unset NODE_OPTIONS; "$0" "$1" run yes | head -n 1; echo \${PIPESTATUS[0]}`, process.execPath, copalBin],
    { env: marked(t).env },
  );
  t.equal(await text(piped.stdout), "y\n141\n");
});

t.test("arguments that are not UTF-8 arrive as they are", async (t) => {
  const script = `unset NODE_OPTIONS; "$0" "$1" run printf '%s' "$(printf 'a\\377\\200b')" | od -An -tx1`;
  const piped = spawn("sh", ["-c", script, process.execPath, copalBin], { env: marked(t).env });
  t.equal((await text(piped.stdout)).trim(), "61 ff 80 62");
});

t.test("it works as the first process of a PID namespace", async (t) => {
  if (process.getuid?.() !== 0) {
    t.comment("SKIPPED: making a PID namespace needs root");
    return;
  }
  if (!requireProgram(t, "unshare", "util-linux")) return;
  const folder = privateFolder(t);
  const script = join(folder, "init.sh");
  writeFileSync(
    script,
    "(setsid sleep 1000 &); trap 'echo bye; exit 4' TERM; echo ready; while :; do sleep 0.02; done",
  );
  const { env, left } = marked(t);
  const inside = [process.execPath, copalBin, "run", "--", "sh", script];
  const child = spawn("unshare", ["--pid", "--fork", "--mount-proc", "--kill-child", ...inside], { env });
  const out = text(child.stdout);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const [first] = childrenOf(child.pid as number);
  process.kill(first?.osPid as number, "SIGTERM");
  const code = await new Promise((resolve) => child.on("close", resolve));
  t.strictSame([await out, code], ["ready\nbye\n", 4]);
  t.strictSame(
    left().filter(({ osPid }) => isRunning(osPid)),
    [],
  );
});
