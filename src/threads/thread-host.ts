/**
 * Who knows threads in this one: on the main thread all of them, elsewhere whom to ask. Knows no actors but by their addresses.
 */
import { isMainThread } from "node:worker_threads";
import type { RemoteCell } from "./remote-cell.js";
import type { Line, Switchboard } from "./switchboard.js";
import type { PoolOptions } from "./thread-pools.js";
import { threadsOfProcess } from "./threads.js";

/** Where an actor lives that does not live with its starter: the main thread, one of a few shared ones, or one for it alone. */
export type Placement = "main" | "pool" | "own";

/** A place in another thread, kept for one actor. */
export interface Place {
  readonly line: Line;
  /** What the asker calls it, where the main thread was asked. */
  readonly number?: number;
  /** Nobody comes to live there after all. */
  release(): void;
  /** Its actor was told to end; a thread for it alone has to hear of that. */
  asked(): void;
  /** The thread must have heard of what it was told within so long, or it is ended by force. */
  mustHear(withinMs: number): void;
  /** Counts the actor that lives there, where nobody else does. */
  inhabit?(cell: RemoteCell): void;
}

/** Who knows threads: all of them, or whom to ask. */
export interface ThreadHost {
  readonly board: Switchboard;
  /** Finds a place. A promise only if somebody else has to be asked. */
  place(placement: Placement, limits: PoolOptions, entry: URL, shutdownMs: number): Place | Promise<Place>;
}

const slot: unique symbol = Symbol.for("copal.threadHost/1") as never;
const shared = globalThis as { [slot]?: ThreadHost };

/** Says whom this worker thread asks for others; before anything starts elsewhere. */
export function borrowThreads(host: ThreadHost): void {
  shared[slot] = host;
}

/** Gives the host of this thread; undefined in a worker thread that is not Copal's. */
export function threadHost(): ThreadHost | undefined {
  return isMainThread ? threadsOfProcess() : shared[slot];
}
