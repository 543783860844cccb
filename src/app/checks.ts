/**
 * The checks of a tree's spec, loaded when the first one is checked: the schema takes as long to load as the rest of Copal, and most worker threads, which
 * import Copal with the modules of their actors, never check anything.
 */

import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import { whileLoading } from "../threads/loads.js";

type Checks = typeof import("./check-tree.js");

let loaded: Checks | undefined;

/** Gives the checks: at once if they were used before, so that nothing else comes in between. */
export function checks(): Checks | Promise<Checks> {
  return loaded ?? load();
}

async function load(): Promise<Checks> {
  const made = await whileLoading(Promise.resolve().then(() => loadAtOnce() ?? import("./check-tree.js")));
  loaded = made;
  return made;
}

/** Reads one file after the other and closes each, where Node can: a file that a worker thread was about to open when it broke would never be closed. */
function loadAtOnce(): Checks | undefined {
  if (isMainThread || !(process.features as { require_module?: boolean }).require_module) return undefined;
  try {
    return createRequire(import.meta.url)("./check-tree.js") as Checks;
  } catch {
    // It was being imported already.
    return undefined;
  }
}
