/**
 * Writes a difference for people: the tree, what happened, and where the two sides part.
 */

import type { Difference } from "./compare.js";
import { describe } from "./copal.js";
import type { Child, Event, Outcome, Supervisor, Worker } from "./tree.js";

/** The lines of a difference. */
export function differenceText({ replay, run, event, expected, got }: Difference): string {
  return [
    `differs: npm run otp:random -- --replay '${replay}'`,
    ...supervisorLines("r", run.root, "  "),
    "  events:",
    ...run.events.flatMap(eventLines),
    `  ${event}`,
    "  expected:",
    ...expected.map((line) => `    ${line}`),
    "  got:",
    ...got.map((line) => `    ${line}`),
  ].join("\n");
}

/** What an event brings along is drawn below it. */
function eventLines(event: Event): string[] {
  const brought = (event.do === "together" ? event.steps : [event]).flatMap((step) => {
    if (step.do === "change") return supervisorLines(step.to, step.spec, "      ");
    if (step.do !== "call" || !("child" in step)) return [];
    if (step.call === "start_child") return childLines(step.child, "      ");
    const { id, plan, body } = step.child;
    const title = `${id} starts [${startsText(plan)}]`;
    return body === "template" ? [`      ${title}`] : supervisorLines(title, body, "      ");
  });
  return [`    ${describe(event)}`, ...brought];
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
  const title = `${id} ${restart}${significant ? " significant" : ""} ${type} shutdown ${shutdown} starts [${startsText(plan)}]`;
  if (body.is === "supervisor") return supervisorLines(title, body, indent);
  return [`${indent}${title} ${workerText(body)}`];
}

function startsText(plan: readonly Outcome[]): string {
  return plan.map(({ comes, reason }) => (reason === "normal" ? comes : `${comes}(${reason})`)).join(", ");
}

function workerText({ traps, ending }: Worker): string {
  return `${traps ? "traps exits" : "does not trap"}, terminate ${ending}`;
}
