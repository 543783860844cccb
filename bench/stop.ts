/**
 * How long does it take until what was stopped is gone? An actor that spins for ever in a thread of its own, beside a bare `terminate()` of a thread that
 * does; and a process tree, beside a bare fork, kill and wait. And what do the siblings of a stuck actor feel of it?
 *
 * A stop counts when its end is told: the thread is gone then, and the tree is empty.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type ActorRef, open, type Session, start } from "copal";
import { progress, type Report, report, row, type Samples } from "./report.js";
import type { Stuck } from "./stuck.js";

const ROUNDS = 15;
const SHUTDOWN_MS = 200;
const TREES = 400;
const WARM_UP_TREES = 50;
const MORE_THAN_PIPES_HOLD = Buffer.alloc(4 * 1024 * 1024);
/** Floods have filled everything long before. */
const FULL_AFTER_MS = 20;
/** Long enough for a thread that was started to have settled, and for the kernel to have moved it where it belongs. */
const SETTLED_MS = 100;

const entry = new URL("./stuck.js", import.meta.url);
const module = `${fileURLToPath(entry)}#Stuck`;

/** Measures stops, each beside the barest thing there is. */
export async function measure(): Promise<Report> {
  const trees = await processTrees();
  const stuck = await stuckActors();
  return report("stop", [...stuck, ...trees]);
}

async function stuckActors() {
  const beyond: Samples = { copal: [], "terminate()": [] };
  const calls: Samples = { copal: [], "idle run": [] };
  for (let round = -1; round < ROUNDS; round++) {
    progress(`stop: a stuck actor, ${round < 0 ? "warming up" : `round ${round + 1} of ${ROUNDS}`}`);
    await using siblings = await start({
      supervisor: "siblings",
      children: [{ actor: "sibling", module, thread: "own" }],
    });
    const sibling = siblings.whereis<Stuck>("sibling") as ActorRef<Stuck>;
    const tree = await start({
      supervisor: "bench",
      children: [{ actor: "stuck", module, thread: "own", shutdown: SHUTDOWN_MS }],
    });
    await wait(SETTLED_MS);
    const idleUs = await callsWhile(sibling, wait(SHUTDOWN_MS));
    const bareMs = await bareTerminate(sibling);
    await spinning((spins) => tree.whereis<Stuck>("stuck")?.cast.spin(spins));
    const began = performance.now();
    const stopped = tree.stop().then(() => performance.now() - began);
    const busyUs = await callsWhile(sibling, stopped);
    const stoppedMs = (await stopped) - SHUTDOWN_MS;
    if (round < 0) continue;
    beyond["terminate()"]?.push(bareMs);
    beyond.copal?.push(stoppedMs);
    calls["idle run"]?.push(...idleUs);
    calls.copal?.push(...busyUs);
  }
  return [
    row("while (true) in an own actor, stopped: beyond its shutdown time", "ms", "lower", beyond),
    row("a sibling's call meanwhile, one at a time", "us", "lower", calls),
  ];
}

/** Calls one at a time until `work` is done, and gives the microseconds of each. */
async function callsWhile(ref: ActorRef<Stuck>, work: Promise<unknown>): Promise<number[]> {
  const each: number[] = [];
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    const began = performance.now();
    await ref.call.echo(1);
    each.push((performance.now() - began) * 1_000);
    // Timers have their turns, as in any program.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  return each;
}

/** Milliseconds that a bare `terminate()` of a thread takes that spins, while others are as busy as beside the actor. */
async function bareTerminate(sibling: ActorRef<Stuck>): Promise<number> {
  let worker: Worker | undefined;
  await spinning((spins) => {
    worker = new Worker(entry, { workerData: { spins } });
  });
  let ms = 0;
  await callsWhile(
    sibling,
    wait(SHUTDOWN_MS).then(async () => {
      const began = performance.now();
      await worker?.terminate();
      ms = performance.now() - began;
    }),
  );
  return ms;
}

/** Lets something spin, and resolves when it does. */
async function spinning(begin: (spins: Int32Array) => void): Promise<void> {
  const spins = new Int32Array(new SharedArrayBuffer(4));
  begin(spins);
  while (Atomics.load(spins, 0) === 0) await wait(1);
}

async function processTrees() {
  const alone: Samples = { copal: [], "kill and wait": [], "fork, kill and wait": [] };
  const full: Samples = { copal: [], "kill and wait": [], "fork, kill and wait": [] };
  const family: Samples = { copal: [] };
  for (let round = -WARM_UP_TREES; round < TREES; round++) {
    if (round % 100 === 0) progress(`stop: process trees, ${round} of ${TREES}`);
    const bare = await bareKill();
    const oneMs = await stopOf("sleep", ["1000"]);
    const fullMs = await stopOf("sh", ["-c", "yes >&2 & exec yes"], fillPipes);
    const threeMs = await stopOf("sh", ["-c", "sleep 1000 & sleep 1000 & echo; wait"], sayHello);
    if (round < 0) continue;
    for (const peers of [alone, full]) {
      peers["kill and wait"]?.push(bare.killMs);
      peers["fork, kill and wait"]?.push(bare.wholeMs);
    }
    alone.copal?.push(oneMs);
    full.copal?.push(fullMs);
    family.copal?.push(threeMs);
  }
  return [
    row("a process, from stop with a zero grace to tree empty", "ms", "lower", alone),
    row(
      "two that flood stdout and stderr and never read stdin, from stop with a zero grace to tree empty",
      "ms",
      "lower",
      full,
    ),
    row("a shell with two children, from stop with a zero grace to tree empty", "ms", "lower", family),
  ];
}

async function stopOf(program: string, args: string[], prepare?: (session: Session) => Promise<unknown>) {
  const session = await open(program, args);
  await prepare?.(session);
  const began = performance.now();
  await session.stop({ graceMs: 0 });
  return performance.now() - began;
}

const sayHello = (session: Session): Promise<unknown> => once(session.stdout, "data");

/** Leaves every pipe and window full, in both directions. */
async function fillPipes(session: Session): Promise<void> {
  // It rejects with the end.
  session.write(MORE_THAN_PIPES_HOLD).catch(() => {});
  await wait(FULL_AFTER_MS);
}

/** Milliseconds from the kill to the end, and from before the fork. */
async function bareKill(): Promise<{ killMs: number; wholeMs: number }> {
  const began = performance.now();
  const child = spawn("sleep", ["1000"], { stdio: "ignore" });
  await once(child, "spawn");
  const forked = performance.now();
  child.kill("SIGKILL");
  await once(child, "exit");
  const ended = performance.now();
  return { killMs: ended - forked, wholeMs: ended - began };
}
