/**
 * A pipe of a process that its sidecar has shown the way to (docs/protocol.md section 4), opened here as well. Knows neither what flows through it nor
 * which way.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";

/** Where the pipe is, and how it is known. */
export type PipePath = Readonly<{ path: string; inode: number }>;

/** Opens the pipe without ever waiting for it; undefined if it cannot be opened, or if `path` leads to something else by now. */
export function openSidecarPipe({ path, inode }: PipePath, end: "read" | "write"): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, (end === "read" ? constants.O_RDONLY : constants.O_WRONLY) | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  const stat = fstatSync(fd);
  if (stat.isFIFO() && stat.ino === inode) return fd;
  closeSync(fd);
  return undefined;
}
