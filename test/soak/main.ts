/**
 * `npm run soak -- [--minutes N] [--every MS] [--rests N] [--json]`: crashes threads in every way for minutes and says what it cost. Exit code 0 when
 * nothing leaks, 1 when something does, 2 for options that make no sense.
 */
import { parseArgs } from "node:util";
import { leftovers, soak } from "./soak.js";
import { describeSlope, leakedCounts, leakedMemory, type Sample, slopeOf } from "./verdict.js";

const REST_EVERY_MS = 30_000;

const { minutes, everyMs, rests, asJson } = optionsOf(process.argv.slice(2));
const forMs = minutes * 60_000;
const onSample = (sample: Sample): void => {
  if (!asJson) process.stdout.write(`${describe(sample)}\n`);
};
const { samples, crashes } = await soak({
  forMs,
  everyMs,
  rests: rests ?? Math.max(5, Math.round(forMs / REST_EVERY_MS)),
  onSample,
});
const [heap, rss] = [slopeOf(samples, "heapBytes"), slopeOf(samples, "rssBytes")];
const found = [...leakedCounts(samples), ...leakedMemory(samples), ...leftovers().map((line) => `left: ${line}`)];
if (asJson) process.stdout.write(`${JSON.stringify({ crashes, heap, rss, samples, leaks: found }, null, 2)}\n`);
else {
  for (const [kind, count] of Object.entries(crashes)) process.stdout.write(`${String(count).padStart(6)}  ${kind}\n`);
  for (const [what, slope] of Object.entries({ heap, rss })) process.stdout.write(`${what}: ${describeSlope(slope)}\n`);
  process.stdout.write(found.length === 0 ? "nothing leaks\n" : found.map((line) => `LEAK ${line}\n`).join(""));
}
process.exitCode = found.length === 0 ? 0 : 1;

function describe(sample: Sample): string {
  const { crashes, heapBytes, rssBytes, descriptors, modules, threads, processes, handles } = sample;
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(2)} MB`;
  const held = `${descriptors} descriptors, ${modules} modules open, ${threads} threads, ${processes} processes, ${handles} handles`;
  return `${String(crashes).padStart(6)} crashes: heap ${megabytes(heapBytes)}, rss ${megabytes(rssBytes)}, ${held}`;
}

interface Options {
  readonly minutes: number;
  readonly everyMs: number;
  /** One every half a minute unless given, and five at least. */
  readonly rests: number | undefined;
  readonly asJson: boolean;
}

function optionsOf(words: string[]): Options {
  try {
    const { values } = parseArgs({
      args: words,
      options: {
        minutes: { type: "string", default: "10" },
        every: { type: "string", default: "100" },
        rests: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const [minutes, everyMs] = [Number(values.minutes), Number(values.every)];
    const rests = values.rests === undefined ? undefined : Number(values.rests);
    if (minutes > 0 && everyMs > 0 && (rests ?? 1) > 0) return { minutes, everyMs, rests, asJson: values.json };
    throw new Error("--minutes, --every and --rests are numbers above 0");
  } catch (error) {
    process.stderr.write(`soak: ${(error as Error).message}\n`);
    process.exit(2);
  }
}
