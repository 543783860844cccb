/**
 * Feeds a process's standard input from what a caller has: a text, bytes, or anything that gives them one after the other. Knows the held process;
 * does not care whether the process reads it all.
 */
import { isCopalError } from "../errors.js";
import type { HeldProcess } from "./held-process.js";

/** Something to be read by a process: a text (as UTF-8), bytes, or an iterable of them, such as a stream of Node or of the web. */
export type Input = string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/** How a program that is run without supervision gets what it reads. */
export interface InputOptions {
  /** What it reads. Default: nothing, from `/dev/null`. A program need not read all of it. */
  input?: Input;
  /** What the input comes through: see `StdinOption`. Default `pipe`. */
  stdin?: "pipe" | "socket";
}

/** What standard input is connected to. @throws {RangeError} for a way that is neither a pipe nor a socket. */
export function stdinFor(input: Input | undefined, stdin: "pipe" | "socket" = "pipe"): "null" | "pipe" | "socket" {
  if (stdin !== "pipe" && stdin !== "socket")
    throw new RangeError(`stdin must be "pipe" or "socket", got ${JSON.stringify(stdin)}: the input comes through it`);
  return input === undefined ? "null" : stdin;
}

/**
 * Writes all of `input` and closes standard input behind it, each part when the one before is in the pipe. A process that stops reading, or ends,
 * ends the feeding: that is no failure, and the input is asked for no more.
 *
 * Rejects with what the input itself throws.
 */
export async function feed(process: HeldProcess, input: Input): Promise<void> {
  const parts = iteratorOf(input);
  const ended = process.exited.then(() => undefined);
  for (;;) {
    const next = await Promise.race([parts.next(), ended]);
    const part = next?.done ? undefined : next?.value;
    const isTaken = await taken(part === undefined ? process.client.closeStdin() : process.client.write(bytesOf(part)));
    if (part === undefined || !isTaken) break;
  }
  // An input that is waiting for something may never answer this.
  void Promise.resolve(parts.return?.()).catch(() => {});
}

/** Whether the process took it; false once it reads no more. */
async function taken(request: Promise<void>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (isCopalError(error, "ERR_SIDECAR")) return false;
    throw error;
  }
}

function bytesOf(part: string | Uint8Array): Uint8Array {
  return typeof part === "string" ? Buffer.from(part) : part;
}

function iteratorOf(input: Input): Iterator<string | Uint8Array> | AsyncIterator<string | Uint8Array> {
  if (typeof input === "string" || input instanceof Uint8Array) return [input][Symbol.iterator]();
  return Symbol.asyncIterator in input ? input[Symbol.asyncIterator]() : input[Symbol.iterator]();
}
