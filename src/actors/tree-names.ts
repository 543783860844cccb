/**
 * The ids of trees as a thread knows them: those who have a tree say how its nodes are found. Knows neither trees nor ids.
 */
import type { ActorRef } from "../ref.js";

/** Finds the actor that an id names in one tree; undefined if there is none. */
export type FindInTree = (id: string) => ActorRef | undefined;

const slot: unique symbol = Symbol.for("copal.treeNames/1") as never;
const shared = globalThis as { [slot]?: Set<FindInTree> };

/** Lets this thread find the nodes of a tree, until the result is called. */
export function publishTree(find: FindInTree): () => void {
  shared[slot] ??= new Set();
  const trees = shared[slot].add(find);
  return () => trees.delete(find);
}

/** Gives the actor that `id` names in the trees of this thread; undefined if there is none, or one in each of several. */
export function findInTrees(id: string): ActorRef | undefined {
  const found = [...(shared[slot] ?? [])].flatMap((find) => find(id) ?? []);
  return found.length === 1 ? found[0] : undefined;
}
