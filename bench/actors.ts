/**
 * How fast are actors in this thread started, crashed and restarted, and stopped under a supervisor, beside Erlang's own supervisors? And does the time
 * of one of them stay the same however many there are?
 *
 * Counts are of work completed: a start when its `init` has run and its supervisor knows it, a restart when the replacement's has, a stop when the
 * actor is no more. Erlang's children are gen_servers (erlang/actors_bench_child.erl), started, crashed and stopped the same way.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isAlive } from "#src/actors/runtime.js";
import { Actor, type ActorRef, start, startDynamicSupervisor, stop } from "#src/index.js";
import { Erlang } from "./erlang.js";
import { progress, type Report, type Row, report, row, type Samples } from "./report.js";

const ACTORS = 100_000;
/** Erlang keeps a list of the restarts of the last second and walks it at each restart: every one of 100,000 would take it an hour. */
const CRASHES = 1_000;
const WARMING_CRASHES = 2_000;
const SIZES = [25_000, 50_000, 100_000, 200_000];
const ROUNDS = 5;
const LINEARITY_ROUNDS = 3;

/** Milliseconds of one round's three parts. */
interface Times {
  readonly startMs: number;
  readonly crashMs: number;
  readonly stopMs: number;
}

/** Starts `count` children under one supervisor, crashes `crashes` of them, and stops all. */
type Round = (count: number, crashes: number) => Promise<Times>;

/** Measures starts, crashes with restarts, and stops. */
export async function measure(): Promise<Report> {
  const missing: string[] = [];
  // +P: its table of processes holds 262,144 unless told otherwise.
  const modules = ["actors_bench", "actors_bench_child"];
  const erlang = await Erlang.start(modules, ["+P", "2000000"]).catch((error: Error) => {
    missing.push(`erlang supervisor: ${error.message}`, `erlang simple_one_for_one: ${error.message}`);
    return undefined;
  });
  const rows: Row[] = [];
  try {
    rows.push(...(await sideBySide("Supervisor", underSupervisor, erlang, "supervisor")));
    rows.push(...(await sideBySide("DynamicSupervisor", underDynamicSupervisor, erlang, "simple_one_for_one")));
    rows.push(...(await linearity("Supervisor", underSupervisor)));
    rows.push(...(await linearity("DynamicSupervisor", underDynamicSupervisor)));
  } finally {
    erlang?.end();
  }
  return report("actors", rows, missing);
}

/** Ours and theirs in turns. */
async function sideBySide(kind: string, ours: Round, erlang: Erlang | undefined, peer: ErlangKind): Promise<Row[]> {
  const starts: Samples = {};
  const crashes: Samples = {};
  const stops: Samples = {};
  const wave: Samples = {};
  const contenders: [string, Round][] = [["copal", ours]];
  if (erlang) contenders.push([`erlang ${peer}`, inErlang(erlang, peer)]);
  for (let round = -1; round < ROUNDS; round++) {
    progress(`actors: ${kind}, ${round < 0 ? "warming up" : `round ${round + 1} of ${ROUNDS}`}`);
    for (const [name, run] of contenders) {
      const { startMs, crashMs, stopMs } = await run(ACTORS, CRASHES);
      if (round < 0) continue;
      add(starts, name, ACTORS / startMs);
      add(crashes, name, CRASHES / crashMs);
      add(stops, name, ACTORS / stopMs);
    }
    const { crashMs } = await ours(ACTORS, ACTORS);
    if (round >= 0) add(wave, "copal", ACTORS / crashMs);
  }
  const all = `${ACTORS.toLocaleString("en")} actors under ${kind}`;
  const per = (what: string, samples: Samples) => row(what, "per second", "higher", samples);
  return [
    per(`starts per second, ${all}`, starts),
    per(`crash-and-restart per second, ${CRASHES.toLocaleString("en")} of ${all}`, crashes),
    per(`crash-and-restart per second, each of ${all}`, wave),
    per(`stops per second, ${all}`, stops),
  ];
}

