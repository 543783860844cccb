/**
 * Says that a process runs without a limit that was asked for: once for each program and limit, to whoever listens, else as a warning of Node's.
 */
import { channel } from "node:diagnostics_channel";
import type { LimitMissing } from "./resource-limits.js";

/** Tells {@link UnkeptLimit}s. */
const unkept = channel("copal:limits");

/** What is published on the diagnostics channel `copal:limits`. */
export interface UnkeptLimit extends LimitMissing {
  /** The program. */
  readonly program: string;
  readonly message: string;
}

const said = new Set<string>();

/** Says it, unless it was said before. */
export function warnOfMissing(program: string, missing: readonly LimitMissing[]): void {
  for (const { limit, why } of missing) {
    const message = `${program} runs without its limit of \`${limit}\`: ${why}`;
    if (said.has(message)) continue;
    said.add(message);
    if (unkept.hasSubscribers) unkept.publish({ program, limit, why, message } satisfies UnkeptLimit);
    else process.emitWarning(message, { type: "CopalWarning", code: "COPAL_LIMIT" });
  }
}
