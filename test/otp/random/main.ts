/**
 * `npm run otp:random -- [--seed N] [--runs N] [--replay SEED:PATH] [--json]`: compares random trees on Copal with the same on a live
 * Erlang. Exit code 0 when nothing differs, 1 when something does or no Erlang is installed, 2 for options that make no sense.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { isErlangInstalled } from "../../support/erlang.js";
import { compareRun, compareRuns, type Difference, replayed, type Sides } from "./compare.js";
import { runOnCopal } from "./copal.js";
import { Erlang } from "./erlang.js";
import { differenceText } from "./print.js";

interface Options {
  readonly seed: number;
  readonly runs: number;
  readonly replay: string | undefined;
  readonly asJson: boolean;
}

const mostRuns = 1_000_000;
const largestSeed = 2 ** 31 - 1;

const options = optionsOf(process.argv.slice(2));
if (!isErlangInstalled())
  fail(1, "no `erl` and `erlc` on the path, and the trees are compared with a live Erlang: install erlang-base");
const erlang = await Erlang.prepare();
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  process.once(signal, () => void erlang.close().finally(() => process.exit(code)));
try {
  const sides: Sides = { expected: (runs) => erlang.run(runs), got: runOnCopal };
  await (options.replay === undefined ? compareAll(sides) : replayOne(sides, options.replay));
} finally {
  await erlang.close();
}

async function compareAll(sides: Sides): Promise<void> {
  const { seed, runs } = options;
  const startedMs = performance.now();
  const differ = await compareRuns(sides, seed, runs);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  report(
    { seed, compared: runs, differ },
    `${runs} random trees from seed ${seed} in ${seconds} s: ${differ.length} differ`,
  );
}

async function replayOne(sides: Sides, replay: string): Promise<void> {
  const difference = await compareRun(sides, replay);
  const differ = difference ? [difference] : [];
  report(
    { seed: Number(replay.split(":")[0]), compared: 1, differ },
    `${replay}: ${difference ? "differs" : "is the same"}`,
  );
}

function report(result: { seed: number; compared: number; differ: Difference[] }, sentence: string): void {
  if (options.asJson) process.stdout.write(`${JSON.stringify(result)}\n`);
  else for (const line of [...result.differ.map(differenceText), sentence]) process.stdout.write(`${line}\n`);
  if (result.differ.length > 0) process.exitCode = 1;
}

function optionsOf(args: string[]): Options {
  try {
    const { values } = parseArgs({
      args,
      options: {
        seed: { type: "string" },
        runs: { type: "string" },
        replay: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const { replay } = values;
    if (replay !== undefined) {
      if (values.seed !== undefined || values.runs !== undefined)
        fail(2, "--replay names a seed and one run of it already");
      replayed(replay);
    }
    return {
      seed: whole("--seed", values.seed, 0, largestSeed) ?? randomInt(largestSeed),
      runs: whole("--runs", values.runs, 1, mostRuns) ?? 1_000,
      replay,
      asJson: values.json,
    };
  } catch (thrown) {
    return fail(2, (thrown instanceof Error ? thrown.message : String(thrown)).split("\n")[0] ?? "");
  }
}

function whole(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  return fail(2, `${name} must be a whole number from ${least} to ${most}, got ${text}`);
}

function fail(code: number, sentence: string): never {
  process.stderr.write(`otp:random: ${sentence}\n`);
  process.exit(code);
}
