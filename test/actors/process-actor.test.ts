import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { stopActor, whenEnded } from "#src/actors/exit-actor.js";
import type { Info } from "#src/actors/info.js";
import { ProcessActor, type ProcessSpec, placeOf } from "#src/actors/process-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ExitReason } from "#src/exit.js";
import type { ActorRef } from "#src/ref.js";
import type { ExitReport } from "#src/sidecar/exit-report.js";
import { eventually } from "#src/testing/eventually.js";
import { isRunning, processesMarked } from "../support/proc.js";

const sh = (script: string): ProcessSpec => ({ argv: ["/bin/sh", "-c", script] });

function hold(spec: ProcessSpec): Promise<ActorRef<ProcessActor>> {
  return startActor(null, { class: ProcessActor, args: [spec] });
}

/** Keeps every message it gets. */
class Recorder extends Actor {
  readonly seen: Info[] = [];
  override handleInfo(message: Info): void {
    this.seen.push(message);
  }
  lines(): string[] {
    return this.seen.flatMap((message) => (message.type === "line" ? [message.line] : []));
  }
  types(): string[] {
    return this.seen.map((message) => message.type);
  }
  holdOn(ref: ActorRef, traps: boolean): void {
    this.trapExit = traps;
    this.link(ref);
    this.monitor(ref);
  }
  crash(): void {
    throw new Error("crashed on purpose");
  }
  all(): Info[] {
    return this.seen;
  }
}

const record = () => startActor(null, { class: Recorder, args: [] }) as Promise<ActorRef<Recorder>>;

for (const [script, reason] of [
  ["exit 0", "normal"],
  ["exit 3", { exit: 3 }],
  ["kill -9 $$", { signal: "SIGKILL" }],
] as const) {
  t.test(`a process that does \`${script}\` ends its actor with ${JSON.stringify(reason)}`, async (t) => {
    t.strictSame(await whenEnded(await hold(sh(`sleep 0.05; ${script}`))), reason);
  });
}

t.test("an exit code among successExitCodes is a normal end", async (t) => {
  t.equal(await whenEnded(await hold({ ...sh("sleep 0.05; exit 3"), successExitCodes: [0, 3] })), "normal");
});

t.test("a program that is not there fails the start with stage and errno", async (t) => {
  await t.rejects(hold({ argv: ["/no/such/program"] }), {
    code: "ERR_START",
    reason: { startFailed: { stage: "exec", code: "ENOENT" } },
  });
});

t.test("a subscriber gets lines, the end of both streams and the exit, in this order", async (t) => {
  const recorder = await record();
  const process = await hold(sh("read go; echo one; printf two"));
  await process.call.subscribe(recorder, { stream: "stdout" });
  await process.call.write("\n");
  await whenEnded(process);
  t.strictSame(await recorder.call.lines(), ["one", "two"]);
  t.strictSame(await recorder.call.types(), ["line", "line", "closed", "exit"]);
});

t.test("a linked actor that traps hears of a dead process as EXIT, and a monitor as DOWN", async (t) => {
  const recorder = await record();
  const process = await hold(sh("sleep 1000"));
  await recorder.call.holdOn(process, true);
  await process.call.signal("SIGKILL");
  await whenEnded(process);
  const reason = { signal: "SIGKILL" };
  await eventually(async () => (await recorder.call.all()).length === 2);
  const seen = await recorder.call.all();
  t.match(
    [...seen].sort((a, b) => a.type.localeCompare(b.type)),
    [
      { type: "DOWN", reason },
      { type: "EXIT", reason },
    ],
  );
});

t.test("a crashed actor's process trees are gone before its own links hear of it", async (t) => {
  const id = `crash-${process.pid}`;
  const mark = `COPAL_TEST_MARK=${id}`;
  const env = { ...process.env, COPAL_TEST_MARK: id };
  const crasher = await record();
  const tree = await hold({
    ...sh("trap '' TERM; setsid sleep 1000 & sleep 1000 & wait; wait; sleep 1000"),
    env,
    stop: { graceMs: 100 },
  });
  await crasher.call.holdOn(tree, false);
  let leftWhenHeard: unknown[] | undefined;
  const heard = whenEnded(crasher).then(() => {
    leftWhenHeard = processesMarked(mark);
  });
  t.ok(processesMarked(mark).length > 0);
  await t.rejects(crasher.call.crash(), { code: "ERR_ACTOR_EXIT" });
  await heard;
  t.strictSame(leftWhenHeard, []);
});

