/**
 * Writes a difference for people: the tree, what happened, and where the two sides part.
 */

import type { Difference } from "./compare.js";
import { describe } from "./copal.js";
import type { Child, Supervisor, Worker } from "./tree.js";

/** The lines of a difference. */
export function differenceText({ replay, run, event, expected, got }: Difference): string {
  return [
    `differs: npm run otp:random -- --replay '${replay}'`,
    ...supervisorLines("r", run.root, "  "),
    "  events:",
    ...run.events.map((one) => `    ${describe(one)}`),
    `  ${event}`,
    "  expected:",
    ...expected.map((line) => `    ${line}`),
    "  got:",
    ...got.map((line) => `    ${line}`),
  ].join("\n");
}

function supervisorLines(
  title: string,
  { strategy, intensity, autoShutdown, children }: Supervisor,
  indent: string,
): string[] {
  const line = `${indent}${title} ${strategy} intensity ${intensity} auto_shutdown ${autoShutdown}`;
  return [line, ...children.flatMap((child) => childLines(child, `${indent}  `))];
}

function childLines({ id, restart, significant, shutdown, type, plan, body }: Child, indent: string): string[] {
  const starts = plan.map(({ comes, reason }) => (reason === "normal" ? comes : `${comes}(${reason})`)).join(", ");
  const title = `${id} ${restart}${significant ? " significant" : ""} ${type} shutdown ${shutdown} starts [${starts}]`;
  if (body.is === "supervisor") return supervisorLines(title, body, indent);
  return [`${indent}${title} ${workerText(body)}`];
}

function workerText({ traps, ending }: Worker): string {
  return `${traps ? "traps exits" : "does not trap"}, terminate ${ending}`;
}
