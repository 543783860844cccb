/**
 * Waits for the world to be in a state, by looking again and again until a deadline: for what sends no message, such as a file or a process. It waits in
 * real time whatever clock the actors have; in virtual time use `runUntilIdle` or `advance`.
 */
import { setTimeout as wait } from "node:timers/promises";

/** How long to look, and how often; milliseconds. */
export interface EventuallyOptions {
  /** Default 10,000. */
  readonly timeoutMs?: number;
  /** Default 5. */
  readonly everyMs?: number;
}

/**
 * Calls `check` until it returns (or resolves to) a truthy value and gives that value.
 *
 * @throws the last error of `check`, or an Error that quotes it, once the time is over.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 5 }: EventuallyOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await check();
      if (value) return value as NonNullable<T>;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) {
      throw failure ?? new Error(`not so within ${timeoutMs} ms: ${check.toString().slice(0, 200)}`);
    }
    await wait(everyMs);
  }
}
