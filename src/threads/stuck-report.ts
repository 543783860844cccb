/**
 * Tells people of a thread that was stuck: on the channel `copal:watchdog` if anybody listens, else as a warning of Node's.
 */
import { channel } from "node:diagnostics_channel";

/** A thread that was stuck, and is replaced. */
export interface StuckReport {
  /** As `ps` shows it: `pool-1`, `own-7`. */
  readonly thread: string;
  /** The actor whose code it was stuck in; undefined if that was not known to be any actor's. */
  readonly actor: string | undefined;
  /** The actor's method or callback. */
  readonly callback: string | undefined;
  /** For how long, when it was found. */
  readonly forMs: number;
  /** The actors that lose their place with it, through no fault of theirs. */
  readonly others: readonly string[];
  /** All of that in one sentence. */
  readonly message: string;
}

const stuck = channel("copal:watchdog");

/** Tells of it. */
export function reportStuck(found: Omit<StuckReport, "message">): void {
  const message = describe(found);
  if (stuck.hasSubscribers) stuck.publish({ ...found, message } satisfies StuckReport);
  else process.emitWarning(message, { type: "CopalWarning", code: "COPAL_WATCHDOG" });
}

function describe({ thread, actor, callback, forMs, others }: Omit<StuckReport, "message">): string {
  const who = actor === undefined ? "code of no actor" : callback ? `${actor}, in \`${callback}\`` : actor;
  const lost = others.length === 0 ? "" : `; it takes ${others.join(", ")} along`;
  return `${thread} was stuck for ${Math.round(forMs)} ms in ${who}, and is replaced${lost}`;
}
