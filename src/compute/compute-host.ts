/**
 * Who runs functions for this thread: the one pool of the process, on the main thread, or in a worker thread the main thread's, which it is lent. The words
 * both sides use stand here; how the pool works, and who asks, stand elsewhere.
 */
import type { MessagePort } from "node:worker_threads";
import { UnsupportedError } from "../errors.js";
import type { ExitReason } from "../exit.js";
import { type ComputeLimits, ComputePool } from "./compute-pool.js";

/** A function to run. */
export interface ComputeOrder {
  /** A file's absolute path or a package's name. */
  readonly module: string;
  readonly exportName: string;
  /** Where packages are looked for from. */
  readonly folder: string;
  /** Higher ones get a thread sooner. */
  readonly priority: number;
}

/**
 * What became of an order as far as threads go: its thread is free again, or never was taken (`over`); it was not let in (`full`); its thread ended by
 * itself (`lost`). What the function came to goes over the order's port, to who asked, and is known there before this.
 */
export type ComputeEnd =
  | { readonly kind: "over" }
  | { readonly kind: "full"; readonly capacity: number }
  | { readonly kind: "lost"; readonly reason: ExitReason };

/** An order that was given. */
export interface ComputeJob {
  /** Takes it out of the queue, or ends the thread that runs it. The end is told as ever, once the thread is gone. */
  abort(): void;
}

/** What runs functions. */
export interface ComputeHost {
  /**
   * Takes an order, with the far end of the channel that has the arguments and gets the answer.
   *
   * `onEnd` is called once, perhaps before this returns.
   */
  submit(order: ComputeOrder, port: MessagePort, onEnd: (end: ComputeEnd) => void): ComputeJob;
}

let lent: ComputeHost | undefined;
let entry: URL | undefined;

/** Lets the functions of this thread run where `host` says; for worker threads, once, before the first. */
export function borrowCompute(host: ComputeHost): void {
  lent = host;
}

/** Says which compiled module the pool's threads run; it loads the functions. */
export function setComputeEntry(module: URL): void {
  entry = module;
}

/** Gives what runs the functions of this thread. */
export function computeHost(): ComputeHost {
  return lent ?? poolOfProcess();
}

/** Sets the limits of the process's pool, for what is asked from now on. @throws {UnsupportedError} in a thread that is lent it. */
export function limitCompute(limits: ComputeLimits): void {
  if (lent)
    throw new UnsupportedError("limits of the compute pool inside a worker thread are not supported yet", {
      feature: "compute",
    });
  poolOfProcess().limit(limits);
}

const slot: unique symbol = Symbol.for("copal.compute/1") as never;

/** One pool per process, shared even by two loaded copies of the package, so that its threads are as many as the machine has cores to spare. */
function poolOfProcess(): ComputePool {
  const holder = globalThis as { [slot]?: ComputePool };
  if (entry === undefined) throw new TypeError("nothing says what the threads of the compute pool run");
  holder[slot] ??= new ComputePool(entry);
  return holder[slot];
}
