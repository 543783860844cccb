/**
 * Who reads what a process writes, and who writes what it reads, as the kernel tells it.
 */
import { readdirSync, readlinkSync } from "node:fs";

/** Whether process `readerPid` itself has the pipe open that is the process's standard output, or else its standard error. */
export function readsFrom(readerPid: number, osPid: number, stream: "stdout" | "stderr" = "stdout"): boolean {
  return links(readerPid).includes(readlinkSync(`/proc/${osPid}/fd/${stream === "stdout" ? 1 : 2}`));
}

/** Whether process `writerPid` itself has the pipe open that is the process's standard input. */
export function writesTo(writerPid: number, osPid: number): boolean {
  return links(writerPid).includes(readlinkSync(`/proc/${osPid}/fd/0`));
}

/** What the descriptors of a process that are pipes lead to, those at both ends of one twice. */
export function pipesOf(osPid: number): string[] {
  return links(osPid).filter((link) => link.startsWith("pipe:"));
}

function links(osPid: number): string[] {
  return readdirSync(`/proc/${osPid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${osPid}/fd/${fd}`);
    } catch {
      return "";
    }
  });
}
