/**
 * What a process holds, as the kernel and the engine say: memory after a collection, descriptors, threads, processes, handles. Counts only; what they
 * should be is `verdict.ts`.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { allProcesses } from "../support/proc.js";

/** One look at this process. */
export interface VitalSigns {
  /** Objects of the main thread that are still reached, in bytes; compiled code is none. */
  readonly heapBytes: number;
  /** What the whole process takes of memory, in bytes. */
  readonly rssBytes: number;
  /** Of everything but modules. */
  readonly descriptors: number;
  /** Modules that are open. */
  readonly modules: number;
  readonly threads: number;
  /** Everything that this process has started, at any distance, and that has not been taken from it. */
  readonly processes: number;
  /** What keeps the event loop running. */
  readonly handles: number;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Collects garbage, finalizers included, and looks. */
export async function vitalSigns(): Promise<VitalSigns> {
  for (let pass = 0; pass < 3; pass++) {
    collectGarbage();
    // Finalizers run behind the collection, and let go of more.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const open = readdirSync("/proc/self/fd").map(targetOf);
  const modules = open.filter((target) => /\.[cm]?js$/.test(target)).length;
  return {
    heapBytes: getHeapSpaceStatistics()
      .filter(({ space_name: name }) => !name.startsWith("code"))
      .reduce((sum, { space_used_size: bytes }) => sum + bytes, 0),
    rssBytes: 1_024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0),
    descriptors: open.length - modules,
    modules,
    threads: readdirSync("/proc/self/task").length,
    processes: descendants(),
    handles: process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate").length,
  };
}

function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    // It is closed: it was there to list the others.
    return "";
  }
}

function descendants(): number {
  const all = allProcesses();
  let found = new Set([process.pid]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    found = new Set([...found, ...all.filter(({ parent }) => found.has(parent)).map(({ osPid }) => osPid)]);
  }
  return found.size - 1;
}
