/**
 * What does starting a process cost? The event loop's active time per start at two sizes of this process, and starts per second.
 *
 * Every measurement runs in a process of its own (`spawn-probe.ts`), so that one size does not shade the other; contenders take turns in it.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { progress, type Report, report, row, type Samples } from "./report.js";

const probe = fileURLToPath(new URL("spawn-probe.js", import.meta.url));

/** What one probe prints: samples by case, by contender. */
export type ProbeResult = Record<"loop" | "loopActor" | "rate", Samples>;

async function probed(memoryMb: number, rounds: number, starts: number): Promise<ProbeResult> {
  progress(`spawn: a process of ${memoryMb} MB, ${rounds} rounds of ${starts} starts each`);
  const { stdout } = await promisify(execFile)(process.execPath, [
    probe,
    String(memoryMb),
    String(rounds),
    String(starts),
  ]);
  return JSON.parse(stdout) as ProbeResult;
}

/** Measures starts through `open()` and through a process actor beside `child_process` and `execa`. */
export async function measure(): Promise<Report> {
  const small = await probed(60, 15, 100);
  const large = await probed(1024, 15, 30);
  return report("spawn", [
    row("event-loop ms per start, 60 MB", "ms", "lower", small.loop),
    row("event-loop ms per start, 1 GB", "ms", "lower", large.loop),
    row("event-loop ms per start through a process actor, 60 MB", "ms", "lower", small.loopActor),
    row("event-loop ms per start through a process actor, 1 GB", "ms", "lower", large.loopActor),
    row("starts per second, 16 at once", "starts/s", "higher", small.rate),
  ]);
}
