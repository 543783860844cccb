/**
 * How many bytes per second come out of a process's standard output? Counted where a user's `data` handler gets them.
 */
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { open } from "copal";
import { execa } from "execa";
import { progress, type Report, report, row, type Samples } from "./report.js";

const BLOCKS = 2_000;
const BLOCK_BYTES = 256 * 1024;
const ROUNDS = 9;

/** A program that writes as fast as it is read. */
const writer: readonly [string, string[]] = [
  "dd",
  ["if=/dev/zero", `bs=${BLOCK_BYTES}`, `count=${BLOCKS}`, "status=none"],
];

const contenders: Record<string, () => Promise<Readable>> = {
  copal: async () => (await open(...writer)).stdout,
  child_process: async () => spawn(...writer).stdout,
  execa: async () => execa(...writer, { buffer: false, encoding: "buffer" }).stdout as Readable,
};

/** Measures `bytes per second` beside `child_process` and `execa`. */
export async function measure(): Promise<Report> {
  const samples: Samples = {};
  for (let round = -1; round < ROUNDS; round++) {
    progress(`stdout: ${round < 0 ? "warming up" : `round ${round + 1} of ${ROUNDS}`}`);
    for (const [name, begin] of Object.entries(contenders)) {
      const perSecond = await drain(await begin());
      if (round < 0) continue;
      samples[name] ??= [];
      samples[name].push(perSecond);
    }
  }
  return report("stdout", [row("bytes per second", "B/s", "higher", samples)]);
}

/** Reads a stream to its end; counts only what has arrived, and refuses a stream that lost something. */
async function drain(stream: Readable): Promise<number> {
  let bytes = 0;
  const began = performance.now();
  await new Promise<void>((resolve, reject) => {
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.once("end", resolve).once("error", reject);
  });
  const seconds = (performance.now() - began) / 1000;
  if (bytes !== BLOCKS * BLOCK_BYTES) throw new Error(`read ${bytes} bytes of ${BLOCKS * BLOCK_BYTES}`);
  return bytes / seconds;
}
