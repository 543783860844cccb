/**
 * Finds the class that an actor's config names, and tells an actor's class from anything else.
 * It knows modules and their exports; when the class is used is the tree's business.
 */

import { dirname, isAbsolute } from "node:path";
import { Actor } from "../actors/actor.js";
import { describeValue, nearest } from "./config-problem.js";
import { importFailure, importFile, importPackage } from "./module-loader.js";
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
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await (isAbsolute(name) ? importFile(name) : importPackage(name, folder));
  } catch (cause) {
    return { problem: `${shown(name, folder)} cannot be loaded: ${importFailure(cause)}`, cause };
  }
  const exported = Object.hasOwn(module, exportName) ? module[exportName] : undefined;
  if (exported === undefined) {
    const exports = Object.keys(module);
    const near = nearest(exportName, exports);
    const hint =
      exports.length === 0
        ? "it has no exports"
        : near === undefined
          ? `it has ${exports.join(", ")}`
          : `did you mean \`${near}\`?`;
    return { problem: `${shown(name, folder)} has no export \`${exportName}\`; ${hint}` };
  }
  return asActorClass(exported, `\`${exportName}\` of ${shown(name, folder)}`);
}

function asActorClass(value: unknown, what: string): FoundClass {
  if (typeof value === "function" && value.prototype instanceof Actor) return { class: value as ActorClass };
  const got =
    typeof value === "function" ? `\`${value.name}\`, which does not extend Copal's Actor` : describeValue(value);
  return { problem: `${what} is ${got}; allowed is a class that extends Actor` };
}

function shown(name: string, folder: string): string {
  const from = isAbsolute(name) ? `${folder}/` : "";
  return from !== "" && name.startsWith(from)
    ? `./${name.slice(from.length)}`
    : dirname(name) === "."
      ? `the package ${name}`
      : name;
}
