/**
 * Who reads what a process writes, as the kernel tells it.
 */
import { readdirSync, readlinkSync } from "node:fs";

/** Whether process `readerPid` itself has the pipe open that is the process's standard output, or else its standard error. */
export function readsFrom(readerPid: number, osPid: number, stream: "stdout" | "stderr" = "stdout"): boolean {
  const pipe = readlinkSync(`/proc/${osPid}/fd/${stream === "stdout" ? 1 : 2}`);
  return links(readerPid).includes(pipe);
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
