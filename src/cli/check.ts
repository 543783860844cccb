/**
 * `copal check`: reads, checks and plans the config, and says what it would start.
 * It starts nothing and runs no actor's module.
 */

import { loadConfig } from "../app/load.js";
import { planSource } from "../app/tree.js";
import type { AppOptions } from "./main.js";

/** Checks the config and says how many nodes it has. @throws {ConfigError} with a line for each fault. */
export async function check(options: AppOptions & { readonly json?: boolean }): Promise<void> {
  const source = await loadConfig(options.config);
  const rows = planSource(source).snapshot();
  const count = (kind: string, many: string) => {
    const number = rows.filter((row) => row.kind === kind).length;
    return `${number} ${number === 1 ? kind : many}`;
  };
  if (options.json) {
    const nodes = rows.map(({ path, id, kind }) => ({ path, id, kind }));
    process.stdout.write(`${JSON.stringify({ file: source.file, ok: true, nodes })}\n`);
    return;
  }
  const counts = [count("supervisor", "supervisors"), count("process", "processes"), count("actor", "actors")].join(
    ", ",
  );
  process.stdout.write(`${source.file}: ok, ${counts}\n`);
}
