/**
 * Finds the class that an actor's config names, and tells an actor's class from anything else.
 * It knows modules and their exports; when the class is used is the tree's business.
 */

import { dirname, isAbsolute } from "node:path";
import { Actor } from "../actors/actor.js";
import { loadedFrom } from "../compute/compute-module.js";
import { describeValue } from "./config-problem.js";
import { findExport, shownModule } from "./module-export.js";
import type { PlannedActor } from "./plan.js";
import type { ActorClass } from "./tree-spec.js";

/** The class, or what was wrong, as the rest of an error's sentence. */
export type FoundClass = { readonly class: ActorClass } | { readonly problem: string; readonly cause?: unknown };

/** Loads the class of `actor`; modules that are named, not pathed, are looked for from `folder`. */
export async function findActorClass(actor: PlannedActor, folder: string): Promise<FoundClass> {
  if (actor.class !== undefined) return asActorClass(actor.class, "`class`");
  return findClass({ module: actor.module ?? "", exportName: actor.exportName }, folder);
}

/** Loads the class that a module exports; see {@link findActorClass}. */
export async function findClass(
  { module: name, exportName }: { readonly module: string; readonly exportName: string },
  folder: string,
): Promise<FoundClass> {
  const exported = await findExport(name, exportName, folder);
  if ("problem" in exported) return exported;
  const found = asActorClass(exported.value, `\`${exportName}\` of ${shownModule(name, folder)}`);
  if ("class" in found && isAbsolute(name)) loadedFrom(found.class, dirname(name));
  return found;
}

function asActorClass(value: unknown, what: string): FoundClass {
  if (typeof value === "function" && value.prototype instanceof Actor) return { class: value as ActorClass };
  const got =
    typeof value === "function" ? `\`${value.name}\`, which does not extend Copal's Actor` : describeValue(value);
  return { problem: `${what} is ${got}; allowed is a class that extends Actor` };
}
