/**
 * `copal logs`: the last output of a running app's children, and what follows.
 * It prints what the app remembers and knows no log files.
 */

import { UsageError } from "./fail.js";
import { findApp } from "./find-app.js";
import type { AppOptions } from "./main.js";
import { harmless, paintFor } from "./paint.js";

/** What `logs` takes. */
export interface LogsOptions extends AppOptions {
  readonly follow?: boolean;
  readonly lines: string;
  readonly json?: boolean;
}

/** Prints the last lines of all children, or of those named, and with `follow` goes on until the app ends or Ctrl-C. */
export async function logs(ids: readonly string[], options: LogsOptions): Promise<void> {
  if (!/^\d+$/.test(options.lines)) throw new UsageError(`got \`-n ${options.lines}\`, allowed is a number of lines`);
  const query = new URLSearchParams({ n: options.lines, ...(options.follow ? { follow: "1" } : {}) });
  for (const id of ids) query.append("ids", id);
  const paint = paintFor(process.stdout);
  let width = 0;
  for await (const line of (await findApp(options)).lines("GET", `logs?${query}`)) {
    if (options.json) {
      process.stdout.write(`${JSON.stringify(line)}\n`);
    } else if (typeof line.droppedLines === "number") {
      process.stdout.write(`${paint.dim(`(${line.droppedLines} lines left out: this reader was too slow)`)}\n`);
    } else {
      const path = String(line.path);
      width = Math.max(width, path.length);
      const bar =
        line.stream === "stderr" ? paint.warn(paint.isPlain ? "!" : "┃") : paint.dim(paint.isPlain ? "|" : "│");
      process.stdout.write(`${path.padEnd(width)} ${bar} ${harmless(String(line.line), !paint.isPlain)}\n`);
    }
  }
}
