/**
 * `copal check`: reads, checks and plans the config, and says what it would start, how long a stop may take, and what is probably not meant.
 * It starts nothing and runs no actor's module.
 */

import { checkTree } from "../app/check-tree.js";
import { loadConfig } from "../app/load.js";
import { everyNode, planTree } from "../app/plan.js";
import { planWarnings, stopBudgetMs } from "../app/stop-budget.js";
import { formatAge } from "../app/units.js";
import type { AppOptions } from "./main.js";

/** Checks the config and says how many nodes it has. @throws {ConfigError} with a line for each fault. */
export async function check(options: AppOptions & { readonly json?: boolean }): Promise<void> {
  const source = await loadConfig(options.config);
  const root = planTree(checkTree(source), source, process.env);
  const nodes = [...everyNode(root)].map(({ path, id, kind }) => ({ path, id, kind }));
  const stopMs = stopBudgetMs(root);
  const warnings = planWarnings(root);
  if (options.json) {
    const stop = { stopMs: Number.isFinite(stopMs) ? stopMs : null };
    process.stdout.write(`${JSON.stringify({ file: source.file, ok: true, nodes, ...stop, warnings })}\n`);
    return;
  }
  const count = (kind: string, many: string) => {
    const number = nodes.filter((node) => node.kind === kind).length;
    return `${number} ${number === 1 ? kind : many}`;
  };
  const counts = [count("supervisor", "supervisors"), count("process", "processes"), count("actor", "actors")].join(
    ", ",
  );
  const stop = Number.isFinite(stopMs)
    ? `at most ${formatAge(stopMs)}`
    : "as long as an actor with `shutdown: infinity` likes";
  const warned = warnings.map(({ path, text }) => `warning: ${path}: ${text}\n`).join("");
  process.stdout.write(`${source.file}: ok, ${counts}\nstopping it takes ${stop}\n${warned}`);
}
