/**
 * Copal's exit reasons and OTP's, by the names that traces use for both. The only table of its kind for random trees.
 */
import { isCopalError } from "#src/errors.js";
import { type ExitReason, formatExit, reasonFromError } from "#src/exit.js";
import type { Reason } from "./tree.js";

/** What an actor ends with, or is ended with, to end as OTP's process does that ends with `reason`. */
export function exitReasonOf(reason: Reason): ExitReason {
  if (reason === "{shutdown,x}") return { shutdown: "x" };
  if (reason === "x" || reason === "y") return { error: { name: "Error", message: reason } };
  return reason;
}

/** The name of a reason in a trace. A start that failed is told by the innermost child that did not come up. */
export function reasonText(reason: ExitReason): string {
  if (typeof reason === "string") return reason;
  if ("shutdown" in reason) return `{shutdown,${String(reason.shutdown)}}`;
  if ("error" in reason) return reason.error.message;
  if (!("startFailed" in reason)) return formatExit(reason);
  const { child, message } = reason.startFailed;
  const why = plainText(message);
  return child === undefined ? why : `failed ${child.slice(child.lastIndexOf("/") + 1)} ${why}`;
}

/** The name of what a start was rejected with. */
export function thrownText(thrown: unknown): string {
  return reasonText(isCopalError(thrown, "ERR_START") ? thrown.reason : reasonFromError(thrown));
}

/** A failure's message is for people: `Error: x`, `shutdown: x`. */
function plainText(message: string): string {
  const [, word, rest] = /^(Error|NonError|shutdown): (.*)$/.exec(message) ?? [];
  if (word === undefined) return message;
  return word === "shutdown" ? `{shutdown,${rest}}` : (rest ?? "");
}
