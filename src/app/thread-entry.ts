/**
 * What a worker thread of Copal runs: its actors' classes are loaded here as on the main thread, and each belongs to the tree it was started for.
 */

import { runThread } from "../threads/run-thread.js";
import { loadInThread } from "./thread-loader.js";

runThread(loadInThread);
