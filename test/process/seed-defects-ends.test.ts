// What earlier systems of this kind got wrong about starts, stops and ends, each as the claim that Copal gets it right.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { open, type Session } from "#src/process/open.js";
import { run } from "#src/process/run.js";
import { resinPath } from "#src/sidecar/binary.js";
import { startBody } from "#src/sidecar/start-options.js";
import { eventually } from "#src/testing/eventually.js";
import { decodePayload, encodeFrame, eventShapes } from "#src/wire/codec.js";
import { FrameReader } from "#src/wire/frame.js";
import type { CommandBodies, WireEvent } from "#src/wire/messages.js";
import { marked } from "../support/marked.js";
import { isRunning } from "../support/proc.js";
import { skip } from "../support/skip.js";

const sh = (script: string, options = {}) => open("/bin/sh", ["-c", script], options);

t.test("a kill works at any moment of a life", async (t) => {
  for (const afterMs of [0, 1, 20, 300]) {
    const session = await open("sleep", ["1000"]);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    t.match(await session.stop({ graceMs: 0 }), { signal: "SIGKILL", killed: true });
    t.notOk(isRunning(session.osPid));
  }
});

t.test("a stop resolves when the process is dead, not when it is asked for", async (t) => {
  const session = await sh("trap 'sleep 0.2; exit 1' TERM; echo on; while :; do sleep 0.01; done");
  await session.read();
  t.match(await session.stop(), { code: 1 });
  t.notOk(isRunning(session.osPid));
});

t.test("a pipe that nobody empties holds up neither kill nor time-out", async (t) => {
  const session = await open("sleep", ["1000"]);
  const writing = session.write(Buffer.alloc(5_000_000)).catch((error: unknown) => error);
  await eventually(() => session.stats().then(({ processes }) => processes === 1));
  const began = performance.now();
  await session.stop({ graceMs: 0 });
  t.ok(performance.now() - began < 1_000);
  t.match(await writing, { code: "ERR_SIDECAR" });
  const limited = await run("sleep", ["1000"], { input: Buffer.alloc(5_000_000), timeoutMs: 100 });
  t.match(limited, { limit: "timeout", signal: "SIGTERM" });
});

t.test("all three pipes full at once hold up nothing either", async (t) => {
  const session = await sh("yes & yes >&2 & sleep 1000");
  session.write(Buffer.alloc(5_000_000)).catch(() => {});
  await eventually(() => session.stats().then(({ processes }) => processes === 4));
  const began = performance.now();
  await session.stop({ graceMs: 0 });
  t.ok(performance.now() - began < 1_000);
});

t.test("requests after the end are answered, and crash nobody", async (t) => {
  const session = await open("true");
  const report = await session.exited;
  await t.rejects(session.write("x"), { code: "ERR_SIDECAR", osCode: "ESRCH" });
  await t.rejects(session.signal("SIGTERM"), { code: "ERR_SIDECAR", osCode: "ESRCH" });
  await t.rejects(session.stats(), { code: "ERR_SIDECAR", osCode: "ESRCH" });
  t.equal(await session.stop(), report);
});

t.test("a start that fails is an error of the start, and holds nothing", async (t) => {
  await t.rejects(open("/no/such/program"), { code: "ERR_START", failure: { stage: "exec", errno: 2 } });
  await t.rejects(open("true", [], { cwd: "/no/such" }), { failure: { stage: "cwd" }, code: "ERR_START" });
  await t.rejects(open("/etc"), { failure: { code: "EACCES" }, code: "ERR_START" });
});

t.test("an option that does nothing is refused instead of ignored", async (t) => {
  await t.rejects(run("true", [], { contain: "jail" } as object), { name: "RangeError", message: /^contain must be/ });
  await t.rejects(run("true", [], { timeout: 5 } as object), { name: "RangeError", message: /no option `timeout`/ });
});

t.test("a second start on one connection, and garbage, do no harm to what runs", async (t) => {
  const { env, left } = marked(t);
  const sidecar = spawn(resinPath(), ["sidecar"], { env, stdio: ["pipe", "pipe", "inherit"] });
  const events: WireEvent[] = [];
  const reader = new FrameReader((payload) => events.push(decodePayload(eventShapes, Buffer.from(payload))));
  sidecar.stdout.on("data", (bytes: Buffer) => reader.push(bytes, false));
  const send = <Name extends keyof CommandBodies & string>(name: Name, id: number, body: CommandBodies[Name]) =>
    sidecar.stdin.write(encodeFrame<CommandBodies, Name>(name, id, body));
  const body = startBody({ argv: ["sleep", "1000"], env });
  send("hello", 1, { versions: [1, 1], capabilities: 0 });
  send("start", 2, body);
  await eventually(() => events.some(({ name }) => name === "started"));
  send("start", 3, body);
  await eventually(() => events.some(({ name, id }) => name === "error" && id === 3));
  t.match(events.at(-1), { body: { code: "ERR_STATE" } });
  t.equal(left().filter(({ name }) => name === "sleep").length, 1);
  sidecar.stdin.write(Buffer.from([0, 0, 0, 2, 0xc1, 0xc1]));
  await eventually(() => left().length === 0);
  const fatal = await eventually(() => events.find(({ name, id }) => name === "error" && id === 0));
  t.match(fatal, { body: { code: "ERR_WIRE" } });
});