t.test("a rejected promise crashes like a throw, and takes the tree along", async (t) => {
  class Rejecter extends Recorder {
    async reject(): Promise<void> {
      await Promise.reject(new TypeError("rejected on purpose"));
    }
  }
  const rejecter: ActorRef<Rejecter> = await startActor(null, { class: Rejecter, args: [] });
  const tree = await hold(sh("sleep 1000"));
  await rejecter.call.holdOn(tree, false);
  const osPid = placeOf(tree)?.osPid ?? 0;
  t.ok(isRunning(osPid));
  await t.rejects(rejecter.call.reject(), { code: "ERR_ACTOR_EXIT" });
  t.notOk(isRunning(osPid));
});

for (const [vice, script] of [
  ["never reads stdin", "echo ready; exec sleep 1000"],
  ["floods stdout", "echo ready; exec yes"],
  ["closes its descriptors and lives on", "echo ready; exec 0<&- 1>&- 2>&-; exec sleep 1000"],
]) {
  t.test(`a process that ${vice} is stopped within its grace`, async (t) => {
    const recorder = await record();
    const process = await hold({ ...sh(script as string), forward: [{ resolve: () => recorder, as: "lines" }] });
    process.call.write(Buffer.alloc(1_000_000)).catch(() => {});
    await eventually(async () => (await recorder.call.lines()).includes("ready"));
    const report = (await process.call.stop({ graceMs: 4_000 })) as ExitReport;
    t.match(report, { stoppedBy: "owner", killed: false });
    t.equal(await whenEnded(process), "shutdown");
  });
}

t.test("a kill of the actor kills the tree at once, whatever its grace", async (t) => {
  const process = await hold({ ...sh("trap '' TERM; sleep 1000; sleep 1000"), stop: { graceMs: 60_000 } });
  const osPid = placeOf(process)?.osPid ?? 0;
  t.equal(await stopActor(process, { shutdown: "brutal_kill" }), "killed");
  t.notOk(isRunning(osPid));
});

t.test("writing to a process that reads no more is refused, and its actor lives", async (t) => {
  const process = await hold(sh("exec 0<&-; sleep 1000"));
  await eventually(() =>
    process.call.write("x").then(
      () => false,
      (error) => error.osCode === "EPIPE",
    ),
  );
  t.match(await process.call.status(), { state: "running" });
  await stopActor(process, {});
});

t.test("a subclass hears its own output by line, then its exit, and they are no messages", async (t) => {
  const heard: unknown[] = [];
  class Talker extends ProcessActor {
    protected override onLine(stream: string, line: string): void {
      heard.push([stream, line]);
    }
    protected override onExit(report: ExitReport): void {
      heard.push(report.code);
    }
  }
  const talker: ActorRef<Talker> = await startActor(null, {
    class: Talker,
    args: [sh("read go; echo a; echo b >&2; exit 4")],
  });
  await t.rejects((talker.call as unknown as { onLine(...args: string[]): Promise<void> }).onLine("stdout", "forged"), {
    code: "ERR_NO_METHOD",
  });
  await talker.call.write("go\n");
  t.strictSame(await whenEnded(talker), { exit: 4 } satisfies ExitReason);
  t.strictSame(heard.sort(), [4, ["stderr", "b"], ["stdout", "a"]]);
});

t.test("a process says whether it lives and what its tree uses", async (t) => {
  const process = await hold(sh("sleep 1000 & sleep 1000 & wait"));
  t.equal(await process.call.alive(), true);
  await eventually(async () => (await process.call.stats()).processes === 3);
  // The kernel sums up what each processor counted, a little later.
  await eventually(async () => (await process.call.stats()).rssBytes > 0, { timeoutMs: 10_000 });
  await stopActor(process);
  await t.rejects(process.call.alive(), { code: "ERR_NOPROC" });
});

t.test("a slow receiver holds the process up instead of filling memory", async (t) => {
  const taken: Buffer[] = [];
  let release: () => void = () => {};
  class Slow extends Actor {
    async take(bytes: Buffer): Promise<void> {
      taken.push(bytes);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    }
  }
  const slow: ActorRef<Slow> = await startActor(null, { class: Slow, args: [] });
  const windowBytes = { stdout: 10_000 };
  const yes = await hold({
    argv: ["yes"],
    windowBytes,
    forward: [{ resolve: () => slow, as: "bytes", method: "take" }],
  });
  await eventually(() => taken.length === 1);
  const { osPid } = await yes.call.status();
  await eventually(async () => (await import("node:fs")).readFileSync(`/proc/${osPid}/wchan`, "utf8").includes("pipe"));
  t.ok(taken.reduce((sum, bytes) => sum + bytes.length, 0) <= 10_000);
  release();
  await eventually(() => taken.length > 1);
  await stopActor(yes, { shutdown: "brutal_kill" });
  await stopActor(slow, { shutdown: "brutal_kill" });
});
