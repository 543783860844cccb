/**
 * What the kernel says about processes, read from /proc. Tests ask here, never Copal's own events.
 */
import { readdirSync, readFileSync } from "node:fs";

/** One process as /proc/PID/stat has it. */
export interface KernelProcess {
  osPid: number;
  name: string;
  state: string;
  parent: number;
  startTime: number;
}

/** Reads one process; undefined when there is none of that pid. */
export function processOf(osPid: number): KernelProcess | undefined {
  try {
    const stat = readFileSync(`/proc/${osPid}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    const fields = stat.slice(end + 2).split(" ");
    const name = stat.slice(stat.indexOf("(") + 1, end);
    return { osPid, name, state: fields[0] as string, parent: Number(fields[1]), startTime: Number(fields[19]) };
  } catch {
    return undefined;
  }
}

/** Whether a process runs; a zombie does not. */
export function isRunning(osPid: number): boolean {
  const process = processOf(osPid);
  return process !== undefined && process.state !== "Z" && process.state !== "X";
}

/** All processes that run, zombies left out. */
export function allProcesses(): KernelProcess[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => processOf(Number(entry)))
    .filter((found): found is KernelProcess => found !== undefined && found.state !== "Z" && found.state !== "X");
}

/** The running children of a process. */
export function childrenOf(osPid: number): KernelProcess[] {
  return allProcesses().filter((process) => process.parent === osPid);
}

/**
 * The running processes whose environment contains `NAME=value` (given as one text): how a test finds everything it has caused, whatever it
 * was re-parented to. Processes that have changed their environment block are not found.
 */
export function processesMarked(mark: string): KernelProcess[] {
  return allProcesses().filter(({ osPid }) => {
    try {
      return readFileSync(`/proc/${osPid}/environ`, "latin1").split("\0").includes(mark);
    } catch {
      return false;
    }
  });
}

/** The command line of a process, for messages. */
export function commandLine(osPid: number): string {
  try {
    return readFileSync(`/proc/${osPid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "(gone)";
  }
}

/** Whether a process sleeps because a pipe that it reads or writes is empty or full. */
export function waitsForPipe(osPid: number): boolean {
  try {
    return readFileSync(`/proc/${osPid}/wchan`, "utf8").includes("pipe");
  } catch {
    return false;
  }
}
