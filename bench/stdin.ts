/**
 * How many bytes per second go into a process's standard input? Counted by the process itself: a round is over when `wc -c` has said its number.
 *
 * What bounds it: ours is a pipe, as a shell's is, and the kernel lets one side of a pipe copy at a time. So the owner writes to a pipe of the sidecar's,
 * which moves its pages on; the kernel still gets and counts them one by one. `child_process` gives the program a socket instead, of which both sides
 * copy at once, in pieces of eight pages; but a program cannot open its `/dev/stdin` then. Who asks for it gets the same: the second case.
 */
import { spawn } from "node:child_process";
import { Readable, type Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { open } from "copal";
import { execa } from "execa";
import { type Report, type Row, report, row } from "./report.js";
import { inRounds } from "./rounds.js";

const TOTAL_BYTES = 400_000_000;
const CHUNK = Buffer.alloc(64 * 1024, 7);
const ROUNDS = 15;

interface Ends {
  readonly stdin: Writable;
  readonly stdout: Readable;
}

const theirs: Record<string, () => Promise<string>> = {
  child_process: () => through(spawn("wc", ["-c"])),
  execa: () => through(execa("wc", ["-c"], { buffer: false }) as unknown as Ends),
};

const cases: Record<string, Record<string, () => Promise<string>>> = {
  "bytes per second": {
    copal: async () => through(await open("wc", ["-c"])),
    ...theirs,
    // What the kernel does with nobody in between; its writer is a program, not Node.
    "shell pipeline": () => text(spawn("sh", ["-c", `head -c ${TOTAL_BYTES} /dev/zero | wc -c`]).stdout),
  },
  "bytes per second, into a socket": {
    copal: async () => through(await open("wc", ["-c"], { stdin: "socket" })),
    ...theirs,
  },
};

/** Measures `bytes per second` beside `child_process`, `execa` and a shell pipeline, and `bytes per second, into a socket` beside the first two. */
export async function measure(only = ""): Promise<Report> {
  const rows: Row[] = [];
  for (const [name, contenders] of Object.entries(cases)) {
    if (!name.includes(only)) continue;
    const timed = Object.entries(contenders).map(([contender, feed]) => [contender, () => perSecond(contender, feed)]);
    rows.push(row(name, "B/s", "higher", await inRounds("stdin", ROUNDS, Object.fromEntries(timed))));
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
