/**
 * Finds fields of a config that are right by themselves and wrong together: within a node, or between a child and its supervisor.
 * It reads checked nodes; where their fields stand in the file is the caller's to know.
 */
import { isMainThread } from "node:worker_threads";
import { defaultBackoff } from "../supervisor/backoff.js";
import type { AutoShutdown } from "../supervisor/strategy.js";
import type { CheckedNode } from "./check-tree.js";
import { type ConfigPath, fieldText } from "./config-problem.js";
import { wrongOutputs } from "./output-fields.js";

/** A combination that is wrong: where its field stands, and the sentence. */
export interface WrongCombination {
  readonly at: ConfigPath;
  readonly path: string;
  readonly text: string;
}

/** Where a node stands: what matters of the supervisors above it. */
interface Above {
  readonly autoShutdown: AutoShutdown;
  /** One of them lives in a worker thread. */
  readonly isInThread: boolean;
  /** The last of them does, or whoever else starts the node. */
  readonly isInWorker: boolean;
}

/** Lists what is wrong in `node` and below, which is started by the thread that this runs in unless there is a supervisor above. */
export function* wrongCombinations(
  node: CheckedNode,
  { autoShutdown, isInThread, isInWorker }: Above = {
    autoShutdown: "never",
    isInThread: false,
    isInWorker: !isMainThread,
  },
): Generator<WrongCombination> {
  const { restart = "permanent", significant, backoff } = node.fields;
  const wrong = (field: string, text: string): WrongCombination => ({
    at: [...node.at, ...field.split(".")],
    path: `${node.path}.${field}`,
    text,
  });
  if (significant && autoShutdown === "never") {
    yield wrong("significant", "got true, allowed is false while the supervisor's `autoShutdown` is never");
  } else if (significant && restart === "permanent") {
    yield wrong("significant", "got true, allowed is false while `restart` is permanent; say transient or temporary");
  }
  if (backoff && restart === "temporary") {
    yield wrong("backoff", "a temporary child is never started again; allowed with `restart` permanent or transient");
  }
  const longestMs = backoff?.max;
  if (longestMs !== undefined && longestMs < (backoff?.initial ?? defaultBackoff.initialMs)) {
    yield wrong("backoff.max", `got ${longestMs}ms, allowed is a duration from \`initial\` on`);
  }
  if (node.kind === "process") {
    const { contain, limits, required } = node.fields;
    if (contain === "tree" && limits) yield wrong("limits", "got limits, allowed are none while `contain` is tree");
    for (const [at, text] of wrongOutputs(node.fields))
      yield { at: [...node.at, ...at], path: `${node.path}${fieldText(at)}`, text };
    if (contain === "tree" && required) yield wrong("required", "got true, allowed is false while `contain` is tree");
  }
  if (node.kind === "process") return;
  const { thread, heap, stack } = node.fields;
  const crosses = isInThread || (thread !== undefined && thread !== "main");
  if (node.kind === "actor" && crosses && node.fields.class !== undefined) {
    const where = thread === undefined ? "under a supervisor with a thread" : `beside \`thread: ${thread}\``;
    yield wrong("class", `a class cannot cross to another thread; say \`module: ./file.ts#Name\` ${where}`);
  }
  const livesInWorker = thread === undefined ? isInWorker : thread !== "main";
  if (node.kind === "actor" && node.fields.watchdog !== undefined && !livesInWorker)
    yield wrong("watchdog", "got a duration, allowed in a worker thread only: nobody can end the main thread");
  if (heap !== undefined && thread !== "own") yield wrong("heap", "got a size, allowed with `thread: own` only");
  if (stack !== undefined && thread !== "own") yield wrong("stack", "got a size, allowed with `thread: own` only");
  if (node.kind !== "supervisor") return;
  const isRoot = !node.path.includes("/");
  if (node.fields.pool && !isRoot) yield wrong("pool", "got a pool, allowed at the root only: a tree has one");
  if (node.fields.compute && !isRoot)
    yield wrong("compute", "got limits of the compute pool, allowed at the root alone: a process has one pool");
  if (isRoot && crosses) yield wrong("thread", `got ${thread}, allowed is main: the root lives where it is started`);
  const above = {
    autoShutdown: node.fields.autoShutdown ?? "never",
    isInThread: crosses,
    isInWorker: livesInWorker,
  };
  for (const child of node.children) yield* wrongCombinations(child, above);
}
