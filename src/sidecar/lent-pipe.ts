/**
 * The pipe, or the socket, of a process's standard input, written without the sidecar in between (docs/protocol.md section 4.2). Knows the descriptor; does
 * not know what was written before, nor when the process ends.
 */
import { randomUUID } from "node:crypto";
import { writeSync } from "node:fs";
import { Socket } from "node:net";
import type { CommandBodies, EventBodies } from "../wire/messages.js";
import { addon } from "./addon.js";
import { openSidecarPipe } from "./sidecar-pipe.js";

/** Asks for it; undefined where it is not lent. Never rejects. */
export type Lend = (request: CommandBodies["lend"]) => Promise<EventBodies["lent"] | undefined>;

/** Our own end of a process's standard input. */
export class LentPipe {
  readonly #fd: number;
  readonly #socket: Socket;

  /** Use {@link LentPipe.borrow} or {@link LentPipe.borrowSocket}, which make sure that the descriptor is what it should be. */
  private constructor(fd: number) {
    this.#fd = fd;
    // Only a write that waits for room keeps Node running.
    this.#socket = new Socket({ fd, readable: false, writable: true }).unref();
  }

  /** Opens the pipe that is lent; undefined if it is not, cannot be opened, nobody reads it, or its path leads to something else by now. */
  static async borrow(lend: Lend): Promise<LentPipe | undefined> {
    const lent = await lend({});
    if (lent?.path === undefined) return undefined;
    const fd = openSidecarPipe({ path: Buffer.from(lent.path).toString(), inode: lent.inode }, "write");
    return fd === undefined ? undefined : new LentPipe(fd);
  }

  /** Has the socket sent, to which no path leads; undefined if it is not lent, has not come, or cannot be taken for want of the native module. */
  static async borrowSocket(lend: Lend): Promise<LentPipe | undefined> {
    const name = `copal-${randomUUID()}`;
    if (!addon?.openMailbox(name)) return undefined;
    const lent = await lend({ to: Buffer.from(name) });
    // Also where nothing was lent: it may have come all the same, and is closed then.
    const fd = addon.emptyMailbox(name, lent?.inode ?? 0);
    return fd < 0 ? undefined : new LentPipe(fd);
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
