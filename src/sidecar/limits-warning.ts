/**
 * Says that a process runs without a limit, or outside of a PID namespace, that was asked for: once for each program and reason, to whoever listens, else as a
 * warning of Node's.
 */
import { channel } from "node:diagnostics_channel";
import type { LimitMissing } from "./resource-limits.js";

/** Tells {@link UnkeptLimit}s. */
const unkept = channel("copal:limits");

/** What is published on the diagnostics channel `copal:limits`; `limit` is `pidns` where it is the namespace that is missing. */
export interface UnkeptLimit extends LimitMissing {
  /** The program. */
  readonly program: string;
  readonly message: string;
}

const said = new Set<string>();

/** Says what a start did not get, unless it was said before. */
export function warnOfMissing(
  program: string,
  { limitsMissing, pidnsMissing }: { limitsMissing: readonly LimitMissing[]; pidnsMissing: string | null },
): void {
  if (pidnsMissing !== null) say(program, "pidns", pidnsMissing, "outside of the PID namespace it was to have");
  for (const { limit, why } of limitsMissing) say(program, limit, why, `without its limit of \`${limit}\``);
}

function say(program: string, limit: string, why: string, how: string): void {
  const message = `${program} runs ${how}: ${why}`;
  if (said.has(message)) return;
  said.add(message);
  if (unkept.hasSubscribers) unkept.publish({ program, limit, why, message } satisfies UnkeptLimit);
  else process.emitWarning(message, { type: "CopalWarning", code: "COPAL_LIMIT" });
}
