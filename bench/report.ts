/**
 * The form every benchmark reports in: rows of ours beside theirs, from one interleaved run. Knows nothing of what is measured.
 */
import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";

/** What was seen of one contender in one case. */
export interface Spread {
  p50: number;
  p99: number;
  min: number;
  max: number;
  n: number;
}

/** One case: ours, theirs, and how many times ahead ours is (above 1 is always ahead). */
export interface Row {
  case: string;
  unit: string;
  better: "higher" | "lower";
  copal: Spread;
  peers: Record<string, Spread>;
  ratio: Record<string, number>;
}

/** What one benchmark found. */
export interface Report {
  bench: string;
  machine: string;
  node: string;
  commit: string;
  /** Peers that were not measured, and why. */
  missing: string[];
  rows: Row[];
}

/** The samples of one case, by contender; `copal` is ours. */
export type Samples = Record<string, number[]>;

/** Sums up samples by nearest rank. */
export function spread(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
  return { p50: round(at(0.5)), p99: round(at(0.99)), min: round(at(0)), max: round(at(1)), n: sorted.length };
}

/** Makes a row of a case's samples; contenders without samples are left out. */
export function row(name: string, unit: string, better: "higher" | "lower", samples: Samples): Row {
  const { copal = [], ...others } = samples;
  const ours = spread(copal);
  const peers = Object.fromEntries(
    Object.entries(others)
      .filter(([, seen]) => seen.length > 0)
      .map(([peer, seen]) => [peer, spread(seen)]),
  );
  const ratio = Object.fromEntries(
    Object.entries(peers).map(([peer, theirs]) => [
      peer,
      // Also where both are nothing.
      ours.p50 === theirs.p50 ? 1 : round(better === "higher" ? ours.p50 / theirs.p50 : theirs.p50 / ours.p50),
    ]),
  );
  return { case: name, unit, better, copal: ours, peers, ratio };
}

/** Puts rows together with what they were measured on. */
export function report(bench: string, rows: Row[], missing: string[] = []): Report {
  const cpu = cpus();
  const machine = `${cpu.length} x ${cpu[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
  return { bench, machine, node: process.version, commit: commit(), missing, rows };
}

/** Prints a report as a table for people. */
export function print({ bench, machine, rows, missing }: Report): void {
  process.stdout.write(`${bench}: ${machine}\n`);
  for (const { case: name, unit, better, copal, peers, ratio } of rows) {
    process.stdout.write(`  ${name} (${unit}, ${better} is better)\n`);
    const line = (who: string, seen: Spread, times?: number) =>
      `    ${who.padEnd(16)} p50 ${show(seen.p50)}  p99 ${show(seen.p99)}  n ${String(seen.n).padStart(4)}${times === undefined ? "" : `   copal is ${times} times ahead`}\n`;
    process.stdout.write(line("copal", copal));
    for (const [peer, seen] of Object.entries(peers)) process.stdout.write(line(peer, seen, ratio[peer]));
  }
  for (const absent of missing) process.stdout.write(`  missing: ${absent}\n`);
}

/** Says how far a benchmark is, on standard error. */
export function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

function show(value: number): string {
  return (value >= 1e6 ? `${(value / 1e6).toFixed(1)}M` : String(value)).padStart(10);
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}
