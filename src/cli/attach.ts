/**
 * `copal attach`: joins the caller's terminal, or whatever its standard streams are, with a running process of an app. It knows keys and screens;
 * which process that is, and whether it comes back, is the app's business.
 */

import type { Duplex } from "node:stream";
import { ControlError } from "../app/control-error.js";
import { JsonLines, type JsonObject } from "../app/json-lines.js";
import { prepareTerminal } from "./attach-terminal.js";
import { DetachKeys } from "./detach-keys.js";
import { UsageError } from "./fail.js";
import { findApp } from "./find-app.js";
import type { AppOptions } from "./main.js";
import { harmless } from "./paint.js";

/** What `attach` takes. */
export interface AttachOptions extends AppOptions {
  readonly lines: string;
}

/** Input that may be on the way; more waits in the caller's terminal or pipe. */
const inputWindowBytes = 65_536;

/**
 * Shows a process's last lines and its output from now on, and gives it what is typed, until Ctrl-P Ctrl-Q, its end for good, or the app's.
 *
 * The end of the input, where it is no terminal, ends nothing, and closes nothing: others may be attached as well.
 *
 * @throws {ControlError} if it is no running process, or the app went away without a word.
 */
export async function attach(id: string, options: AttachOptions): Promise<void> {
  if (!/^\d+$/.test(options.lines)) throw new UsageError(`got \`-n ${options.lines}\`, allowed is a number of lines`);
  const query = new URLSearchParams({ id, n: options.lines });
  const socket = await (await findApp(options)).upgrade(`attach?${query}`, "copal-attach");
  const attached = new Attached(socket);
  try {
    await attached.ended();
  } finally {
    attached.restore();
    socket.destroy();
    process.stdin.destroy();
  }
}

/** One attachment, seen from the caller. */
class Attached {
  readonly #socket: Duplex;
  readonly #detachKeys = new DetachKeys();
  #path = "";
  #hasTerminal = false;
  #isOver = false;
  #onTheWayBytes = 0;
  restore: () => void = () => {};

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on("error", () => {});
  }

  /** Resolves when there is nothing more to show or somebody has detached. */
  async ended(): Promise<void> {
    const lines = new JsonLines();
    this.#socket.setEncoding("utf8");
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => this.#detach());
    for await (const text of this.#socket as AsyncIterable<string>) {
      for (const message of lines.push(text)) await this.#take(message);
      if (this.#isOver) return;
    }
    if (!this.#isOver) throw new ControlError("failed", "the app went away");
  }

  async #take(message: JsonObject): Promise<void> {
    const { attached, line, output, dropped, taken, refused, ended, restarted, over } = message as Messages;
    if (attached) this.#attached(attached);
    if (line) await this.#show(line.stream, `${harmless(line.line, true)}${this.#newline}`);
    if (output) await this.#show(output.stream, Buffer.from(output.bytes, "base64"));
    if (dropped) this.#say(`${dropped.bytes} bytes left out: this reader was too slow`);
    if (refused) this.#say(refused.message);
    if (taken) this.#taken(taken.bytes);
    if (ended) this.#say(`${this.#path} ended: ${ended.reason}`);
    if (restarted) {
      this.#say(`${this.#path} restarted${restarted.osPid === null ? "" : `, pid ${restarted.osPid}`}`);
      this.#sendSize();
    }
    if (over) this.#isOver = true;
  }

  #attached({ path, osPid, hasTerminal }: { path: string; osPid: number; hasTerminal: boolean }): void {
    this.#path = path;
    const { stdin } = process;
    this.#say(`attached to ${path}, pid ${osPid}${stdin.isTTY ? "; Ctrl-P Ctrl-Q detaches" : ""}`);
    this.#hasTerminal = hasTerminal;
    this.restore = prepareTerminal(hasTerminal);
    this.#sendSize();
    process.stdout.on("resize", () => this.#sendSize());
    stdin.on("data", (keys: Buffer) => this.#typed(keys));
    stdin.on("error", () => this.#detach());
    stdin.on("end", () => {
      if (stdin.isTTY) this.#detach();
    });
  }

  #typed(typed: Buffer): void {
    if (this.#isOver) return;
    const { keys, isDetached } = process.stdin.isTTY
      ? this.#detachKeys.push(typed)
      : { keys: typed, isDetached: false };
    if (keys.length > 0) {
      this.#onTheWayBytes += keys.length;
      this.#tell({ input: keys.toString("base64") });
      if (this.#onTheWayBytes > inputWindowBytes) process.stdin.pause();
    }
    if (isDetached) this.#detach();
  }

  #taken(bytes: number): void {
    this.#onTheWayBytes -= bytes;
    if (this.#onTheWayBytes <= inputWindowBytes) process.stdin.resume();
  }

  #detach(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#say(`detached from ${this.#path}`);
    // What was typed before goes first; the answer is the end.
    this.#socket.end();
  }

  #sendSize(): void {
    const { isTTY, rows, columns } = process.stdout;
    if (isTTY && this.#hasTerminal && rows > 0 && columns > 0) this.#tell({ resize: { rows, cols: columns } });
  }

  #tell(message: JsonObject): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Shows bytes and waits while the screen is behind: the app counts what does not fit meanwhile. */
  async #show(stream: "stdout" | "stderr", data: string | Buffer): Promise<void> {
    const screen = process[stream];
    if (!screen.write(data)) await new Promise<void>((resolve) => screen.once("drain", resolve));
  }

  #say(text: string): void {
    process.stderr.write(`copal: ${text}${this.#newline}`);
  }

  /** A raw terminal returns no carriage by itself. */
  get #newline(): string {
    return this.#hasTerminal && process.stdin.isTTY ? "\r\n" : "\n";
  }
}

/** What the app tells, one key in each message. */
interface Messages {
  readonly attached?: { readonly path: string; readonly osPid: number; readonly hasTerminal: boolean };
  readonly line?: { readonly stream: "stdout" | "stderr"; readonly line: string };
  readonly output?: { readonly stream: "stdout" | "stderr"; readonly bytes: string };
  readonly dropped?: { readonly bytes: number };
  readonly taken?: { readonly bytes: number };
  readonly refused?: { readonly message: string };
  readonly ended?: { readonly reason: string };
  readonly restarted?: { readonly osPid: number | null };
  readonly over?: object;
}
