/**
 * An actor's state as it shows it to those who look on, and the hooks by which a class says what that is. JavaScript's `#private` fields cannot be
 * read from outside, so a class that has its state there shows nothing of it unless it has these hooks.
 */
import type { Cell } from "./cell.js";

/** The key of a method that gives the actor's state; without it the state is the own enumerable fields of the instance. */
export const giveState: unique symbol = Symbol.for("copal.giveState") as never;

/** The key of a method that takes a new state; without it the fields of the new state are assigned to the instance. */
export const takeState: unique symbol = Symbol.for("copal.takeState") as never;

/** The key of a method that turns a state into what people may see of it, in status and crash reports: without secrets, say. */
export const formatStatus: unique symbol = Symbol.for("copal.formatStatus") as never;

/** What a class may say about its state. */
export interface StateHooks {
  [giveState]?(): unknown;
  [takeState]?(state: unknown): void;
  [formatStatus]?(state: unknown): unknown;
}

/** Returns the state of an actor. Throws what its own code throws. */
export function stateOf(cell: Cell): unknown {
  return stateIn(cell.instance);
}

function stateIn(instance: Cell["instance"]): unknown {
  if (instance === undefined) return undefined;
  const hooks = instance as StateHooks;
  return hooks[giveState] ? hooks[giveState]() : { ...instance };
}

/** Gives an actor a state. Throws what its own code throws, and `TypeError` for no object where there is no hook. */
export function putState(cell: Cell, state: unknown): void {
  const instance = cell.instance as StateHooks | undefined;
  if (instance?.[takeState]) instance[takeState](state);
  else if (typeof state === "object" && state !== null) Object.assign(instance ?? {}, state);
  else throw new TypeError(`${cell.label} takes an object of fields as its state, unless it has [sys.takeState]`);
}

/** Returns the state as people may see it; if the actor's own code throws over it, an object that says so. Never throws. */
export function formattedState({ instance }: Pick<Cell, "instance">): unknown {
  try {
    const hooks = instance as StateHooks | undefined;
    const state = stateIn(instance);
    return hooks?.[formatStatus] ? hooks[formatStatus](state) : state;
  } catch (thrown) {
    return { failed: "the actor's own code threw over its state", thrown };
  }
}
