/**
 * The pipe of a process's standard input, written without the sidecar in between (docs/protocol.md section 4.2). Knows the descriptor; does not
 * know what was written before, nor when the process ends.
 */
import { writeSync } from "node:fs";
import { Socket } from "node:net";
import { openSidecarPipe, type PipePath } from "./sidecar-pipe.js";

/** Our own end of a process's standard input. */
export class LentPipe {
  readonly #fd: number;
  readonly #socket: Socket;

  /** Use {@link LentPipe.open}, which makes sure that the descriptor is the pipe it should be. */
  private constructor(fd: number) {
    this.#fd = fd;
    // Only a write that waits for room keeps Node running.
    this.#socket = new Socket({ fd, readable: false, writable: true }).unref();
  }

  /** Opens the pipe at `path`; undefined if it cannot be opened, nobody reads it, or `path` leads to something else by now. */
  static open(where: PipePath): LentPipe | undefined {
    const fd = openSidecarPipe(where, "write");
    return fd === undefined ? undefined : new LentPipe(fd);
  }

  /** Says what to call, at most once, when nobody reads it any more. */
  onBroken(broken: (cause: Error) => void): void {
    this.#socket.on("error", broken);
  }

  /** Writes as much as there is room for, unless something waits to be written; gives how many bytes that were. */
  writeNow(data: Uint8Array): number {
    if (this.#socket.writableLength > 0 || this.#socket.destroyed) return 0;
    try {
      return writeSync(this.#fd, data);
    } catch {
      // What is wrong with the pipe is told to who writes the rest.
      return 0;
    }
  }

  /** Writes behind everything before, and calls `done` when all of it is in the pipe. `data` is not copied: it must not be changed until then. */
  write(data: Uint8Array, done: () => void): void {
    this.#socket.write(data, (error) => {
      if (!error) done();
    });
  }

  /** Closes it. What is still waiting is not written. */
  close(): void {
    this.#socket.destroy();
  }
}
