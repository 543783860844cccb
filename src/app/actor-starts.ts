/**
 * What `this.start(spec)` of an actor does: starts a child in the config's shape, relative to the folder of the tree that the actor belongs to. It knows whose
 * actor belongs to which tree; for those that belong to none there is a book without a tree.
 */
import type { Cell } from "../actors/cell.js";
import { setSpecStarter } from "../actors/start-actor.js";
import type { ActorRef } from "../ref.js";
import { checks } from "./checks.js";
import { startNode } from "./child-specs.js";
import { LentBook } from "./lent-book.js";
import { sourceOf } from "./load.js";
import { planChild } from "./plan.js";
import type { TreeBook } from "./tree-book.js";

const books = new WeakMap<ActorRef, TreeBook>();

/** Says that an actor, and whatever it starts, belongs to the tree of `book`. */
export function belongsTo(ref: ActorRef, book: TreeBook): void {
  books.set(ref, book);
}

/** Gives the book of the tree that an actor belongs to. */
function bookOf(actor: Cell): TreeBook {
  let top = actor;
  for (let cell: Cell | null = actor; cell !== null; cell = cell.parent) {
    const book = books.get(cell.ref);
    if (book) return book;
    top = cell;
  }
  const none = bookOfNone(top);
  belongsTo(top.ref, none);
  return none;
}

function bookOfNone({ runtime }: Cell): TreeBook {
  let lent: LentBook | undefined;
  const book: TreeBook = {
    folder: process.cwd(),
    pool: {},
    environment: process.env,
    classes: new Map(),
    append: () => {},
    note: () => {},
    noteEnd: () => {},
    isHeld: () => false,
    find: () => undefined,
    lend: () => {
      lent ??= new LentBook(runtime, {
        ...book,
        refOf: () => undefined,
        names: () => [],
        startedAt: () => {},
        noteEnd: () => {},
      });
      return { book: lent.ref, folder: book.folder, pool: book.pool, environment: undefined };
    },
  };
  return book;
}

setSpecStarter(async (parent: Cell, spec: unknown): Promise<ActorRef> => {
  const book = bookOf(parent);
  const source = sourceOf(spec, book.folder);
  const { checkChild } = await checks();
  const [node, second] = planChild(checkChild(source, parent.label), source, book.environment);
  if (node === undefined || second !== undefined) {
    throw new TypeError("`instances` is for the children of a supervisor, an actor starts one child at a time");
  }
  return startNode(node, { parent, signal: parent.endSignal, path: node.path, id: node.id }, book);
});
