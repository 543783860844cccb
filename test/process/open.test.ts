import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import t from "tap";
import { open } from "#src/process/open.js";
import { run } from "#src/process/run.js";
import { eventually } from "#src/testing/eventually.js";
import { isRunning, processesMarked, processOf } from "../support/proc.js";

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

t.test("read pulls what is there, stream by stream, to its end", async (t) => {
  const session = await sh("read go; echo out; echo err >&2");
  const first = session.read();
  await session.write("go\n");
  t.strictSame([`${await first}`, `${await session.read("stderr")}`], ["out\n", "err\n"]);
  t.strictSame([await session.read(), await session.read("stderr")], [undefined, undefined]);
});

t.test("a read that is given up takes nothing: what comes then is the next one's", async (t) => {
  const session = await sh("read go; echo out; read go; echo more");
  const controller = new AbortController();
  const { signal } = controller;
  const given = session.read("stdout", { signal });
  controller.abort();
  await t.rejects(given, { name: "AbortError" });
  await session.write("go\n");
  t.equal(`${await session.read("stdout", { signal: new AbortController().signal })}`, "out\n");
  await t.rejects(session.read("stdout", { signal }), { name: "AbortError" });
  await session.write("go\n");
  t.equal(`${await session.read()}`, "more\n");
});

t.test("closing stdin lets a program that reads to the end answer", async (t) => {
  const session = await open("sort");
  await session.write("b\na\n");
  await session.closeStdin();
  t.equal(await text(session.stdout), "a\nb\n");
  t.match(await session.exited, { code: 0 });
  await t.rejects(session.write("late"), { code: "ERR_SIDECAR" });
});

t.test("lines of a running session can be answered one by one", async (t) => {
  const session = await sh("while read n; do echo $((n + 1)); done");
  const replies = session.lines();
  for (const n of [5, 99, 0]) {
    await session.write(`${n}\n`);
    t.equal((await replies.next()).value, String(n + 1));
  }
  await session.closeStdin();
  t.match(await replies.next(), { done: true });
});

t.test("web streams carry bytes both ways, and the end", async (t) => {
  const session = await open("cat");
  const data = Buffer.alloc(1_000_000, "web\xff", "latin1");
  const writing = new Blob([data]).stream().pipeTo(session.web.stdin);
  const chunks: Uint8Array[] = [];
  for await (const chunk of session.web.stdout) chunks.push(chunk);
  await writing;
  t.ok(Buffer.concat(chunks).equals(data));
  t.match(await session.exited, { code: 0 });
});

t.test("a web stream that nobody reads makes the program wait, and one that is cancelled does not", async (t) => {
  const session = await sh("head -c 10000000 /dev/zero; echo done >&2");
  const reader = session.web.stdout.getReader();
  await reader.read();
  const head = session.osPid;
  t.ok(isRunning(head));
  await reader.cancel();
  t.equal(await text(session.stderr), "done\n");
  t.match(await session.exited, { code: 0 });
});

t.test("a web writer learns that nobody reads any more", async (t) => {
  const session = await sh("exec 0<&-; echo closed; sleep 1000");
  await session.read();
  const writer = session.web.stdin.getWriter();
  writer.write("x").catch(() => {});
  await t.rejects(writer.closed, { code: "EPIPE" });
  await session.stop();
});

t.test("the report stays readable after the end", async (t) => {
  const session = await sh("read line; exit 3");
  t.equal(session.report, undefined);
  await session.closeStdin();
  const report = await session.exited;
  t.equal(session.report, report);
  t.equal(await session.stop(), report, "stopping what has ended gives it again");
});

t.test("a session that runs out of its time is stopped, and so is a silent one", async (t) => {
  t.match(await (await open("sleep", ["1000"], { timeoutMs: 100 })).exited, { limit: "timeout", signal: "SIGTERM" });
  t.match(await (await open("sleep", ["1000"], { idleTimeoutMs: 100 })).exited, { limit: "idle" });
});

t.test("a stalled reader costs no more than the window, and the stop is not held up", async (t) => {
  const session = await open("sh", ["-c", "yes & yes >&2 & wait"], { windowBytes: { stdout: 65_536, stderr: 65_536 } });
  const residentPages = () => process.memoryUsage().rss;
  await eventually(() => session.stats().then(({ processes }) => processes === 3));
  // A whole life of another process: what was to come would have come.
  await run("true");
  const before = residentPages();
  await run("true");
  t.ok(residentPages() - before < 8_000_000);
  await eventually(() => processOf(session.osPid)?.state === "S");
  const began = performance.now();
  await session.stop({ graceMs: 0 });
  t.ok(performance.now() - began < 1_000);
});

t.test("one-byte writes and one-megabyte writes arrive alike", async (t) => {
  const session = await open("cat");
  const hash = createHash("sha256");
  const wanted = createHash("sha256");
  const reading = (async () => {
    for await (const chunk of session.stdout) hash.update(chunk);
  })();
  const writes: Promise<void>[] = [];
  for (let i = 0; i < 10_000; i++) {
    wanted.update(Buffer.from([i & 255]));
    writes.push(session.write(Buffer.from([i & 255])));
  }
  const large = Buffer.alloc(1_000_000, "\x80\xff\0", "latin1");
  for (let i = 0; i < 20; i++) {
    wanted.update(large);
    writes.push(session.write(large));
  }
  await Promise.all(writes);
  await session.closeStdin();
  await reading;
  t.equal(hash.digest("hex"), wanted.digest("hex"));
});
