/**
 * How long a tree may take to stop, and what in it will not do what its author seems to expect. Pure: from a plan to numbers and
 * sentences; it starts nothing and knows no class of an actor.
 */
import { everyNode, type PlannedNode, type PlannedSupervisor } from "./plan.js";
import { formatDuration } from "./units.js";

/** Something that is allowed and probably not meant. */
export interface PlanWarning {
  /** The node's path in the tree. */
  readonly path: string;
  readonly text: string;
}

/** How long an actor has to end where neither its config nor its class says more. */
const actorShutdownMs = 5_000;

/**
 * Returns the longest time that stopping `node` may take, in milliseconds; `Infinity` if an actor may take for ever.
 *
 * Children are stopped one after the other, so their times add up. What the kernel needs to end killed processes is not in it.
 */
export function stopBudgetMs(node: PlannedNode): number {
  if (node.kind !== "supervisor") return ownTimeMs(node);
  const { shutdown, children } = node;
  const needsMs = needsOf(node);
  const limitMs = shutdown === "infinity" ? needsMs : shutdown === "brutal_kill" ? 0 : shutdown;
  if (limitMs >= needsMs) return needsMs;
  // A supervisor that is killed lets go of all its children at once; each still has its own time.
  return Math.min(needsMs, limitMs + Math.max(0, ...children.map(stopBudgetMs)));
}

/** Lists what in the tree is allowed and probably not meant, parents first. */
export function planWarnings(root: PlannedSupervisor): readonly PlanWarning[] {
  const warnings: PlanWarning[] = [];
  for (const node of everyNode(root)) {
    if (node.kind !== "supervisor") continue;
    const warn = (path: string, text: string): number => warnings.push({ path, text });
    if (node !== root) shortTime(node, warn);
    unreachable(node, warn);
    for (const child of node.children) if (child.kind === "supervisor") swallowed(child, warn);
  }
  return warnings;
}

type Warn = (path: string, text: string) => void;

function shortTime(node: PlannedSupervisor, warn: Warn): void {
  const { shutdown } = node;
  const needsMs = needsOf(node);
  const givenMs = shutdown === "infinity" ? Number.POSITIVE_INFINITY : shutdown === "brutal_kill" ? 0 : shutdown;
  if (givenMs >= needsMs) return;
  const needs = Number.isFinite(needsMs) ? formatDuration(needsMs) : "as long as they like";
  const given = shutdown === "brutal_kill" ? shutdown : formatDuration(givenMs);
  warn(
    node.path,
    `its \`shutdown\` is ${given}, its children may need ${needs}: then they are not stopped in order; leave \`shutdown\` out`,
  );
}

function unreachable(node: PlannedSupervisor, warn: Warn): void {
  const significant = node.children.filter((child) => child.significant);
  if (node.autoShutdown !== "never" && significant.length === 0) {
    warn(node.path, `\`autoShutdown: ${node.autoShutdown}\` never happens: no child of it is \`significant\``);
  }
  for (const child of significant) {
    if (child.kind !== "supervisor" || canEndByItself(child)) continue;
    warn(child.path, "it is `significant` and never ends by itself: it neither gives up nor has an `autoShutdown`");
  }
}

/** A supervisor ends by itself when it gives up, over its window or a child's back-off, or by its own auto-shutdown. */
function canEndByItself(node: PlannedSupervisor): boolean {
  if (node.autoShutdown !== "never" && node.children.some((child) => child.significant)) return true;
  return canGiveUp(node);
}

function canGiveUp({ intensity, children }: PlannedSupervisor): boolean {
  return children.some(({ restart, backoff }) => {
    if (restart === "temporary") return false;
    return backoff ? (backoff.attempts ?? "unlimited") !== "unlimited" : intensity !== "unlimited";
  });
}

function swallowed(node: PlannedSupervisor, warn: Warn): void {
  if (node.restart !== "transient" || node.significant || !canGiveUp(node)) return;
  warn(
    node.path,
    "it is transient and gives up with `shutdown`, which counts as a normal end: then it stays down; say `restart: permanent`",
  );
}

function needsOf({ children }: PlannedSupervisor): number {
  return children.reduce((sumMs, child) => sumMs + stopBudgetMs(child), 0);
}

function ownTimeMs(node: Exclude<PlannedNode, PlannedSupervisor>): number {
  const { shutdown = actorShutdownMs } = node;
  if (shutdown === "brutal_kill") return 0;
  if (shutdown !== "infinity") return shutdown;
  // A process is killed by its own stop plan, however long its supervisor would wait.
  return node.kind === "process" ? node.stop.graceMs : Number.POSITIVE_INFINITY;
}
