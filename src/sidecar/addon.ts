/**
 * What Copal asks of the system through a native module, since Node.js has no way to ask, or a slow one. Whoever uses it has another way for where it was
 * not built, or Node does not load it.
 */
import { fileURLToPath } from "node:url";

/** What the module has. */
export interface Addon {
  /** The environment, each `NAME=value` ended by NUL, if it is another than the last one given. For the main thread: a worker has one of its own. */
  changedEnvironment(): Buffer | undefined;
  /** Listens under an abstract name for a descriptor that another process sends; false where that cannot be. Ends with the thread. */
  openMailbox(name: string): boolean;
  /** Closes a mailbox, with whatever has come but the socket of this inode, which is the caller's; -1 if that has not come. */
  emptyMailbox(name: string, inode: number): number;
  /**
   * Has `callback` called in this thread whenever another one wakes it by the number that is answered, until the thread ends; 0 if that cannot be. Does
   * not keep the thread running.
   */
  onWake(callback: (what: number) => void): number;
  /** Has the callback of `thread` called with `what`, a whole number of 32 bits; nothing happens where that thread has ended. */
  wake(thread: number, what: number): void;
}

const built = fileURLToPath(new URL("../../native/resin/target/release/libaddon.so", import.meta.url));

/** The module; undefined where there is none. */
export const addon: Addon | undefined = load();

function load(): Addon | undefined {
  try {
    const module = { exports: {} };
    process.dlopen(module, built);
    return module.exports as Addon;
  } catch {
    return undefined;
  }
}
