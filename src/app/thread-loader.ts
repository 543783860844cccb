/**
 * Loads the class of an actor that another thread has ordered, and makes the actor one of the tree that it was ordered for. What can be asked of actors from
 * elsewhere (`inspect`, `ps`) is known here as well.
 */
import type { ActorRef } from "../ref.js";
import type { ModuleSource } from "../threads/thread-message.js";
import { findClass } from "./actor-class.js";
import { belongsTo } from "./actor-starts.js";
import { borrowBook } from "./borrowed-book.js";
import { configError } from "./config-problem.js";
import "./far-look.js";
import "./inspection.js";
import type { LentTree } from "./tree-book.js";
import type { ActorClass } from "./tree-spec.js";

/** Imports the class that `source` names; the names of the tree are there when it resolves. @throws {ConfigError} if there is no such class. */
export async function loadInThread(
  { module, exportName, folder }: ModuleSource,
  context: unknown,
  actor: ActorRef,
): Promise<ActorClass> {
  const book = borrowBook(context as LentTree);
  belongsTo(actor, book);
  const [found] = await Promise.all([findClass({ module, exportName }, folder), book.ready]);
  if ("class" in found) return found.class;
  throw configError([{ text: found.problem }], found.cause);
}
