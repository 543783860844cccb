import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import t from "tap";
import { open } from "#src/process/open.js";
import { eventually } from "#src/testing/eventually.js";
import { isRunning, processesMarked } from "../support/proc.js";

const sh = (script: string, options = {}) => open("/bin/sh", ["-c", script], options);

t.test("a program's output and exit code arrive", async (t) => {
  const session = await open("echo", ["hello"]);
  t.equal(await text(session.stdout), "hello\n");
  t.match(await session.exited, { code: 0, signal: null, stoppedBy: "itself", killed: false, leftBehind: 0 });
});

t.test("stdout and stderr arrive apart, and so does an exit code", async (t) => {
  const session = await sh("echo out; echo err >&2; exit 7");
  t.strictSame(await Promise.all([text(session.stdout), text(session.stderr)]), ["out\n", "err\n"]);
  t.match(await session.exited, { code: 7, signal: null });
});

t.test("what is written comes back through cat, and ending stdin ends it", async (t) => {
  const session = await open("cat");
  session.stdin.write("one ");
  session.stdin.end("two");
  t.equal(await text(session.stdout), "one two");
  t.match(await session.exited, { code: 0 });
});

t.test("ten megabytes go through cat byte for byte", async (t) => {
  const data = Buffer.alloc(10_000_000, "0123456789abcdef\n\x80\xff", "latin1");
  const session = await open("cat");
  session.stdin.end(data);
  const hash = createHash("sha256");
  for await (const chunk of session.stdout) hash.update(chunk);
  t.equal(hash.digest("hex"), createHash("sha256").update(data).digest("hex"));
});

t.test("output that nobody reads blocks the process and not the stop", async (t) => {
  const session = await open("yes");
  session.stdout.once("readable", () => {});
  const report = await session.stop({ graceMs: 5_000 });
  t.match(report, { signal: "SIGTERM", stoppedBy: "owner", killed: false });
  t.notOk(isRunning(session.osPid));
});

t.test("the last output of a program that exits at once is whole", async (t) => {
  const session = await sh("head -c 300000 /dev/zero", { windowBytes: { stdout: 4096 } });
  let length = 0;
  for await (const chunk of session.stdout) length += chunk.length;
  t.equal(length, 300_000);
});

t.test("a stop kills what ignores SIGTERM after its grace, and the whole tree with it", async (t) => {
  const mark = `COPAL_TEST_MARK=stop-${process.pid}`;
  const env = { ...process.env, COPAL_TEST_MARK: mark.split("=")[1] };
  const session = await sh("trap '' TERM; (trap '' TERM; sleep 1000) & echo ready; wait; wait", { env });
  await new Promise((resolve) => session.stdout.once("data", resolve));
  const report = await session.stop({ graceMs: 50 });
  t.match(report, { signal: "SIGKILL", stoppedBy: "owner", killed: true });
  t.strictSame(processesMarked(mark), []);
});

t.test("a signal reaches the leader and its end tells of it", async (t) => {
  const session = await open("sleep", ["1000"]);
  await session.signal("SIGUSR1");
  t.match(await session.exited, { code: null, signal: "SIGUSR1", stoppedBy: "itself" });
});

t.test("a missing program fails with stage and errno, and starts nothing", async (t) => {
  await t.rejects(open("/no/such/program"), {
    code: "ERR_START",
    failure: { stage: "exec", code: "ENOENT", errno: 2 },
  });
});

t.test("a working directory that is not there fails with its own stage", async (t) => {
  await t.rejects(open("true", [], { cwd: "/no/such/dir" }), {
    code: "ERR_START",
    failure: { stage: "cwd", code: "ENOENT" },
  });
});

t.test("an abort stops the process by its plan", async (t) => {
  const controller = new AbortController();
  const session = await open("sleep", ["1000"], { signal: controller.signal });
  controller.abort();
  t.match(await session.exited, { signal: "SIGTERM", stoppedBy: "owner" });
});

t.test("writing to a process that has closed its stdin fails with EPIPE", async (t) => {
  const session = await sh("exec 0<&-; echo closed; sleep 1000");
  await new Promise((resolve) => session.stdout.once("data", resolve));
  const failure = new Promise((resolve) => session.stdin.once("error", resolve));
  session.stdin.write("x");
  t.match(await failure, { code: "EPIPE" });
  await session.stop();
});

t.test("killing the sidecar ends the whole tree, and the report says so", async (t) => {
  const mark = `COPAL_TEST_MARK=lost-${process.pid}`;
  const env = { ...process.env, COPAL_TEST_MARK: mark.split("=")[1] };
  const session = await sh("setsid sleep 1000 & echo ready; sleep 1000", { env });
  await new Promise((resolve) => session.stdout.once("data", resolve));
  process.kill(session.place.sidecarPid, "SIGKILL");
  t.match(await session.exited, { stoppedBy: "sidecarLost", code: null });
  t.strictSame(processesMarked(mark), [], "nothing of it is left when the report comes");
});

t.test("leaving the block of `await using` leaves nothing running", async (t) => {
  const session = await open("sleep", ["1000"]);
  await session[Symbol.asyncDispose]();
  t.notOk(isRunning(session.osPid));
  await eventually(() => !isRunning(session.place.sidecarPid));
});
