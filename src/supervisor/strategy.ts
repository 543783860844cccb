/**
 * What a supervisor does when a child has ended by itself: pure, from the children, the one that ended and its reason to a decision.
 * Neither starts nor stops anything, and does not know the restart window.
 */
import { UnsupportedError } from "../errors.js";
import { type ExitReason, isNormalExit } from "../exit.js";
import type { Restart } from "./child-spec.js";

/** OTP's strategies for children that are listed. */
export type Strategy = "one_for_one" | "rest_for_one" | "one_for_all";

/** What a strategy sees of a child. */
export interface ChildView {
  readonly id: string;
  readonly restart: Restart;
}

/**
 * - `restart`: if the window allows, stop the children `stop`, in this order, then start `start`, in this order;
 * - `keep`: the child stays down, its specification stays;
 * - `remove`: its specification goes too.
 */
export type Decision =
  | { readonly outcome: "restart"; readonly stop: readonly string[]; readonly start: readonly string[] }
  | { readonly outcome: "keep" }
  | { readonly outcome: "remove" };

/** Which children a restart of `id` concerns, given all ids in start order. */
type Scope = (
  ids: readonly string[],
  id: string,
) => { readonly stop: readonly string[]; readonly start: readonly string[] };

const scopes: { readonly [S in Strategy]: Scope | undefined } = {
  one_for_one: (_ids, id) => ({ stop: [], start: [id] }),
  rest_for_one: undefined,
  one_for_all: undefined,
};

/** Every strategy's name, built or not. */
export const strategies: readonly Strategy[] = ["one_for_one", "rest_for_one", "one_for_all"];

/** @throws {UnsupportedError} if `strategy` is not built yet. */
export function checkBuilt(strategy: Strategy): void {
  if (scopes[strategy]) return;
  throw new UnsupportedError(`strategy \`${strategy}\` is not supported yet`, { feature: strategy });
}

/** Decides what follows from the end of `ended`, one of `children`, which are in start order. */
export function decide(
  strategy: Strategy,
  children: () => readonly ChildView[],
  ended: ChildView,
  reason: ExitReason,
): Decision {
  if (!isRestarted(ended.restart, reason)) return { outcome: ended.restart === "temporary" ? "remove" : "keep" };
  const scope = scopes[strategy];
  if (!scope) throw new UnsupportedError(`strategy \`${strategy}\` is not supported yet`, { feature: strategy });
  const ids = strategy === "one_for_one" ? [] : children().map(({ id }) => id);
  return { outcome: "restart", ...scope(ids, ended.id) };
}

/** OTP's table: permanent always, transient after an abnormal end, temporary never. */
export function isRestarted(restart: Restart, reason: ExitReason): boolean {
  return restart === "permanent" || (restart === "transient" && !isNormalExit(reason));
}
