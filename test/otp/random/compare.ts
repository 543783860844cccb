/**
 * Compares runs on two sides and shrinks what differs. The sides are functions, so that a test may put anything in place of
 * Erlang or of Copal.
 */
import fc from "fast-check";
import type { Trace } from "./erlang.js";
import { arbitraryRun } from "./generate.js";
import { costOf, smallerRuns } from "./smaller-runs.js";
import { firstParting, type Parting } from "./trace.js";
import type { Run } from "./tree.js";

/** Makes runs happen and tells what came of each. */
export type Side = (runs: readonly Run[]) => Promise<readonly Trace[]>;

/** What is compared: what `expected` says is right. */
export interface Sides {
  readonly expected: Side;
  readonly got: Side;
}

/** A run on which the sides differ, as small as it could be made. */
export interface Difference extends Parting {
  /** `SEED:NUMBER`, then for each time it was shrunk which of the next smaller runs was taken; `replayed` makes the same run of it. */
  readonly replay: string;
  readonly run: Run;
}

/** Runs at a time: as many as one process of Erlang's is given. */
const batchRuns = 5_000;
/** Generates `runs` runs from `seed`, compares them, and gives those that differ, the first `mostShrunk` of them shrunk. */
export async function compareRuns(sides: Sides, seed: number, runs: number, mostShrunk = 5): Promise<Difference[]> {
  const found: Difference[] = [];
  for (let from = 0; from < runs; from += batchRuns) {
    const batch = generated(seed, from, Math.min(batchRuns, runs - from));
    found.push(...(await differencesOf(sides, batch, (at) => `${seed}:${from + at}`)));
  }
  const shrunk: Difference[] = [];
  for (const difference of found.slice(0, mostShrunk)) shrunk.push(await shrink(sides, difference));
  return [...shrunk, ...found.slice(mostShrunk)];
}

/** The run that `replay`, `SEED:PATH`, stands for. @throws {Error} if there is none. */
export function replayed(replay: string): Run {
  const [, seed = "", path = ""] = /^(\d+):(\d+(?::\d+)*)$/.exec(replay) ?? [];
  const [number = 0, ...steps] = path.split(":").map(Number);
  let run = seed === "" ? undefined : generated(Number(seed), number, 1)[0];
  for (const step of steps) run = run && smallerRuns(run)[step];
  if (!run) throw new Error(`no run is called ${replay}`);
  return run;
}

/** Compares one run; undefined if both sides agree. */
export async function compareRun(sides: Sides, replay: string): Promise<Difference | undefined> {
  const [difference] = await differencesOf(sides, [replayed(replay)], () => replay);
  return difference;
}

/** Takes the smallest of the smaller runs that differ too, again and again, until none of them does. */
async function shrink(sides: Sides, difference: Difference): Promise<Difference> {
  for (let best = difference; ; ) {
    const { run, replay } = best;
    const smaller = await differencesOf(sides, smallerRuns(run), (at) => `${replay}:${at}`);
    const smallest = smaller.sort((one, other) => costOf(one.run) - costOf(other.run))[0];
    if (!smallest) return best;
    best = smallest;
  }
}

/** The runs of `seed` from number `from` on. */
function generated(seed: number, from: number, count: number): Run[] {
  return fc.sample(arbitraryRun(), { seed, path: String(from), numRuns: count });
}

async function differencesOf(
  { expected, got }: Sides,
  runs: readonly Run[],
  nameOf: (at: number) => string,
): Promise<Difference[]> {
  if (runs.length === 0) return [];
  const [right, found] = [await expected(runs), await got(runs)];
  return runs.flatMap((run, at) => {
    const parting = firstParting(run, right[at] ?? [], found[at] ?? []);
    return parting ? [{ replay: nameOf(at), run, ...parting }] : [];
  });
}
