/**
 * What a supervisor does when a child has ended by itself: pure, from the children, the one that ended and its reason to a decision.
 * Neither starts nor stops anything, and does not know the restart window.
 */
import { type ExitReason, isNormalExit } from "../exit.js";
import type { Restart } from "./child-spec.js";

/** OTP's strategies for children that are listed. */
export type Strategy = "one_for_one" | "rest_for_one" | "one_for_all";

/** Every strategy's name. */
export const strategies: readonly Strategy[] = ["one_for_one", "rest_for_one", "one_for_all"];

/** When the end of significant children ends their supervisor. */
export type AutoShutdown = "never" | "any_significant" | "all_significant";

/** Every word of `autoShutdown`. */
export const autoShutdowns: readonly AutoShutdown[] = ["never", "any_significant", "all_significant"];

/** What a decision sees of a child. */
export interface ChildView {
  readonly id: string;
  readonly restart: Restart;
  readonly significant: boolean;
  /** It neither runs nor is about to be started again. */
  readonly isDown: boolean;
  /** It has not been up yet: its turn comes when those before it are. */
  readonly isNew: boolean;
}

/**
 * - `restart`: if the window allows, carry out its {@link RestartPlan};
 * - `keep`: the child stays down, its specification stays;
 * - `remove`: its specification goes too.
 *
 * With `endsSupervisor` the supervisor then ends with `"shutdown"`: a significant child was waited for.
 */
export interface Decision {
  readonly outcome: "restart" | "keep" | "remove";
  readonly endsSupervisor: boolean;
}

/** Decides what follows from the end of `ended`; `children` are asked for only where others matter. */
export function decide(
  autoShutdown: AutoShutdown,
  children: () => Iterable<ChildView>,
  ended: Omit<ChildView, "isDown" | "isNew">,
  reason: ExitReason,
): Decision {
  if (isRestarted(ended.restart, reason)) return { outcome: "restart", endsSupervisor: false };
  return {
    outcome: ended.restart === "temporary" ? "remove" : "keep",
    endsSupervisor: ended.significant && isAutoShutdown(autoShutdown, children, ended.id),
  };
}

/** OTP's table: permanent always, transient after an abnormal end, temporary never. */
export function isRestarted(restart: Restart, reason: ExitReason): boolean {
  return restart === "permanent" || (restart === "transient" && !isNormalExit(reason));
}

function isAutoShutdown(autoShutdown: AutoShutdown, children: () => Iterable<ChildView>, endedId: string): boolean {
  if (autoShutdown !== "all_significant") return autoShutdown === "any_significant";
  for (const { id, significant, isDown } of children()) if (significant && !isDown && id !== endedId) return false;
  return true;
}

/** What a restart does, in this order. */
export interface RestartPlan {
  /** Stopped, those of them that run; retries and waits of the others are called off. */
  readonly stop: readonly string[];
  /** Forgotten: temporary ones among them, which nothing brings back. */
  readonly remove: readonly string[];
  /** Started, whether or not they ran before, up to the first that does not start. */
  readonly start: readonly string[];
}

/** Plans the restart of the child `id`, one of `children`, which are in start order. */
export function planRestart(strategy: Strategy, children: () => readonly ChildView[], id: string): RestartPlan {
  if (strategy === "one_for_one") return { stop: [], remove: [], start: [id] };
  const all = children();
  const scope = strategy === "one_for_all" ? all : all.slice(all.findIndex((child) => child.id === id));
  const others = scope.filter((child) => child.id !== id);
  // One whose turn to start has not come yet is neither brought back nor forgotten: it still has its turn.
  const isDropped = (child: ChildView): boolean => child.restart === "temporary" && !child.isNew && child.id !== id;
  const isStarted = (child: ChildView): boolean => child.id === id || !(child.isNew || child.restart === "temporary");
  return {
    stop: others.map((child) => child.id).reverse(),
    remove: others.filter(isDropped).map((child) => child.id),
    start: scope.filter(isStarted).map((child) => child.id),
  };
}
