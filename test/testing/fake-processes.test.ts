import type { Test } from "tap";
import t from "tap";
import { stopActor, whenEnded } from "#src/actors/exit-actor.js";
import { ProcessActor, type ProcessSpec } from "#src/actors/process-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import { start } from "#src/app/tree.js";
import type { ActorRef } from "#src/ref.js";
import { fakeProcesses } from "#src/testing/fake-processes.js";
import { virtualTime } from "#src/testing/virtual-time.js";

function fakes(t: Test) {
  const processes = fakeProcesses();
  t.teardown(() => processes.close());
  const time = virtualTime({ processes });
  const hold = (argv: string[], more: Partial<ProcessSpec> = {}) =>
    startActor(null, { class: ProcessActor, args: [{ argv, ...more }], runtime: time.runtime }) as Promise<
      ActorRef<ProcessActor>
    >;
  return { processes, time, hold };
}

t.test("a process actor holds a scripted process: its words, its input, its exit", async (t) => {
  const { processes, hold } = fakes(t);
  processes.on("cat", (process) => {
    process.onInput((text) => (text === "bye\n" ? process.exit(3) : process.stdout(`${text.trim()}!\n`)));
  });
  const lines: string[] = [];
  const observe = (_stream: string, bytes: Buffer) => lines.push(bytes.toString());
  const ref = await hold(["/bin/cat", "-u"], { env: { LANG: "C" }, cwd: "/tmp", observe });
  await ref.call.write("one\n");
  await ref.call.write("bye\n").catch(() => {});
  t.strictSame(await whenEnded(ref), { exit: 3 });
  t.strictSame(lines, ["one!\n"]);
  t.match(processes.latest("cat"), { argv: ["/bin/cat", "-u"], env: { LANG: "C" }, cwd: "/tmp", input: "one\nbye\n" });
  t.strictSame(processes.running, []);
});

t.test("no process of this machine is touched: its pid is one that Linux never gives", async (t) => {
  const { processes, hold } = fakes(t);
  processes.on("x");
  const ref = await hold(["x"]);
  const { osPid, sidecarPid } = await ref.call.status();
  t.ok(osPid > 2 ** 22 && sidecarPid > 2 ** 22);
  await stopActor(ref);
});

t.test("a start fails as scripted, and a program without a script is not there", async (t) => {
  const { processes, hold } = fakes(t);
  processes.failStart("locked", { code: "EACCES", errno: 13, message: "Permission denied" });
  await t.rejects(hold(["locked"]), { code: "ERR_START", reason: { startFailed: { stage: "exec", code: "EACCES" } } });
  await t.rejects(hold(["unknown"]), { code: "ERR_START", reason: { startFailed: { code: "ENOENT" } } });
  t.strictSame(processes.started, []);
});

for (const [name, act, reason] of [
  ["exits with 0", "exit", "normal"],
  ["dies of SIGSEGV", "die", { signal: "SIGSEGV" }],
  ["is lost with its sidecar", "lose", { error: { code: "ERR_SIDECAR" } }],
] as const) {
  t.test(`a fake that ${name} ends its actor as a real one would`, async (t) => {
    const { processes, hold, time } = fakes(t);
    processes.on("x");
    const ref = await hold(["x"]);
    const fake = processes.latest("x");
    if (act === "die") fake.die("SIGSEGV");
    else fake[act]();
    await time.runUntilIdle();
    t.match(await whenEnded(ref), reason);
  });
}

t.test("a stop signals, waits its grace in virtual time, and kills", async (t) => {
  const { processes, hold, time } = fakes(t);
  processes.on("stubborn", (process) => process.ignore("SIGTERM"));
  const ref = await hold(["stubborn"], { stop: { signal: "SIGTERM", graceMs: 60_000 } });
  const report = ref.within("infinity").call.stop();
  await time.advance(59_999);
  t.strictSame(processes.latest("stubborn").signals, ["SIGTERM"]);
  await time.advance(1);
  t.match(await report, { signal: "SIGKILL", stoppedBy: "owner", killed: true, wallMs: 60_000 });
});

t.test("signals reach the script, and what it does not handle does what it does by default", async (t) => {
  const { processes, hold } = fakes(t);
  const reloads: string[] = [];
  processes.on("daemon", (process) => process.onSignal("SIGHUP", (signal) => reloads.push(signal)));
  const ref = await hold(["daemon"]);
  await ref.call.signal("SIGHUP");
  await ref.call.signal("SIGWINCH");
  t.strictSame(reloads, ["SIGHUP"]);
  await ref.call.signal("SIGUSR1");
  t.strictSame(await whenEnded(ref), { signal: "SIGUSR1" });
});

t.test("input that nobody reads is EPIPE to whoever writes it", async (t) => {
  const { processes, hold } = fakes(t);
  processes.on("deaf", (process) => process.closeStdin());
  const ref = await hold(["deaf"]);
  await t.rejects(ref.call.write("hello?"), { code: "ERR_SIDECAR", osCode: "EPIPE" });
  await stopActor(ref);
});

t.test("output beyond the window waits until what came before is consumed, and all of it arrives", async (t) => {
  const { processes, hold, time } = fakes(t);
  processes.on("flood", (process) => process.stdout(Buffer.alloc(100_000, "x")));
  let got = 0;
  const ref = await hold(["flood"], {
    windowBytes: { stdout: 1_000 },
    observe: (_stream, bytes) => {
      got += bytes.length;
    },
  });
  await time.runUntilIdle();
  t.equal(got, 100_000);
  t.equal(processes.latest("flood").blockedBytes, 0);
  await stopActor(ref);
});

t.test("the end of its actor's world is the end of the fake: by the stop signal, then by force", async (t) => {
  const { processes, time, hold } = fakes(t);
  processes.on("x", (process) => process.ignore("SIGTERM"));
  const ref = await hold(["x"]);
  await Promise.all([stopActor(ref, { shutdown: "brutal_kill" }), time.runUntilIdle()]);
  t.strictSame(processes.latest("x").signals, ["SIGKILL"]);
});

t.test("a script that throws ends its process and fails the test that closes it", async (t) => {
  const processes = fakeProcesses();
  const { runtime } = virtualTime({ processes });
  processes.on("x", () => {
    throw new Error("broken script");
  });
  const ref = await startActor(null, { class: ProcessActor, args: [{ argv: ["x"] }], runtime });
  t.strictSame(await whenEnded(ref), { exit: 255 });
  await t.rejects(processes.close(), { message: "broken script" });
});

t.test("a tree restarts a fake that crashes every minute, an hour in a moment", async (t) => {
  const { processes, time } = fakes(t);
  processes.on("worker", (process) => process.after(60_000, () => process.exit(1)));
  const tree = await start(
    { supervisor: "app", intensity: { max: 1, within: "30s" }, children: [{ process: "worker", command: ["worker"] }] },
    { runtime: time.runtime },
  );
  await time.advance(3_600_000);
  t.equal(processes.started.length, 61);
  t.equal(processes.running.length, 1);
  t.match(tree.snapshot()[1], { state: "running", restarts: 60 });
  await tree.stop();
  t.strictSame(processes.running, []);
});
