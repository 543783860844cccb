/**
 * Makes heard that a test leaves something out.
 */
import type { Test } from "tap";

/** Says what is missing for a test; under `COPAL_REQUIRE_ALL=1` it fails. */
export function skip(t: Test, reason: string): void {
  if (process.env.COPAL_REQUIRE_ALL === "1") t.fail(reason);
  else t.comment(`SKIPPED: ${reason}`);
}
