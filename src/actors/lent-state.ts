/**
 * An actor's state, lent to another thread for a change that only that thread can make: meanwhile the actor handles nothing, as if an async method held its
 * mailbox. A borrower that does not give it back in time gets it no more, and the actor goes on as it was.
 */
import { CallTimeoutError } from "../errors.js";
import type { Cell } from "./cell.js";
import type { Timer } from "./clock.js";
import { putState, stateOf } from "./state.js";

interface Loan {
  readonly number: number;
  readonly timer: Timer;
}

const loans = new WeakMap<Cell, Loan>();
let lastNumber = 0;

/** The state, and what gives it back. */
export interface LentState {
  readonly loan: number;
  readonly state: unknown;
}

/** Lends the state of `cell` for so long; called in the actor's turn. Throws what its own code throws. */
export function lendState(cell: Cell, forMs: number): LentState {
  const state = stateOf(cell);
  const number = ++lastNumber;
  const timer = cell.runtime.clock.setTimer(forMs, () => settle(cell, number));
  loans.set(cell, { number, timer });
  cell.isBusy = true;
  return { loan: number, state };
}

/**
 * Takes the state back, changed if there is a `change`, and lets the actor go on. Throws what its own code throws over the new one.
 *
 * @throws {CallTimeoutError} if the time for it is over.
 */
export function returnState(cell: Cell, loan: number, change?: { readonly state: unknown }): void {
  if (loans.get(cell)?.number !== loan) {
    const text = `the state of ${cell.label} was not replaced in time`;
    throw new CallTimeoutError(text, { ref: cell.ref, method: "sys.replaceState", timeoutMs: 0 });
  }
  try {
    if (change) putState(cell, change.state);
  } finally {
    settle(cell, loan);
  }
}

function settle(cell: Cell, number: number): void {
  const loan = loans.get(cell);
  if (loan?.number !== number) return;
  loans.delete(cell);
  loan.timer.cancel();
  cell.free();
}
