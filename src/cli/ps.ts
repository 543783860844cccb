/**
 * `copal ps` and `copal tree`: the rows of a running app, as a table, as a drawing, or as JSON.
 * It lays out what the app answered and computes nothing of its own.
 */

import type { TreeRow } from "../app/tree-rows.js";
import { formatAge, formatBytes } from "../app/units.js";
import { findApp } from "./find-app.js";
import type { AppOptions } from "./main.js";
import { branches, type Paint, paintFor } from "./paint.js";

interface Cell {
  readonly text: string;
  readonly paint?: ((text: string) => string) | undefined;
}

/** Prints a row for each node, parents first. */
export async function ps(options: AppOptions & { readonly json?: boolean }): Promise<void> {
  const rows = (await (await findApp(options)).get("ps")) as readonly TreeRow[];
  process.stdout.write(options.json ? `${JSON.stringify(rows)}\n` : table(rows, paintFor(process.stdout)));
}

/** Draws the tree. */
export async function tree(options: AppOptions & { readonly json?: boolean }): Promise<void> {
  const app = await findApp(options);
  if (options.json) process.stdout.write(`${JSON.stringify(await app.get("tree"))}\n`);
  else process.stdout.write(drawing((await app.get("ps")) as readonly TreeRow[], paintFor(process.stdout)));
}

const columns = ["PATH", "KIND", "STATE", "PID", "RESTARTS", "BUDGET", "UPTIME", "MEM", "CPU", "LAST EXIT"];
const numbers: ReadonlySet<string> = new Set(["PID", "RESTARTS", "BUDGET", "UPTIME", "MEM", "CPU"]);

/** Makes the table of `copal ps`, its columns aligned. */
export function table(rows: readonly TreeRow[], paint: Paint): string {
  const cells = rows.map((row): readonly Cell[] => [
    { text: row.path },
    { text: row.kind, paint: paint.dim },
    { text: row.state, paint: statePaint(row.state, paint) },
    { text: row.osPid === null ? "-" : String(row.osPid) },
    { text: String(row.restarts), paint: row.restarts > 0 ? paint.warn : undefined },
    { text: row.budget === null ? "-" : `${row.budget.used}/${row.budget.max ?? "∞"}` },
    { text: row.uptimeMs === null ? "-" : formatAge(row.uptimeMs) },
    { text: row.rssBytes === null ? "-" : formatBytes(row.rssBytes) },
    { text: row.cpuPercent === null ? "-" : `${row.cpuPercent.toFixed(1)}%` },
    {
      text:
        row.lastExit === null
          ? "-"
          : `${row.lastExit.reason} (${formatAge(Date.now() - Date.parse(row.lastExit.at))} ago)`,
    },
  ]);
  const table = [columns.map((text): Cell => ({ text, paint: paint.dim })), ...cells];
  const isRight = columns.map((column) => numbers.has(column));
  // Where nothing lives in another thread there is nothing to tell apart.
  if (rows.some(({ thread }) => thread !== null && thread !== "main")) {
    const threads = [{ text: "THREAD", paint: paint.dim }, ...rows.map(({ thread }) => ({ text: thread ?? "-" }))];
    for (const [index, cell] of threads.entries()) table[index] = (table[index] ?? []).toSpliced(4, 0, cell);
    isRight.splice(4, 0, false);
  }
  return aligned(table, isRight);
}

/** Makes the drawing of `copal tree`: what each node is and how it is. */
export function drawing(rows: readonly TreeRow[], paint: Paint): string {
  const lines = branches(rows.map((row) => row.path));
  const cells = rows.map((row, index): readonly Cell[] => [
    { text: `${lines[index]}${row.id}` },
    { text: row.kind, paint: paint.dim },
    { text: row.state, paint: statePaint(row.state, paint) },
    { text: row.osPid === null ? "" : `pid ${row.osPid}`, paint: paint.dim },
    {
      text: row.restarts === 0 ? "" : `${row.restarts} ${row.restarts === 1 ? "restart" : "restarts"}`,
      paint: paint.warn,
    },
  ]);
  return aligned(cells, [false, false, false, false, false]);
}

/** Lays rows of cells out in columns, two spaces apart, without spaces at the ends of lines. */
function aligned(rows: readonly (readonly Cell[])[], isRight: readonly boolean[]): string {
  const widths = isRight.map((_, column) => Math.max(...rows.map((row) => (row[column]?.text ?? "").length)));
  const lines = rows.map((row) => {
    let end = row.length;
    while (end > 0 && row[end - 1]?.text === "") end--;
    const cells = row.slice(0, end).map(({ text, paint }, column) => {
      const width = column === end - 1 && !isRight[column] ? 0 : (widths[column] ?? 0);
      const painted = paint === undefined ? text : paint(text);
      const space = " ".repeat(Math.max(0, width - text.length));
      return isRight[column] ? space + painted : painted + space;
    });
    return `${cells.join("  ")}\n`;
  });
  return lines.join("");
}

function statePaint(state: TreeRow["state"], paint: Paint): (text: string) => string {
  if (state === "running" || state === "ready") return paint.good;
  if (state === "failed") return paint.bad;
  return state === "stopped" ? paint.dim : paint.warn;
}
