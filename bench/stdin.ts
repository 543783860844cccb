/**
 * How many bytes per second go into a process's standard input? Counted by the process itself: a round is over when `wc -c` has said its number.
 *
 * `child_process` and `execa` give their program a socket, which is what ours gets here if it is asked for (`stdin: "socket"`): the first case compares
 * like with like. The second is the default, a pipe, as a shell's is: a program can open it again by its path, but the kernel lets one side of a pipe copy
 * at a time, and gets and counts every page of it. So a flood goes into a pipe of the sidecar's, which moves its pages on.
 */
import { spawn } from "node:child_process";
import { Readable, type Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { open } from "copal";
import { execa } from "execa";
import { type Report, type Row, report, row } from "./report.js";
import { inRounds } from "./rounds.js";

/** So many that a start, which is counted as well, hardly counts. */
const TOTAL_BYTES = 1_000_000_000;
const CHUNK = Buffer.alloc(64 * 1024, 7);
const ROUNDS = 15;

interface Ends {
  readonly stdin: Writable;
  readonly stdout: Readable;
}

const theirs: Record<string, () => Promise<string>> = {
  child_process: () => through(spawn("wc", ["-c"])),
  execa: () => through(execa("wc", ["-c"], { buffer: false }) as unknown as Ends),
  // What the kernel does with nobody in between; its writer is a program, not Node.
  "shell pipeline": () => text(spawn("sh", ["-c", `head -c ${TOTAL_BYTES} /dev/zero | wc -c`]).stdout),
};

const cases: Record<string, () => Promise<string>> = {
  "bytes per second": async () => through(await open("wc", ["-c"], { stdin: "socket" })),
  "bytes per second, into a pipe": async () => through(await open("wc", ["-c"])),
};

/** Measures `bytes per second`, into a socket and into a pipe, beside `child_process`, `execa` and a shell pipeline. */
export async function measure(only = ""): Promise<Report> {
  const rows: Row[] = [];
  for (const [name, copal] of Object.entries(cases)) {
    if (!name.includes(only)) continue;
    const timed = Object.entries({ copal, ...theirs }).map(([who, feed]) => [who, () => perSecond(who, feed)]);
    rows.push(row(name, "B/s", "higher", await inRounds(name, ROUNDS, Object.fromEntries(timed))));
  }
  return report("stdin", rows);
}

async function perSecond(contender: string, feed: () => Promise<string>): Promise<number> {
  const began = performance.now();
  const counted = Number(await feed());
  if (counted !== TOTAL_BYTES) throw new Error(`${contender}: wc counted ${counted} bytes of ${TOTAL_BYTES}`);
  return (TOTAL_BYTES * 1000) / (performance.now() - began);
}

/** Writes everything in chunks of 64 KiB, as fast as the stream takes it, and gives what the program says then. */
async function through({ stdin, stdout }: Ends): Promise<string> {
  const said = text(stdout);
  await pipeline(Readable.from(chunks(), { objectMode: false, highWaterMark: CHUNK.length }), stdin);
  return said;
}

function* chunks(): Generator<Buffer> {
  for (let left = TOTAL_BYTES; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, left);
}
