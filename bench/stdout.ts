/**
 * How many bytes per second come out of a process's standard output? Counted where a user's `data` handler gets them.
 */
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { open } from "copal";
import { execa } from "execa";
import { progress, type Report, type Row, report, row, type Samples } from "./report.js";

const TOTAL_BYTES = 400_000_000;
const ROUNDS = 9;

/** Programs that write as fast as they are read: as most do, in the few kilobytes that a C library buffers; and in blocks of 256 KiB. */
const writers: Record<string, readonly [string, string[]]> = {
  "bytes per second": ["head", ["-c", String(TOTAL_BYTES), "/dev/zero"]],
  "bytes per second, 256 KiB writes": [
    "dd",
    ["if=/dev/zero", "bs=256K", `count=${TOTAL_BYTES}`, "iflag=count_bytes", "status=none"],
  ],
};

type Writer = readonly [string, string[]];

const contenders: Record<string, (writer: Writer) => Promise<Readable>> = {
  copal: async (writer) => (await open(...writer)).stdout,
  child_process: async (writer) => spawn(...writer).stdout,
  execa: async (writer) => execa(...writer, { buffer: false, encoding: "buffer" }).stdout as Readable,
};

/** Measures `bytes per second` beside `child_process` and `execa`. */
export async function measure(): Promise<Report> {
  const rows: Row[] = [];
  for (const [name, writer] of Object.entries(writers)) {
    const samples: Samples = {};
    for (let round = -1; round < ROUNDS; round++) {
      progress(`stdout: ${name}: ${round < 0 ? "warming up" : `round ${round + 1} of ${ROUNDS}`}`);
      for (const [contender, begin] of Object.entries(contenders)) {
        const perSecond = await drain(await begin(writer));
        if (round < 0) continue;
        samples[contender] ??= [];
        samples[contender].push(perSecond);
      }
    }
    rows.push(row(name, "B/s", "higher", samples));
  }
  return report("stdout", rows);
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
  if (bytes !== TOTAL_BYTES) throw new Error(`read ${bytes} bytes of ${TOTAL_BYTES}`);
  return bytes / seconds;
}
