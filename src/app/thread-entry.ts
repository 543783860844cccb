/**
 * What a worker thread of Copal runs: its actors' classes are loaded here as on the main thread.
 */

import { runThread } from "../threads/run-thread.js";
import { findClass } from "./actor-class.js";
import { configError } from "./config-problem.js";

runThread(async ({ module, exportName, folder }) => {
  const found = await findClass({ module, exportName }, folder);
  if ("class" in found) return found.class;
  throw configError([{ path: "module", text: found.problem }], found.cause);
});
