import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { stopActor, whenEnded } from "#src/actors/exit-actor.js";
import type { Info } from "#src/actors/info.js";
import { ProcessActor, type ProcessSpec } from "#src/actors/process-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ExitReason } from "#src/exit.js";
import type { ActorRef } from "#src/ref.js";
import type { ExitReport } from "#src/sidecar/exit-report.js";
import { eventually } from "#src/testing/eventually.js";
import { isRunning } from "../support/proc.js";

const sh = (script: string): ProcessSpec => ({ argv: ["/bin/sh", "-c", script] });
const hold = (spec: ProcessSpec) =>
  startActor(null, { class: ProcessActor, args: [spec] }) as Promise<ActorRef<ProcessActor>>;

/** Keeps every message it gets; crashes on request. */
class Recorder extends Actor {
  readonly seen: Info[] = [];
  override handleInfo(message: Info): void {
    this.seen.push(message);
  }
  all(): Info[] {
    return [...this.seen];
  }
  crash(): void {
    throw new Error("crashed on purpose");
  }
  finish(): void {
    this.exit("normal");
  }
}

const record = () => startActor(null, { class: Recorder, args: [] }) as Promise<ActorRef<Recorder>>;
const typesOf = async (ref: ActorRef<Recorder>) => (await ref.call.all()).map(({ type }) => type);

for (const [as, script, wanted] of [
  ["json", `printf '{"a":1}\\nnope\\n[2]\\n'`, [{ value: { a: 1 } }, { problem: /not JSON/ }, { value: [2] }]],
  [
    "lengthPrefixed",
    `printf '\\0\\0\\0\\3one\\0\\0\\0\\0'`,
    [{ bytes: Buffer.from("one") }, { bytes: Buffer.alloc(0) }],
  ],
  ["bytes", "printf '\\377\\0x'", [{ bytes: Buffer.from([0xff, 0, 0x78]) }]],
  ["lines", "printf 'a\\nb'", [{ line: "a" }, { line: "b" }]],
] as const) {
  t.test(`a subscriber gets output as ${as}, then the end`, async (t) => {
    const recorder = await record();
    const process = await hold(sh(`read go; ${script}`));
    await process.call.subscribe(recorder, { as, stream: "stdout" });
    await process.call.write("\n");
    await whenEnded(process);
    t.match(await recorder.call.all(), [...wanted, { type: "closed" }, { type: "exit", report: { code: 0 } }]);
  });
}

t.test("several subscribers each get everything in their own form", async (t) => {
  const [one, two] = [await record(), await record()];
  const process = await hold(sh("read go; echo a; echo b >&2"));
  await process.call.subscribe(one);
  await process.call.subscribe(two, { as: "bytes", stream: "stderr" });
  t.equal((await process.call.status()).subscribers, 2);
  await process.call.write("\n");
  await whenEnded(process);
  t.match(await one.call.all(), [
    { line: "a" },
    { line: "b" },
    { type: "closed" },
    { type: "closed" },
    { type: "exit" },
  ]);
  t.match(await two.call.all(), [{ bytes: Buffer.from("b\n") }, { stream: "stderr" }, { type: "exit" }]);
});

t.test("a subscriber that ends is forgotten, and the process goes on", async (t) => {
  const recorder = await record();
  const process = await hold(sh("while read line; do echo $line; done"));
  await process.call.subscribe(recorder);
  await recorder.call.crash().catch(() => {});
  t.equal((await process.call.status()).subscribers, 0);
  await process.call.subscribe(recorder);
  t.equal((await process.call.status()).subscribers, 0, "nor does a dead one come back");
  await process.call.write("x".repeat(300_000).concat("\n"));
  await stopActor(process);
});

t.test("a subscription in a form that is none is refused, and harms nobody", async (t) => {
  const process = await hold(sh("sleep 1000"));
  await t.rejects(process.call.subscribe(await record(), { as: "xml" as "json" }), { name: "RangeError" });
  t.equal(await process.call.alive(), true);
  await stopActor(process);
});

t.test("a subscriber that falls behind by a window holds the process up, and loses nothing", async (t) => {
  let pass = () => {};
  const gate = new Promise<void>((resolve) => {
    pass = resolve;
  });
  let bytes = 0;
  class Slow extends Actor {
    override async handleInfo(message: Info): Promise<void> {
      if (message.type !== "output") return;
      bytes += message.bytes.length;
      await gate;
    }
  }
  const slow = await startActor(null, { class: Slow, args: [] });
  const process = await hold({ ...sh("read go; head -c 3000000 /dev/zero"), windowBytes: { stdout: 65_536 } });
  await process.call.subscribe(slow, { as: "bytes" });
  await process.call.write("\n");
  await eventually(() => bytes > 0);
  t.ok(isRunning((await process.call.status()).osPid));
  t.ok(bytes <= 65_536);
  pass();
  await whenEnded(process);
  await eventually(() => bytes === 3_000_000);
});

