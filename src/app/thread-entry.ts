/**
 * What a worker thread of Copal runs: its actors' classes are loaded here as on the main thread, and each belongs to the tree it was started for.
 */

// What the modules of actors import, before there are any: a file that a thread was about to open when it ended stays open.
import "copal";
import { runThread } from "../threads/run-thread.js";
import { loadInThread } from "./thread-loader.js";

runThread(loadInThread);
