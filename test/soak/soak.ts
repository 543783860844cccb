/**
 * Breaks threads of a tree in every way there is, again and again, and lets it rest now and then to look at what is held. It says what it saw and judges
 * nothing.
 */
import { subscribe } from "node:diagnostics_channel";
import { fileURLToPath } from "node:url";
import { exitActor } from "#src/actors/exit-actor.js";
import { start, type Tree } from "#src/app/tree.js";
import type { ActorChild } from "#src/app/tree-spec.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { threadName } from "#src/threads/threads.js";
import { allProcesses, commandLine } from "../support/proc.js";
import { actorsFolder, resident } from "../support/resident.js";
import type { Sample } from "./verdict.js";
import { vitalSigns } from "./vital-signs.js";

/** How long, and how hard. */
export interface SoakOptions {
  readonly forMs: number;
  /** Between two crashes; one that finds nobody up to crash is left out. */
  readonly everyMs: number;
  /** How many rests there are. What is seen at the first quarter of them does not count: the engine is still compiling, and what is made once is made. */
  readonly rests: number;
  readonly onSample?: (sample: Sample) => void;
}

/** What a soak saw. */
export interface Soaked {
  readonly samples: readonly Sample[];
  /** How many of each kind there were. */
  readonly crashes: Readonly<Record<string, number>>;
}

type Victim = ActorRef<{
  [method: string]: { method(...args: unknown[]): unknown }["method"];
}>;

/** Ways to break, by how they are done; `own` ones are for actors with threads of their own. */
const breaks: Record<string, { own?: true; act: (victim: Victim) => void }> = {
  "an actor's crash": { act: (victim) => victim.cast.crash?.("soaked") },
  "an uncaught exception": { act: (victim) => victim.cast.throwLater?.() },
  "an unhandled rejection": { act: (victim) => victim.cast.rejectLater?.() },
  "process.exit": { act: (victim) => victim.cast.leaveThread?.(3) },
  "stuck, and found": { act: (victim) => victim.cast.spin?.(new Int32Array(new SharedArrayBuffer(4))) },
  "stuck, and killed": {
    own: true,
    act: (victim) => {
      victim.cast.spin?.(new Int32Array(new SharedArrayBuffer(4)));
      exitActor(victim as never, "kill");
    },
  },
  "killed in an await": {
    act: (victim) => {
      void victim.call.never?.().catch(() => {});
      exitActor(victim as never, "kill");
    },
  },
  "out of memory": { own: true, act: (victim) => victim.cast.eat?.() },
};
const kinds = Object.keys(breaks);

/** How long all have to come to rest, and each of them to answer. They come up one after the other, on a crowded machine in several seconds each. */
const REST_MS = 120_000;
const ANSWER_MS = 5_000;

const trees = fileURLToPath(new URL("../../../test/fixtures/trees", import.meta.url));

function child(id: string, thread: "own" | "pool", program?: string[]): ActorChild {
  const more = { watchdog: 1_000, shutdown: 100, ...(thread === "own" && { heap: "64M" }) };
  const args = program && [program, `soak-${process.pid}`];
  return resident(id, thread, { ...more, ...(args && { module: "./holder.mjs#Holder", args }) });
}

const sleeps = ["sleep", "1000"];
const daemons = ["sh", `${trees}/double-forks.sh`];
const children = [
  ...["own-1", "own-2"].map((id) => child(id, "own")),
  ...["pool-1", "pool-2", "pool-3"].map((id) => child(id, "pool")),
  child("own-process", "own", sleeps),
  child("own-daemon", "own", daemons),
  child("pool-process", "pool", sleeps),
];

/** Soaks a tree of its own; everything it has started is gone when it resolves. */
export async function soak({ forMs, everyMs, rests, onSample }: SoakOptions): Promise<Soaked> {
  // Else each thread that is found stuck is a warning.
  subscribe("copal:watchdog", () => {});
  const crashes: Record<string, number> = {};
  const samples: Sample[] = [];
  const spec = { supervisor: "soak", intensity: "unlimited" as const, children };
  await using tree = await start(spec, { folder: actorsFolder });
  const startMs = performance.now();
  for (let rest = 0; rest <= rests; rest++) {
    await crashUntil(startMs + (forMs * (rest + 1)) / (rests + 1), tree, everyMs, crashes);
    const sample = await atRest(tree, () => Object.values(crashes).reduce((sum, count) => sum + count, 0));
    if (rest <= rests / 4) continue;
    samples.push(sample);
    onSample?.(sample);
  }
  return { samples, crashes };
}

async function crashUntil(endMs: number, tree: Tree, everyMs: number, crashes: Record<string, number>): Promise<void> {
  let turn = Object.values(crashes).reduce((sum, count) => sum + count, 0);
  const crashed = new WeakSet<object>();
  // Between two rests every way has its turn at least once, however slow the machine is.
  const least = turn + kinds.length;
  while (performance.now() < endMs || turn < least) {
    const kind = kinds[turn % kinds.length] as string;
    const { own = false, act } = breaks[kind] as (typeof breaks)[string];
    const up = children.filter(({ thread }) => !own || thread === "own").map(({ actor }) => tree.whereis(actor));
    const living = up.filter((ref) => ref !== undefined && !crashed.has(ref));
    const victim = living[Math.floor(turn / kinds.length) % living.length];
    if (victim) {
      crashed.add(victim);
      act(victim as unknown as Victim);
      crashes[kind] = (crashes[kind] ?? 0) + 1;
      turn++;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Waits until everybody is up and answers, and nothing is under way any more, and looks. */
async function atRest(tree: Tree, crashes: () => number): Promise<Sample> {
  const patient = { timeoutMs: REST_MS, everyMs: 100 };
  await eventually(async () => {
    const restless = await restlessOf(tree);
    if (restless.length > 0) throw new Error(`not at rest after ${crashes()} crashes: ${restless.join("; ")}`);
    return true;
  }, patient);
  // Sidecars without a process wait half a second for the next; a worker's own threads go behind it.
  let last = "";
  await eventually(async () => {
    await new Promise((resolve) => setTimeout(resolve, 700));
    const { descriptors, modules, threads, processes, handles } = await vitalSigns();
    const now = [descriptors, modules, threads, processes, handles].join();
    const isQuiet = now === last;
    last = now;
    return isQuiet;
  }, patient);
  return { ...(await vitalSigns()), crashes: crashes() };
}

/** Says of everybody who is not up, or does not answer, how it stands with it. */
async function restlessOf(tree: Tree): Promise<string[]> {
  const answers = await Promise.all(
    children.map(async ({ actor }) => {
      const ref = tree.whereis(actor);
      if (ref === undefined) return `${actor} is not up`;
      // Whoever is doomed, and does not know yet, does not answer.
      try {
        await ref.within(ANSWER_MS).call.thread?.();
        return [];
      } catch (error) {
        return `${actor} in ${threadName(ref.thread)}: ${(error as Error).message}`;
      }
    }),
  );
  const underWay = tree.snapshot().filter(({ state }) => state !== "running" && state !== "ready");
  return [...answers.flat(), ...underWay.map(({ path, state }) => `${path} is ${state}`)];
}

/** Lists what is left of everything that soaks of this process have started. */
export function leftovers(): string[] {
  return allProcesses()
    .filter(({ parent }) => parent === process.pid)
    .map(({ osPid }) => commandLine(osPid))
    .filter((line) => !line.includes("fork-server"));
}