t.test("the whole group and those who left it end, not the program alone", async (t) => {
  const { env, left } = marked(t);
  const session = await sh("sleep 1000 & setsid sleep 1000 & (setsid sh -c 'sleep 1000 &') ; wait", { env });
  await eventually(() => left().filter(({ name }) => name === "sleep").length === 3);
  await session.stop();
  t.strictSame(left(), []);
});

t.test("who is in a cgroup inside that of the tree ends with the tree, and neither cgroup is left", async (t) => {
  const ends = [(held: Session) => void held.stop(), (held: Session) => process.kill(held.place.sidecarPid, "SIGKILL")];
  for (const end of ends) {
    const { env, left } = marked(t);
    const session = await sh("setsid sleep 1000 & wait", { env });
    const { cgroup } = session.place;
    const hidden = await eventually(() => left().find(({ name }) => name === "sleep"));
    if (cgroup !== null) {
      mkdirSync(join(cgroup, "inner"));
      writeFileSync(join(cgroup, "inner", "cgroup.procs"), String(hidden.osPid));
    } else skip(t, "no cgroup can be made here");
    end(session);
    await session.exited;
    t.strictSame(left(), []);
    t.notOk(existsSync(cgroup ?? "/no/such"));
  }
});

t.test("the process id is the program's own", async (t) => {
  const session = await open("sleep", ["1000"]);
  t.match(readlinkSync(`/proc/${session.osPid}/exe`), /sleep|coreutils|busybox/);
  await session.stop();
});

t.test("a code above 128 is a code, and a signal a signal", async (t) => {
  t.match(await run("sh", ["-c", "exit 143"]), { code: 143, signal: null });
  t.match(await run("sh", ["-c", "kill -TERM $$"]), { code: null, signal: "SIGTERM" });
});

t.test("any signal reaches the program, by name or number", async (t) => {
  for (const signal of ["SIGUSR1", "HUP", 12, "SIGRTMIN+1"]) {
    const session = await open("sleep", ["1000"]);
    await session.signal(signal);
    t.match(await session.exited, { code: null, stoppedBy: "itself" }, String(signal));
  }
});

t.test("output flows on while the grace runs", async (t) => {
  const script = "trap 'head -c 3000000 /dev/zero; exit 0' TERM; echo on; while :; do sleep 0.01; done";
  const session = await sh(script, { windowBytes: { stdout: 4096 } });
  await session.read();
  const stopping = session.stop({ graceMs: 60_000 });
  let bytes = 0;
  for await (const chunk of session.stdout) bytes += chunk.length;
  t.equal(bytes, 3_000_000);
  t.match(await stopping, { code: 0, killed: false });
});

t.test("a grace of a day is a number like any other, and is not waited out", async (t) => {
  const session = await open("sleep", ["1000"]);
  t.match(await session.stop({ graceMs: 86_400_000 }), { signal: "SIGTERM", killed: false });
});

t.test("zombies that the program does not reap hold up no stop", async (t) => {
  const session = await sh("sh -c 'exit 0' & exec sleep 1000");
  await eventually(() => {
    const children = readFileSync(`/proc/${session.osPid}/task/${session.osPid}/children`, "utf8").trim();
    return children !== "" && readFileSync(`/proc/${children.split(" ")[0]}/stat`, "utf8").includes(") Z ");
  });
  t.match(await session.stop({ graceMs: 30_000 }), { signal: "SIGTERM", killed: false });
});

t.test("a sidecar that gets a signal stops its tree instead of leaving it", async (t) => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const) {
    const { env, left } = marked(t);
    const session = await sh("setsid sleep 1000 & wait", { env });
    process.kill(session.place.sidecarPid, signal);
    t.match(await session.exited, { stoppedBy: "sidecarSignal" }, signal);
    t.strictSame(left(), []);
  }
});

t.test("silence that ends in the moment of the limit keeps the code of the end", async (t) => {
  for (let i = 0; i < 10; i++) {
    const result = await run("sh", ["-c", "sleep 0.1; exit 7"], { idleTimeoutMs: 100 });
    t.ok(result.code === 7 || result.limit === "idle", `${result.code} ${result.limit}`);
    if (result.stoppedBy === "itself") t.match(result, { code: 7, limit: null });
  }
});

t.test("callers side by side do not disturb each other", async (t) => {
  const endings = ["exit 3", "kill -9 $$", "yes | head -c 1000000", "sleep 0.05"];
  const results = await Promise.all(Array.from({ length: 40 }, (_, i) => run("sh", ["-c", endings[i % 4] as string])));
  for (const [i, result] of results.entries())
    t.match(result, [{ code: 3 }, { signal: "SIGKILL" }, { code: 0 }, { code: 0 }][i % 4]);
});