/** The time per actor at each size, and how much it grows from the smallest to the largest. */
async function linearity(kind: string, ours: Round): Promise<Row[]> {
  const perActorUs = new Map<number, number[]>(SIZES.map((size) => [size, []]));
  const growth: number[] = [];
  for (let round = 0; round < LINEARITY_ROUNDS; round++) {
    progress(`actors: ${kind}, linearity, round ${round + 1} of ${LINEARITY_ROUNDS}`);
    const seen: number[] = [];
    for (const size of SIZES) {
      const { startMs, crashMs, stopMs } = await ours(size, size);
      seen.push((1_000 * (startMs + crashMs + stopMs)) / size);
      perActorUs.get(size)?.push(seen[seen.length - 1] as number);
    }
    growth.push((seen[seen.length - 1] as number) / (seen[0] as number));
  }
  const life = "start, crash-and-restart, stop";
  return [
    ...[...perActorUs].map(([size, copal]) =>
      row(`${life} of each of ${size.toLocaleString("en")} actors under ${kind}, per actor`, "us", "lower", { copal }),
    ),
    row(`that at 200,000 over that at 25,000 under ${kind}; 1 is linear`, "times", "lower", { copal: growth }),
  ];
}

/** What the children of a round tell. */
const plan = { refs: [] as ActorRef<Child>[], last: 0, reached: () => {} };

class Child extends Actor {
  override init(): void {
    if (plan.refs.push(this.self as ActorRef<Child>) === plan.last) plan.reached();
  }

  crash(): never {
    throw new Error("crashed on request");
  }
}

async function underSupervisor(count: number, crashes: number): Promise<Times> {
  const children = Array.from({ length: count }, (_, index) => ({ actor: `child-${index}`, class: Child }));
  const intensity = { max: 4 * count, within: 1_000 };
  let tree: Awaited<ReturnType<typeof start>>;
  return ours(count, crashes, {
    start: async () => {
      tree = await start({ supervisor: "bench", intensity, children });
    },
    stop: () => tree.stop(),
  });
}

async function underDynamicSupervisor(count: number, crashes: number): Promise<Times> {
  const intensity = { max: 4 * count, withinMs: 1_000 };
  const template = { actor: "child", class: Child };
  let supervisor: Awaited<ReturnType<typeof startDynamicSupervisor>>;
  return ours(count, crashes, {
    start: async () => {
      supervisor = await startDynamicSupervisor(null, { path: "bench", intensity, template });
      const { call } = supervisor.within("infinity");
      for (let started = 0; started < count; started++) await call.startChild();
    },
    stop: () => stop(supervisor, "shutdown"),
  });
}

async function ours(
  count: number,
  crashes: number,
  supervisor: { start(): Promise<void>; stop(): Promise<void> },
): Promise<Times> {
  collectGarbage();
  plan.refs = [];
  plan.last = 0;
  const startMs = await timed(() => supervisor.start());
  expect(plan.refs.length, count, "children started");
  // The compiler has seen this code when it is measured; Erlang's was compiled before it began.
  await crash(WARMING_CRASHES);
  const crashMs = await timed(() => crash(crashes));
  expect(plan.refs.filter(isAlive).length, count, "children live after the crashes");
  const stopMs = await timed(() => supervisor.stop());
  expect(plan.refs.filter(isAlive).length, 0, "children live after the stop");
  return { startMs, crashMs, stopMs };
}

/** Crashes as many children that live, and waits until their replacements do. */
async function crash(count: number): Promise<void> {
  const victims: ActorRef<Child>[] = [];
  for (const ref of plan.refs) if (victims.length < count && isAlive(ref)) victims.push(ref);
  const restarted = new Promise<void>((resolve) => {
    plan.reached = resolve;
  });
  plan.last = plan.refs.length + count;
  for (const ref of victims) ref.cast.crash();
  await restarted;
  expect(victims.filter(isAlive).length, 0, "crashed children live");
}

function expect(seen: number, wanted: number, what: string): void {
  if (seen !== wanted) throw new Error(`${what}: ${seen}, not ${wanted}`);
}

async function timed(act: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await act();
  return performance.now() - begin;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function add(samples: Samples, name: string, perMs: number): void {
  samples[name] ??= [];
  samples[name].push(perMs * 1_000);
}

type ErlangKind = "supervisor" | "simple_one_for_one";

function inErlang(erlang: Erlang, kind: ErlangKind): Round {
  return async (count, crashes) => {
    const [startUs, crashUs, stopUs] = (await erlang.ask(`${kind} ${count} ${crashes}`)) as [number, number, number];
    return { startMs: startUs / 1_000, crashMs: crashUs / 1_000, stopMs: stopUs / 1_000 };
  };
}
