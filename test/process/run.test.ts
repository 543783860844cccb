import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import t from "tap";
import { type RunOptions, run } from "#src/process/run.js";
import { eventually } from "#src/testing/eventually.js";
import { marked } from "../support/marked.js";
import { privateFolder } from "../support/private-folder.js";
import { isRunning } from "../support/proc.js";

const sh = (script: string, options: RunOptions = {}) => run("/bin/sh", ["-c", script], options);
const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

t.test("stdout, stderr and the exit code are gathered, and a failing code is a value", async (t) => {
  const result = await sh("echo out; echo err >&2; exit 3");
  t.match(result, { stdout: "out\n", stderr: "err\n", code: 3, signal: null, ok: false, stoppedBy: "itself" });
  t.match(await sh(":"), { code: 0, ok: true, stdout: "", stderr: "" });
});

t.test("codes above 128 and signals are told apart", async (t) => {
  t.match(await sh("exit 200"), { code: 200, signal: null });
  t.match(await sh("kill -TERM $$"), { code: null, signal: "SIGTERM" });
});

t.test("a core dump is told", async (t) => {
  const cwd = privateFolder(t);
  t.match(await sh("ulimit -c 0; kill -QUIT $$", { cwd }), { signal: "SIGQUIT", code: null, core: false });
  const result = await sh("ulimit -c unlimited && kill -QUIT $$", { cwd });
  if (readFileSync("/proc/sys/kernel/core_pattern", "utf8").startsWith("core")) t.equal(result.core, true);
  else t.match(result, { signal: "SIGQUIT" });
});

t.test("a program that cannot be executed rejects with stage and errno", async (t) => {
  await t.rejects(run("/no/such/program"), { code: "ERR_START", failure: { stage: "exec", code: "ENOENT" } });
  await t.rejects(run("/etc/passwd"), { code: "ERR_START", failure: { stage: "exec", code: "EACCES" } });
});

t.test("throws makes a failure an error with the end of stderr", async (t) => {
  await t.rejects(sh("echo first >&2; echo last words >&2; exit 3", { throws: true }), {
    code: "ERR_PROCESS_EXIT",
    message: "/bin/sh ended with exit 3: first\nlast words",
    report: { code: 3 },
    stderr: "first\nlast words",
  });
  await t.rejects(sh("kill -9 $$", { throws: true }), {
    message: /was ended by SIGKILL/,
    report: { signal: "SIGKILL" },
  });
  t.match(await sh("exit 3", { throws: true, successExitCodes: [0, 3] }), { ok: true, code: 3 });
});

t.test("the error quotes no more than the last 4 KiB, from the start of a line", async (t) => {
  const failure = sh("seq 1 100000 >&2; exit 1", { throws: true });
  const { stderr } = (await failure.catch((error: unknown) => error)) as { stderr: string };
  t.ok(stderr.length <= 4096);
  t.match(stderr, /^\d+\n(\d+\n)*100000$/);
});

t.test("a time-out keeps the output so far and leaves nothing of the tree", async (t) => {
  const { env, left } = marked(t);
  const result = await sh("echo partial; sleep 1000 & wait", { timeoutMs: 200, env });
  t.match(result, { stdout: "partial\n", limit: "timeout", stoppedBy: "owner", ok: false, outputWhole: true });
  t.strictSame(left(), []);
});

t.test(
  "a time-out keeps the code of a program that ends in order at the stop signal, and is a failure all the same",
  async (t) => {
    const result = await sh("trap 'exit 0' TERM; echo on; while :; do sleep 0.01; done", { timeoutMs: 200 });
    t.match(result, { stdout: "on\n", code: 0, limit: "timeout", ok: false });
  },
);

t.test("a time-out kills what ignores the stop signal after its grace", async (t) => {
  const options = { timeoutMs: 200, stop: { graceMs: 50 } };
  const result = await sh("trap '' TERM; echo on; while :; do sleep 0.01; done", options);
  t.match(result, { signal: "SIGKILL", killed: true, limit: "timeout" });
});

t.test("silence for the idle time ends it, and either stream breaks the silence", async (t) => {
  t.match(await sh("echo once; sleep 1000", { idleTimeoutMs: 150 }), { limit: "idle", stdout: "once\n" });
  const talks = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.05; echo $i >&2; done";
  t.match(await sh(talks, { idleTimeoutMs: 400 }), { limit: null, ok: true });
});

