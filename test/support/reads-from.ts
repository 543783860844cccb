/**
 * Who reads what a process writes, and who writes what it reads, as the kernel tells it.
 */
import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { processOf } from "./proc.js";

/** Whether process `readerPid` itself has the pipe open that is the process's standard output, or else its standard error. */
export function readsFrom(readerPid: number, osPid: number, stream: "stdout" | "stderr" = "stdout"): boolean {
  return links(readerPid).includes(readlinkSync(`/proc/${osPid}/fd/${stream === "stdout" ? 1 : 2}`));
}

/** Whether process `writerPid` itself has the pipe open that is the process's standard input, or one that the process's parent reads from. */
export function writesTo(writerPid: number, osPid: number): boolean {
  const parentPid = processOf(osPid)?.parent;
  const relays = parentPid === undefined ? [] : links(parentPid, READABLE).filter((link) => link.startsWith("pipe:"));
  const ends = [readlinkSync(`/proc/${osPid}/fd/0`), ...relays];
  return links(writerPid, WRITABLE).some((link) => ends.includes(link));
}

/** What the descriptors of a process that are pipes lead to, those at both ends of one twice. */
export function pipesOf(osPid: number): string[] {
  return links(osPid).filter((link) => link.startsWith("pipe:"));
}

/**
 * Whether process `writerPid` itself has the socket open that is the other end of the process's standard input: it is one of the process's parent's, which
 * has the standard streams of the writer as well, and these may be sockets too.
 */
export function sharesSocket(writerPid: number, osPid: number): boolean {
  const parentPid = processOf(osPid)?.parent;
  const standard = [0, 1, 2].map((fd) => readlinkSync(`/proc/${writerPid}/fd/${fd}`));
  const own = socketsOf(writerPid).filter((link) => !standard.includes(link));
  return parentPid !== undefined && socketsOf(parentPid).some((link) => own.includes(link));
}

/** What the descriptors of a process that are sockets lead to. */
export function socketsOf(osPid: number): string[] {
  return links(osPid).filter((link) => link.startsWith("socket:"));
}

/** What the kernel lets the owner of such a link do: how its descriptor was opened. */
const READABLE = 0o400;
const WRITABLE = 0o200;

function links(osPid: number, access = 0): string[] {
  return readdirSync(`/proc/${osPid}/fd`).map((fd) => {
    try {
      const path = `/proc/${osPid}/fd/${fd}`;
      return (lstatSync(path).mode & access) === access ? readlinkSync(path) : "";
    } catch {
      return "";
    }
  });
}
