/**
 * Decides whether samples of a soak show a leak. A count must come back to what it was at every rest. Memory is noisy: it leaks if a line through its
 * samples rises by more than is allowed per crash, and by more than the scatter of the samples explains. Modules that stay open are Node's doing, and are
 * few.
 */
import type { VitalSigns } from "./vital-signs.js";

/** What a process held at a rest, and how many crashes there had been by then. */
export interface Sample extends VitalSigns {
  readonly crashes: number;
}

/** How much one more crash costs for good, as far as the samples tell. */
export interface Slope {
  readonly bytesPerCrash: number;
  /** Twice the standard error: the truth lies within so much of it, nineteen times out of twenty. */
  readonly give: number;
}

/**
 * Memory that one crash may cost for good and still be no leak: what is kept of an actor or a thread by mistake is more than a kilobyte, while a bare
 * worker of Node's that has come and gone leaves some 200 bytes, and what becomes hot is compiled and described.
 */
const HEAP_ALLOWED = 500;
/** Node's own allocator keeps pages of threads that are gone; a leak of a thread's own memory would be a hundred times that. */
const RSS_ALLOWED = 20_000;
/**
 * Crashes for each module that may stay open: Node never closes a file that a thread was about to read when it broke, and a thread that several share may break
 * while one of them is being loaded.
 */
const CRASHES_PER_MODULE = 100;
const counts = ["descriptors", "threads", "processes", "handles"] as const;

/** Says what is held that was not held at the first rest, one sentence for each kind; nothing if nothing is. */
export function leakedCounts(samples: readonly Sample[]): string[] {
  return [...counts.flatMap((what) => countLeak(what, samples)), ...moduleLeak(samples)];
}

/** Says what memory leaks. It takes some hundred crashes to tell: until the engine has compiled what is hot, that looks like a leak. */
export function leakedMemory(samples: readonly Sample[]): string[] {
  const memory = [
    ["heap", slopeOf(samples, "heapBytes"), HEAP_ALLOWED],
    ["memory of the process", slopeOf(samples, "rssBytes"), RSS_ALLOWED],
  ] as const;
  return memory
    .filter(([, { bytesPerCrash, give }, allowed]) => bytesPerCrash - give > allowed)
    .map(([what, slope]) => `${what}: ${describeSlope(slope)}`);
}

/** Says a slope in words. */
export function describeSlope({ bytesPerCrash, give }: Slope): string {
  return `${Math.round(bytesPerCrash)} bytes per crash, give or take ${Math.round(give)}`;
}

function countLeak(what: (typeof counts)[number], samples: readonly Sample[]): string[] {
  const seen = samples.map((sample) => sample[what]);
  const [first = 0, last = 0] = [seen[0], seen.at(-1)];
  return last > first ? [`${what}: ${first} at the first rest, ${last} at the last (${seen.join(" ")})`] : [];
}

function moduleLeak(samples: readonly Sample[]): string[] {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last) return [];
  const [left, crashes] = [last.modules - first.modules, last.crashes - first.crashes];
  return left > 1 + crashes / CRASHES_PER_MODULE ? [`modules: ${left} more are open after ${crashes} crashes`] : [];
}

/** The least-squares line through the samples of `what` over crashes. */
export function slopeOf(samples: readonly Sample[], what: "heapBytes" | "rssBytes"): Slope {
  const n = samples.length;
  if (n < 3) return { bytesPerCrash: 0, give: Number.POSITIVE_INFINITY };
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / n;
  const [x, y] = [mean(samples.map(({ crashes }) => crashes)), mean(samples.map((sample) => sample[what]))];
  const sxx = samples.reduce((sum, { crashes }) => sum + (crashes - x) ** 2, 0);
  const sxy = samples.reduce((sum, sample) => sum + (sample.crashes - x) * (sample[what] - y), 0);
  const slope = sxy / sxx;
  const misses = samples.reduce((sum, sample) => sum + (sample[what] - y - slope * (sample.crashes - x)) ** 2, 0);
  return { bytesPerCrash: slope, give: 2 * Math.sqrt(misses / (n - 2) / sxx) };
}