t.test("output stops at its limit to the byte, and the program with it", async (t) => {
  const result = await run("yes", [], { outputLimitBytes: 100_001 });
  t.equal(result.stdout.length, 100_001);
  t.match(result, { limit: "output", outputWhole: false, stoppedBy: "owner", ok: false });
});

t.test("both streams together count towards the limit", async (t) => {
  const result = await sh("head -c 600 /dev/zero; head -c 600 /dev/zero >&2; sleep 1000", { outputLimitBytes: 1000 });
  t.equal(result.stdout.length + result.stderr.length, 1000);
  t.match(result, { limit: "output" });
});

t.test("observers see the bytes while the program runs", async (t) => {
  const seen: string[] = [];
  let open = () => {};
  const both = new Promise<void>((resolve) => {
    open = resolve;
  });
  const observe = (name: string) => (bytes: Buffer) => {
    seen.push(`${name} ${bytes}`);
    if (seen.length === 2) open();
  };
  const running = sh("echo a; sleep 0.02; echo b >&2; read line", {
    onStdout: observe("out"),
    onStderr: observe("err"),
    input: (async function* () {
      await both;
      yield "go\n";
    })(),
  });
  await both;
  t.strictSame(seen, ["out a\n", "err b\n"]);
  t.match(await running, { ok: true, stdout: "a\n" });
});

t.test("an observer that throws or rejects stops the program and rejects the run", async (t) => {
  const { env, left } = marked(t);
  const fails = () => {
    throw new TypeError("seen enough");
  };
  await t.rejects(run("yes", [], { onStdout: fails, env }), { name: "TypeError", message: "seen enough" });
  await t.rejects(run("yes", [], { onStdout: async () => fails(), env }), { message: "seen enough" });
  t.strictSame(left(), []);
});

t.test("an observer's promise holds the program up after a window", async (t) => {
  let bytes = 0;
  let pass = () => {};
  const gate = new Promise<void>((resolve) => {
    pass = resolve;
  });
  const running = sh("head -c 2000000 /dev/zero; echo done >&2", {
    windowBytes: { stdout: 65_536 },
    onStdout: async (chunk) => {
      bytes += chunk.length;
      await gate;
    },
  });
  await eventually(() => bytes >= 65_536);
  // A whole life of another process: what was to come would have come.
  await run("true");
  t.ok(bytes <= 65_536, `${bytes} bytes are out while nobody has consumed any`);
  pass();
  t.match(await running, { ok: true, stderr: "done\n" });
  t.equal(bytes, 2_000_000);
});

t.test("input reaches the program as text, bytes or parts, and its end as well", async (t) => {
  t.equal((await run("cat", [], { input: "grüße" })).stdout, "grüße");
  t.equal((await run("wc", ["-c"], { input: Buffer.alloc(1_000_000) })).stdout.trim(), "1000000");
  t.equal((await run("sort", [], { input: ["b\n", "a\n"] })).stdout, "a\nb\n");
  t.equal((await run("cat", [], { input: new Blob(["web"]).stream() })).stdout, "web");
  t.equal((await run("cat")).stdout, "", "without input it reads nothing");
});

t.test("a program that does not read its input is no failure", async (t) => {
  t.match(await run("true", [], { input: Buffer.alloc(5_000_000) }), { ok: true });
  const forever = (async function* () {
    for (;;) yield "y\n";
  })();
  t.match(await run("head", ["-n", "2"], { input: forever }), { ok: true, stdout: "y\ny\n" });
  const silent = (async function* () {
    await new Promise(() => {});
    yield "";
  })();
  t.match(await run("true", [], { input: silent }), { ok: true });
});

t.test("an input that throws stops the program and rejects the run with its error", async (t) => {
  const { env, left } = marked(t);
  const broken = (async function* () {
    yield "a";
    throw new TypeError("no more input");
  })();
  await t.rejects(run("cat", [], { input: broken, env }), { message: "no more input" });
  t.strictSame(left(), []);
});

t.test("an abort rejects with its reason once nothing of the tree is left", async (t) => {
  const { env, left } = marked(t);
  const controller = new AbortController();
  const onStdout = () => controller.abort(new Error("not wanted any more"));
  const running = sh("sleep 1000 & echo ready; wait", { signal: controller.signal, onStdout, env });
  await t.rejects(running, { message: "not wanted any more" });
  t.strictSame(left(), []);
  await t.rejects(run("true", [], { signal: AbortSignal.abort() }), { name: "AbortError" });
});