t.test("the last bytes are kept, and come with the report", async (t) => {
  const recorder = await record();
  const process = await hold({ ...sh("seq 1 100000; echo last words >&2; read go; exit 3"), tailBytes: 12 });
  await process.call.subscribe(recorder);
  await eventually(async () => (await process.call.tail("stderr")) === "last words\n");
  await eventually(async () => (await process.call.tail()) === "9999\n100000\n");
  await process.call.write("\n");
  t.strictSame(await whenEnded(process), { exit: 3 });
  const exit = (await recorder.call.all()).at(-1);
  t.match(exit, { type: "exit", tail: { stdout: "9999\n100000\n", stderr: "last words\n" } });
});

t.test("a process that is handed over belongs to its new owner alone", async (t) => {
  const [first, second] = [await record(), await record()];
  const process = await hold({ ...sh("while read line; do echo $line; done"), owner: first });
  await process.call.subscribe(first, { as: "bytes" });
  await process.call.write("one\n");
  await eventually(async () => (await typesOf(first)).includes("output"));
  await process.call.handOver(second);
  t.match(await process.call.status(), { owner: second, subscribers: 1 });
  await process.call.write("two\n");
  await eventually(async () => (await typesOf(second)).length > 0);
  t.match(await first.call.all(), [{ type: "output" }, { type: "handedOver", from: process, to: second }]);
  t.match(await second.call.all(), [{ type: "output", bytes: Buffer.from("two\n") }]);
  await first.call.finish().catch(() => {});
  t.equal(await process.call.alive(), true, "the owner before is nobody to it");
  await stopActor(process);
});

t.test("a process ends with its owner, however that ends, and says so", async (t) => {
  for (const end of ["finish", "crash"] as const) {
    const [owner, watcher] = [await record(), await record()];
    const process = await hold(sh("sleep 1000"));
    const { osPid } = await process.call.status();
    await process.call.subscribe(watcher);
    await process.call.handOver(owner);
    await owner.call[end]().catch(() => {});
    t.strictSame(await whenEnded(process), { shutdown: "ownerGone" });
    t.notOk(isRunning(osPid));
    t.match((await watcher.call.all()).at(-1), { type: "exit", report: { stoppedBy: "ownerGone" } });
  }
});

t.test("nobody who is gone becomes an owner", async (t) => {
  const gone = await record();
  await stopActor(gone);
  const process = await hold(sh("sleep 1000"));
  await t.rejects(process.call.handOver(gone), { code: "ERR_NOPROC" });
  await stopActor(process);
});

const ends: readonly [string, ProcessSpec, ExitReason, Partial<ExitReport>][] = [
  ["an exit code", sh("sleep 0.05; exit 200"), { exit: 200 }, { code: 200, stoppedBy: "itself" }],
  ["a signal", sh("sleep 0.05; kill -TERM $$"), { signal: "SIGTERM" }, { signal: "SIGTERM", stoppedBy: "itself" }],
  ["its time", { ...sh("sleep 1000"), timeoutMs: 60 }, { limit: "timeout" }, { limit: "timeout" }],
  ["silence", { ...sh("sleep 1000"), idleTimeoutMs: 60 }, { limit: "idle" }, { limit: "idle" }],
  [
    "its output",
    { argv: ["yes"], outputLimitBytes: 100_000 },
    { limit: "output" },
    { limit: "output", outputWhole: false },
  ],
];
for (const [what, spec, reason, report] of ends) {
  t.test(`${what} ends a process with a reason and a report of its own`, async (t) => {
    const recorder = await record();
    const process = await hold(spec);
    await process.call.subscribe(recorder, { as: "bytes", stream: "stderr" });
    t.strictSame(await whenEnded(process), reason);
    t.match((await recorder.call.all()).at(-1), { type: "exit", report });
  });
}

t.test("a lost sidecar ends its process with a reason of its own", async (t) => {
  const process = await hold(sh("sleep 1000"));
  globalThis.process.kill((await process.call.status()).sidecarPid, "SIGKILL");
  t.match(await whenEnded(process), { error: { code: "ERR_SIDECAR" } });
});

t.test("a sidecar that is told to end is told apart from its process's own end", async (t) => {
  const recorder = await record();
  const process = await hold(sh("sleep 1000"));
  await process.call.subscribe(recorder);
  globalThis.process.kill((await process.call.status()).sidecarPid, "SIGTERM");
  t.match(await whenEnded(process), { error: { code: "ERR_SIDECAR", message: /told to end/ } });
  t.match((await recorder.call.all()).at(-1), { type: "exit", report: { stoppedBy: "sidecarSignal" } });
});

t.test("a subclass says what an end means, and its error is the reason where it fails to", async (t) => {
  class Lenient extends ProcessActor {
    protected override exitReasonOf(report: ExitReport): ExitReason {
      if (report.code === 4) throw new TypeError("no idea");
      return { shutdown: `code ${report.code}` };
    }
  }
  const end = async (code: number) =>
    whenEnded(await startActor(null, { class: Lenient, args: [sh(`sleep 0.05; exit ${code}`)] }));
  t.strictSame(await end(3), { shutdown: "code 3" });
  t.match(await end(4), { error: { name: "TypeError", message: "no idea" } });
});
