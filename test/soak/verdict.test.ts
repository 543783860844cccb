/**
 * When samples of a soak show a leak, and when they are noise.
 */
import t from "tap";
import { leakedCounts, leakedMemory, type Sample, slopeOf } from "./verdict.js";

/** Samples every fifty crashes whose heap is what `heapAt` says. */
function samples(heapAt: (crashes: number, index: number) => number, more: Partial<Sample> = {}): Sample[] {
  const rest = { rssBytes: 2e8, descriptors: 40, modules: 0, threads: 12, processes: 6, handles: 1, ...more };
  return Array.from({ length: 20 }, (_, i) => ({ ...rest, crashes: 50 * (i + 1), heapBytes: heapAt(50 * (i + 1), i) }));
}

const noise = (index: number) => 40_000 * Math.sin(index * 12.9898);

t.test("two kilobytes kept per crash is a leak, in spite of the noise", async (t) => {
  const seen = samples((crashes, index) => 1e7 + 2_000 * crashes + noise(index));
  t.match(leakedMemory(seen), [/^heap: \d+ bytes per crash/]);
  const { bytesPerCrash, give } = slopeOf(seen, "heapBytes");
  t.ok(Math.abs(bytesPerCrash - 2_000) < give);
});

t.test("noise alone is none, nor is a fall", async (t) => {
  t.strictSame(leakedMemory(samples((_, index) => 1e7 + noise(index))), []);
  t.strictSame(leakedMemory(samples((crashes) => 1e7 - 1_000 * crashes)), []);
});

t.test("one descriptor, thread, process or handle more at the last rest is a leak", async (t) => {
  const level = samples(() => 1e7);
  t.strictSame(leakedCounts(level), []);
  for (const what of ["descriptors", "threads", "processes", "handles"] as const) {
    const last = { ...(level.at(-1) as Sample), [what]: (level[0]?.[what] ?? 0) + 1 };
    t.match(leakedCounts([...level.slice(0, -1), last]), [new RegExp(`^${what}: `)]);
  }
});

t.test("a module that stays open now and then is Node's doing, many are a leak", async (t) => {
  const level = samples(() => 1e7);
  const endingWith = (modules: number) => [...level.slice(0, -1), { ...(level.at(-1) as Sample), modules }];
  t.strictSame(leakedCounts(endingWith(5)), []);
  t.match(leakedCounts(endingWith(50)), [/^modules: 50 more are open after 950 crashes/]);
});

t.test("two samples tell nothing of memory", async (t) => {
  t.strictSame(leakedMemory(samples((crashes) => 1e7 + 1e6 * crashes).slice(0, 2)), []);
});
