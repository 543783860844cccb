/**
 * `copal inspect`: one actor, process or supervisor of a running app from within. It lays out what the app answered.
 */

import type { Inspection } from "../app/inspection.js";
import { findApp } from "./find-app.js";
import type { AppOptions } from "./main.js";
import { harmless, type Paint, paintFor } from "./paint.js";

/** Prints what an actor is doing and its state. */
export async function inspect(id: string, options: AppOptions & { readonly json?: boolean }): Promise<void> {
  const inspection = (await (await findApp(options)).post("inspect", { id })) as unknown as Inspection;
  process.stdout.write(
    options.json ? `${JSON.stringify(inspection)}\n` : `${page(inspection, paintFor(process.stdout))}\n`,
  );
}

function page(inspection: Inspection, paint: Paint): string {
  const { path, condition, inHand, mailbox, dropped, trapExit, name, parent, children, links, monitors, watchers } =
    inspection;
  const lines: readonly (readonly [label: string, text: string | null])[] = [
    ["condition", inHand === null ? condition : `${condition}, in hand: ${inHand}`],
    ["mailbox", dropped === 0 ? String(mailbox) : `${mailbox}, ${dropped} dropped`],
    ["traps exits", trapExit ? "yes" : "no"],
    ["name", name],
    ["parent", parent],
    ["children", list(children)],
    ["links", list(links)],
    ["monitors", list(monitors)],
    ["watched by", watchers === 0 ? null : String(watchers)],
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  const table = lines
    .filter((line): line is readonly [string, string] => line[1] !== null)
    .map(([label, text]) => `  ${paint.dim(label.padEnd(width))}  ${harmless(text, false)}`);
  return [paint.bold(path), ...table, `  ${paint.dim("state")}`, indented(inspection.stateText)].join("\n");
}

const hint = "{}, besides #private fields; a class shows those with [sys.giveState]()";

function list(names: readonly string[]): string | null {
  if (names.length === 0) return null;
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
}

function indented(text: string | null): string {
  const shown = (text ?? "not shown: it did not answer within a second").replace(/^\{\}$/, hint);
  return harmless(shown, false)
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
}
