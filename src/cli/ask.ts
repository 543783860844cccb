/**
 * The commands that ask a running app for one thing and print little: start, stop, restart, signal, send, call, down.
 * What an id means and whether it can be done is decided by the app.
 */

import { ControlError } from "../app/control-error.js";
import { findApp } from "./find-app.js";
import type { AppOptions } from "./main.js";

/** Starts, stops or restarts a child and says what it is now. */
export async function changeChild(what: "start" | "stop" | "restart", id: string, options: AppOptions): Promise<void> {
  const { path, state, osPid } = (await (await findApp(options)).post(what, { id })) as {
    path: string;
    state: string;
    osPid: number | null;
  };
  process.stdout.write(`${path} ${state}${osPid === null ? "" : `, pid ${osPid}`}\n`);
}

/** Sends a signal to a process. */
export async function signal(id: string, name: string, options: AppOptions): Promise<void> {
  await (await findApp(options)).post("signal", { id, signal: name });
}

/** Writes a text to a process's standard input, with a newline unless told otherwise. */
export async function send(
  id: string,
  text: string,
  options: AppOptions & { readonly newline: boolean },
): Promise<void> {
  await (await findApp(options)).post("send", { id, text: options.newline ? `${text}\n` : text });
}

/** Calls a method of an actor and prints its answer as JSON. */
export async function call(id: string, method: string, args: readonly string[], options: AppOptions): Promise<void> {
  const answer = (await (await findApp(options)).post("call", { id, method, args: args.map(argument) })) as {
    result: unknown;
  };
  process.stdout.write(`${JSON.stringify(answer.result)}\n`);
}

/**
 * Stops the app and waits until its process has ended.
 *
 * @throws {ControlError} if the app ended without having stopped in order.
 */
export async function down(options: AppOptions): Promise<void> {
  let hasStopped = false;
  const client = await findApp(options);
  // The app leaves this connection open to its last moment: its end is the end of the process, told by the kernel.
  for await (const line of client.lines("POST", "down", {})) if (line.stopped === true) hasStopped = true;
  if (!hasStopped) throw new ControlError("failed", "the app ended before it had stopped in order");
}

function argument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
