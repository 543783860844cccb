/**
 * Waits for the world to be in a state, by looking again and again until a deadline; the only way a test waits for what sends no message.
 */
import { setTimeout as wait } from "node:timers/promises";

/**
 * Calls `check` until it returns (or resolves to) a truthy value and gives that value.
 *
 * @throws the last error of `check`, or an Error that quotes it, once `withinMs` (default 10,000) have passed.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { withinMs = 10_000, everyMs = 5 } = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await check();
      if (value) return value as NonNullable<T>;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) {
      throw failure ?? new Error(`not so within ${withinMs} ms: ${check.toString().slice(0, 200)}`);
    }
    await wait(everyMs);
  }
}
