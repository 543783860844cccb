/**
 * The checks of a tree's spec, loaded when the first one is checked: the schema takes as long to load as the rest of Copal, and most worker threads, which
 * import Copal with the modules of their actors, never check anything.
 */

import { whileLoading } from "../threads/loads.js";

type Checks = typeof import("./check-tree.js");

let loaded: Checks | undefined;

/** Gives the checks: at once if they were used before, so that nothing else comes in between. */
export function checks(): Checks | Promise<Checks> {
  return loaded ?? load();
}

async function load(): Promise<Checks> {
  loaded = await whileLoading(import("./check-tree.js"));
  return loaded;
}
