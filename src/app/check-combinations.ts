/**
 * Finds fields of a config that are right by themselves and wrong together: within a node, or between a child and its supervisor.
 * It reads checked nodes; where their fields stand in the file is the caller's to know.
 */
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

/** Lists what is wrong in `node` and below; `autoShutdown` is that of the supervisor above it. */
export function* wrongCombinations(
  node: CheckedNode,
  autoShutdown: AutoShutdown = "never",
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
  if (node.kind === "actor") {
    const { thread = "main", heap, class: type } = node.fields;
    if (thread !== "main" && type !== undefined)
      yield wrong(
        "class",
        `a class cannot cross to another thread; say \`module: ./file.ts#Name\` beside \`thread: ${thread}\``,
      );
    if (heap !== undefined && thread !== "own") yield wrong("heap", "got a size, allowed with `thread: own` only");
  }
  if (node.kind !== "supervisor") return;
  for (const child of node.children) yield* wrongCombinations(child, node.fields.autoShutdown);
}
