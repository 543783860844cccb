/**
 * Back-off: how long a child that keeps ending waits before it is started again, and when its supervisor gives up over it. Pure: state
 * in, state out; time and chance are given.
 */

/** How a child is retried. Durations in milliseconds. */
export interface Backoff {
  /** The first wait. */
  readonly initialMs: number;
  /** The longest wait. */
  readonly maxMs: number;
  /** What each wait is multiplied with to give the next. */
  readonly factor: number;
  /** How far a wait may be off, as a part of itself: 0.2 is 20 % longer or shorter, but never above `maxMs`. */
  readonly jitter: number;
  /** After running this long a child that ends starts afresh: its failures so far are forgotten. */
  readonly resetAfterMs: number;
  /** With this many failures in a row the supervisor gives up. */
  readonly attempts: number | "unlimited";
}

/** What is waited for, in milliseconds from the failure, or that it is one failure too many. */
export interface BackoffStep {
  /** Failures in a row, this one included. */
  readonly failures: number;
  readonly waitMs: number | "exhausted";
}

/** What a back-off is unless told otherwise. */
export const defaultBackoff: Backoff = {
  initialMs: 200,
  maxMs: 30_000,
  factor: 2,
  jitter: 0.2,
  resetAfterMs: 60_000,
  attempts: "unlimited",
};

/**
 * Decides what follows from a failure: a child that ended and is to be started again, or a start that failed.
 *
 * @param failures - failures in a row before this one.
 * @param ranMs - how long the child had run; 0 for a start that failed.
 * @param chance - a number from 0 up to 1, which picks the wait within the jitter.
 */
export function backoffStep(backoff: Backoff, failures: number, ranMs: number, chance: number): BackoffStep {
  const { initialMs, maxMs, factor, jitter, resetAfterMs, attempts } = backoff;
  const inARow = (ranMs > 0 && ranMs >= resetAfterMs ? 0 : failures) + 1;
  if (attempts !== "unlimited" && inARow >= attempts) return { failures: inARow, waitMs: "exhausted" };
  const growth = Math.min(factor ** (inARow - 1), Number.MAX_VALUE);
  const steadyMs = Math.min(maxMs, initialMs * growth);
  return { failures: inARow, waitMs: Math.min(maxMs, steadyMs * (1 + jitter * (2 * chance - 1))) };
}
