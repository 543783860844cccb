/**
 * How a command fails: a sentence on stderr and an exit code, never a stack trace.
 * It knows kinds of errors, not commands.
 */

import { isCopalError } from "../errors.js";

/** The command was written wrongly; exit code 2. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UsageError";
  }
}

/** Writes what went wrong on stderr, each line of its message by itself, and sets the exit code: 2 for wrong usage or config, else 1. */
export function fail(error: unknown): void {
  const message = error instanceof Error && error.message !== "" ? error.message : String(error);
  for (const line of message.split("\n")) process.stderr.write(`copal: ${line}\n`);
  process.exitCode = isUsage(error) ? 2 : 1;
  if (process.env.COPAL_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

function isUsage(error: unknown): boolean {
  if (error instanceof UsageError || isCopalError(error, "ERR_CONFIG")) return true;
  return error instanceof Error && error.name === "ControlError" && Reflect.get(error, "code") === "usage";
}
