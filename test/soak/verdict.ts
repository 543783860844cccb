/**
 * Decides whether samples of a soak show a leak. A count must come back to what it was at every rest. Memory is noisy: it leaks if a line through its
 * samples rises by more than is allowed per crash, and by more than the scatter of the samples explains.
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

/** Memory that one crash may cost for good and still be no leak: less than the smallest thing that is kept per actor. */
const HEAP_ALLOWED = 100;
/** Node's own allocator keeps pages of threads that are gone; a leak of a thread's own memory would be a hundred times that. */
const RSS_ALLOWED = 20_000;
const counts = ["descriptors", "threads", "processes", "handles"] as const;

/** Says what leaks, one sentence each; nothing if nothing does. */
export function leaks(samples: readonly Sample[]): string[] {
  const found = counts.flatMap((what) => countLeak(what, samples));
  const memory = [
    ["heap", slopeOf(samples, "heapBytes"), HEAP_ALLOWED],
    ["memory of the process", slopeOf(samples, "rssBytes"), RSS_ALLOWED],
  ] as const;
  for (const [what, { bytesPerCrash, give }, allowed] of memory)
    if (bytesPerCrash - give > allowed)
      found.push(`${what}: ${Math.round(bytesPerCrash)} bytes per crash, give or take ${Math.round(give)}`);
  return found;
}

function countLeak(what: (typeof counts)[number], samples: readonly Sample[]): string[] {
  const seen = samples.map((sample) => sample[what]);
  const [first = 0, last = 0] = [seen[0], seen.at(-1)];
  return last > first ? [`${what}: ${first} at the first rest, ${last} at the last (${seen.join(" ")})`] : [];
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