t.test("bytes survive as they are with the encoding `buffer`, and as far as they can with others", async (t) => {
  const bytes = Buffer.from([0x80, 0xff, 0x00, 0xc3, 0x28, 0x0a]);
  const result = await run("cat", [], { input: bytes, encoding: "buffer" });
  t.strictSame(result.stdout, bytes);
  t.equal((await run("cat", [], { input: bytes, encoding: "hex" })).stdout, bytes.toString("hex"));
  t.equal((await run("cat", [], { input: bytes })).stdout, bytes.toString("utf8"));
  await t.rejects(run("true", [], { encoding: "klingon" as BufferEncoding }), { name: "RangeError" });
});

t.test("a character cut between two chunks stays whole", async (t) => {
  t.equal((await sh("printf '\\303'; sleep 0.05; printf '\\274'")).stdout, "ü");
});

t.test("what a program leaves in the background is gone when the run resolves, and its exit code stays", async (t) => {
  const { env, left } = marked(t);
  const result = await sh("sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & exit 5", { env });
  t.match(result, { code: 5, stoppedBy: "itself" });
  t.ok(result.leftBehind >= 1);
  t.strictSame(left(), []);
});

t.test("a grandchild that holds stdout after the leader's end does not hold up the run", async (t) => {
  const result = await sh("trap '' TERM; sleep 1000 & echo on top", { orphanGraceMs: 100 });
  t.match(result, { code: 0, killed: true, limit: null });
  t.equal(result.stdout, "on top\n");
});

t.test("a program that closes both outputs and lives on is waited for", async (t) => {
  t.match(await sh("exec >&- 2>&-; sleep 0.2; exit 4"), { code: 4, stdout: "", ok: false });
});

t.test("a program whose sidecar is killed ends with that, and nothing of it is left", async (t) => {
  const { env, left } = marked(t);
  const script = "setsid sleep 1000 & echo $PPID; wait";
  const result = await sh(script, { env, onStdout: (bytes) => process.kill(Number(bytes), "SIGKILL") });
  t.match(result, { stoppedBy: "sidecarLost", code: null, ok: false, outputWhole: false });
  t.strictSame(left(), []);
});

t.test("a sidecar that does not move any more is given up after the grace", async (t) => {
  const { env, left } = marked(t);
  const options: RunOptions = { env, stop: { graceMs: 50 } };
  const result = await sh("echo $PPID; sleep 1000", {
    ...options,
    timeoutMs: 300,
    onStdout: (bytes) => process.kill(Number(bytes), "SIGSTOP"),
  });
  t.match(result, { stoppedBy: "sidecarLost", ok: false });
  t.strictSame(left(), []);
});

t.test("wrong limits are refused before anything starts", async (t) => {
  for (const options of [{ timeoutMs: 0 }, { timeoutMs: 2 ** 31 }, { idleTimeoutMs: 1.5 }, { outputLimitBytes: -1 }])
    await t.rejects(run("true", [], options), { name: "RangeError", message: /must be a whole number from 1/ });
});

t.test("100 MB of stdout and of stderr at once arrive byte for byte", async (t) => {
  const block = randomBytes(1_000_000);
  const input = (async function* () {
    for (let i = 0; i < 100; i++) yield block;
  })();
  const options = { input, encoding: "buffer" as const, outputLimitBytes: 2e8 };
  const { stdout, stderr } = await run("/bin/sh", ["-c", "tee /dev/stderr"], options);
  const sum = createHash("sha256");
  for (let i = 0; i < 100; i++) sum.update(block);
  const wanted = sum.digest("hex");
  t.strictSame([sha(stdout), sha(stderr)], [wanted, wanted]);
});

t.test("every byte of short programs that end at once arrives", async (t) => {
  const data = randomBytes(1_000_000);
  const sizes = Array.from({ length: 300 }, (_, i) => (i * 7919 * 131) % 1_000_001);
  const wrong: number[] = [];
  const next = async (): Promise<void> => {
    const size = sizes.pop();
    if (size === undefined) return;
    const { stdout } = await run("head", ["-c", String(size)], { input: data, encoding: "buffer" });
    if (sha(stdout) !== sha(data.subarray(0, size))) wrong.push(size);
    return next();
  };
  await Promise.all(Array.from({ length: 8 }, next));
  t.strictSame(wrong, []);
});

t.test("a run leaves no sidecar behind for long", async (t) => {
  const { stdout } = await sh("echo $PPID");
  t.ok(await eventually(() => !isRunning(Number(stdout))));
});
