/**
 * Loads the classes of actors that nodes in worker threads start in the main thread (`thread: main`), and makes them actors of their tree.
 */
import type { ActorRef } from "../ref.js";
import { threadsOfProcess } from "../threads/threads.js";
import { findClass } from "./actor-class.js";
import { belongsTo } from "./actor-starts.js";
import { configError } from "./config-problem.js";
import type { LentTree, TreeBook } from "./tree-book.js";

const books = new WeakMap<ActorRef, TreeBook>();

/** Gives the book of a tree of this thread, as a node that other threads have ordered names it. */
export function ownBook(lent: ActorRef): TreeBook | undefined {
  return books.get(lent);
}

/** Lets worker threads start actors here for the tree of `book`, which they know as `lent`. */
export function admit(lent: ActorRef, book: TreeBook): void {
  books.set(lent, book);
  threadsOfProcess().load = async ({ module, exportName, folder }, context, actor) => {
    const own = ownBook((context as LentTree).book);
    if (own) belongsTo(actor, own);
    const found = await findClass({ module, exportName }, folder);
    if ("class" in found) return found.class;
    throw configError([{ text: found.problem }], found.cause);
  };
}
