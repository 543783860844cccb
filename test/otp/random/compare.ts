/**
 * Compares runs on two sides and shrinks what differs. The sides are functions, so that a test may put anything in place of
 * Erlang or of Copal.
 */
import fc from "fast-check";
import type { Trace } from "./erlang.js";
import { arbitraryRun } from "./generate.js";
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
  /** `SEED:PATH`, from which `replayed` makes the same run. */
  readonly replay: string;
  readonly run: Run;
}

/** Runs at a time: as many as one process of Erlang's is given. */
const batchRuns = 5_000;
/** Smaller runs that are tried at a time; each batch costs a start of Erlang. */
const shrinkRuns = 200;
const mostTried = 1_000;
/** More than these are named, not shrunk. */
const mostShrunk = 5;

/** Generates `runs` runs from `seed`, compares them, and gives those that differ, the first five of them shrunk. */
export async function compareRuns(sides: Sides, seed: number, runs: number): Promise<Difference[]> {
  const found: Difference[] = [];
  for (let from = 0; from < runs; from += batchRuns) {
    const batch = generated(seed, String(from), Math.min(batchRuns, runs - from));
    for (const [at, parting] of (await partingsOf(sides, batch)).entries()) {
      const run = batch[at];
      if (parting && run) found.push({ replay: `${seed}:${from + at}`, run, ...parting });
    }
  }
  const shrunk: Difference[] = [];
  for (const difference of found.slice(0, mostShrunk)) shrunk.push(await shrink(sides, difference));
  return [...shrunk, ...found.slice(mostShrunk)];
}

/** The run that `replay`, `SEED:PATH`, stands for. @throws {Error} if there is none. */
export function replayed(replay: string): Run {
  const [, seed = "", path = ""] = /^(-?\d+):(\d+(?::\d+)*)$/.exec(replay) ?? [];
  const run = seed === "" ? undefined : generated(Number(seed), path, 1)[0];
  if (!run) throw new Error(`no run is called ${replay}`);
  return run;
}

/** Compares one run; undefined if both sides agree. */
export async function compareRun(sides: Sides, replay: string): Promise<Difference | undefined> {
  const run = replayed(replay);
  const [parting] = await partingsOf(sides, [run]);
  return parting && { replay, run, ...parting };
}

/** Takes the smallest of the smaller runs that differ too, again and again, until none of them does. */
async function shrink(sides: Sides, difference: Difference): Promise<Difference> {
  for (let best = difference; ; ) {
    const smaller = await smallerThan(sides, best);
    if (!smaller) return best;
    best = smaller;
  }
}

async function smallerThan(sides: Sides, { replay, run: whole }: Difference): Promise<Difference | undefined> {
  const [seed = "", ...path] = replay.split(":");
  for (let from = 0; from < mostTried; from += shrinkRuns) {
    const batch = generated(Number(seed), [...path, from].join(":"), shrinkRuns);
    // Parts of a shape that come to nothing shrink too.
    const tried = batch.map((run, at) => ({ run, at, text: JSON.stringify(run) }));
    const others = tried.filter(({ text }) => text !== JSON.stringify(whole));
    const partings = await partingsOf(
      sides,
      others.map(({ run }) => run),
    );
    const differ = others.flatMap(({ run, at, text }, index) => {
      const parting = partings[index];
      return parting ? [{ replay: `${replay}:${from + at}`, run, text, ...parting }] : [];
    });
    const smallest = differ.sort((one, other) => one.text.length - other.text.length)[0];
    if (smallest) {
      const { text: _, ...found } = smallest;
      return found;
    }
    if (batch.length < shrinkRuns) return undefined;
  }
  return undefined;
}

/** Of a path `A` the runs from number A on; of `A:B` the Bth of the next smaller ones of run A, and those after it; and so on. */
function generated(seed: number, path: string, count: number): Run[] {
  try {
    return fc.sample(arbitraryRun(), { seed, path, numRuns: count });
  } catch {
    // There is no run at the end of the path: nothing smaller is left.
    return [];
  }
}

async function partingsOf({ expected, got }: Sides, runs: readonly Run[]): Promise<(Parting | undefined)[]> {
  if (runs.length === 0) return [];
  const [right, found] = [await expected(runs), await got(runs)];
  return runs.map((run, at) => firstParting(run, right[at] ?? [], found[at] ?? []));
}
