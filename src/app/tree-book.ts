/**
 * What the running nodes of a tree report to it and ask of it, in whichever thread they live. The tree's own book is on the thread that started the tree;
 * another thread borrows it (`borrowed-book.ts`), and `lent-book.ts` answers there.
 */
import type { ExitReason } from "../exit.js";
import type { ActorRef } from "../ref.js";
import type { PoolOptions } from "../threads/thread-pools.js";
import type { Environment } from "./plan.js";
import type { ActorClass } from "./tree-spec.js";

/** The book of one tree. */
export interface TreeBook {
  /** The folder that relative paths start from. */
  readonly folder: string;
  /** The tree's shared threads. */
  readonly pool: PoolOptions;
  /** What `${VAR}` is filled from. */
  readonly environment: Environment;
  /** Classes that were loaded before anything of their supervisor started, by path. */
  readonly classes: Map<string, ActorClass>;
  /** Keeps a chunk of a process's output; one that has to travel is in the book when the promise has settled. */
  append(path: string, stream: "stdout" | "stderr", bytes: Buffer): void | Promise<void>;
  /** Notes the ref of a node's present incarnation. */
  note(path: string, ref: ActorRef): void;
  /** Notes how it ended, for nodes that their supervisor forgets; its output is complete. */
  noteEnd(path: string, ref: ActorRef, reason: ExitReason): void;
  /** Whether a child was stopped by request and stays down, whoever starts it, until a request starts it. */
  isHeld(path: string): boolean | Promise<boolean>;
  /** Gives the ref of what `id` means now, seen from the node at `from`. */
  find(id: string, from: string): ActorRef | undefined;
  /** What another thread needs to borrow this book. */
  lend(): LentTree;
}

/** A tree as another thread is told of it. */
export interface LentTree {
  /** Answers for the tree's own book. */
  readonly book: ActorRef;
  readonly folder: string;
  readonly pool: PoolOptions;
  /** Undefined for the process's own. */
  readonly environment: Environment | undefined;
}
