/**
 * `copal sidecar`: the sidecar's protocol by hand. Commands come as JSON lines, events are printed as such; what is said can be recorded and
 * said again. It decides nothing of what is sent but the greeting.
 */

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { type JsonObject, jsonObject } from "../app/json-lines.js";
import type { Command, WireEvent } from "../wire/messages.js";
import { BareSidecar } from "./bare-sidecar.js";
import { UsageError } from "./fail.js";
import { commandFrom, messageObject } from "./frame-text.js";
import { Heard, readRecord } from "./sidecar-replay.js";

/** What `sidecar` takes. */
export interface SidecarOptions {
  readonly record?: string;
  readonly replay?: string;
}

/** How long a replay waits for events that came at this point of the record. */
const patienceMs = 5_000;

/** How long it waits once something has failed to come: what follows mostly differs as well. */
const lostPatienceMs = 500;

/**
 * Speaks with a sidecar until it has ended. Each line of stdin is a command, `{ "start": { "argv": ["echo", "hi"] } }`, or
 * `{ "wait": "started" }`, which holds back the lines behind it until the next such event. At the end of stdin the connection is ended as soon as every request is answered
 * and no process is held. `hello` is sent unless the first line is one. With `replay` the commands are those of a record, each sent when as much was heard
 * as there; the exit code is 1 if what was heard differs in the end.
 *
 * @throws {UsageError} if a line is no command, or the record none.
 */
export async function sidecar(options: SidecarOptions): Promise<void> {
  const session = new HandSession(options.record);
  try {
    if (options.replay === undefined) await session.converse();
    else await session.replay(options.replay);
  } finally {
    await session.end();
  }
}

class HandSession {
  readonly #sidecar = new BareSidecar((event) => this.#received(event));
  readonly #heard = new Heard();
  readonly #record: number | undefined;
  readonly #startedMs = performance.now();
  readonly #seen: string[] = [];
  #changed: () => void = () => {};
  #isEnded = false;

  constructor(record: string | undefined) {
    // What was said may hold secrets: the environment, for one.
    this.#record = record === undefined ? undefined : openSync(record, "w", 0o600);
    void this.#sidecar.ended.then(() => {
      this.#isEnded = true;
      this.#changed();
    });
  }

  async converse(): Promise<void> {
    let number = 0;
    let seen = 0;
    for await (const line of createInterface({ input: process.stdin })) {
      number++;
      if (line.trim() === "") continue;
      const message = lineObject(line, number);
      if (typeof message.wait === "string") {
        const { wait } = message;
        await this.#until(() => this.#seen.includes(wait, seen));
        seen = this.#seen.indexOf(wait, seen) + 1;
        continue;
      }
      if (this.#sidecar.nextId === 1 && !("hello" in message)) this.#send(commandFrom({ hello: {} }, 1));
      this.#send(lineCommand(message, number, this.#sidecar.nextId));
    }
    await this.#until(() => this.#sidecar.isIdle);
  }

  async replay(file: string): Promise<void> {
    const { commands, heard } = readWhole(file);
    let waitMs = patienceMs;
    for (const one of commands) {
      await this.#until(() => this.#heard.reaches(one.heard), waitMs);
      if (!this.#heard.reaches(one.heard)) waitMs = lostPatienceMs;
      this.#send(one.command);
    }
    await this.#until(() => this.#heard.reaches(heard), waitMs);
    await this.#until(() => this.#sidecar.isIdle, waitMs);
    const differences = heard.differences(this.#heard);
    for (const difference of differences) print(difference);
    if (differences.length === 0) return;
    process.stderr.write("copal: what was heard differs from the record\n");
    process.exitCode = 1;
  }

  /** Ends the connection and waits for the sidecar. @throws {Error} if that ended in no good order. */
  async end(): Promise<void> {
    process.stdin.destroy();
    this.#sidecar.close();
    const problem = await this.#sidecar.ended;
    if (this.#record !== undefined) closeSync(this.#record);
    if (problem !== undefined) throw new Error(problem);
  }

  #send(command: Command): void {
    this.#write("resin", command);
    this.#sidecar.send(command);
  }

  #received(event: WireEvent): void {
    const body = event.body as { readonly stream?: number; readonly bytes?: Uint8Array };
    this.#heard.add(event, body.stream, body.bytes?.length ?? 0);
    this.#seen.push(event.name);
    print(messageObject(event));
    this.#write("owner", event);
    this.#changed();
  }

  #write(to: "resin" | "owner", message: Command | WireEvent): void {
    if (this.#record === undefined) return;
    const atMs = Math.round((performance.now() - this.#startedMs) * 1_000) / 1_000;
    writeSync(this.#record, `${JSON.stringify({ atMs, to, ...messageObject(message) })}\n`);
  }

  /** Resolves when it is so, when the sidecar has ended, or when nothing has come for `silenceMs`. */
  async #until(isSo: () => boolean, silenceMs?: number): Promise<void> {
    while (!isSo() && !this.#isEnded) {
      let timer: NodeJS.Timeout | undefined;
      const hasChanged = await new Promise<boolean>((resolve) => {
        this.#changed = () => resolve(true);
        if (silenceMs !== undefined) timer = setTimeout(() => resolve(false), silenceMs);
      });
      clearTimeout(timer);
      if (!hasChanged) return;
    }
  }
}

function print(value: JsonObject): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function lineObject(line: string, number: number): JsonObject {
  try {
    return jsonObject(line);
  } catch (error) {
    throw new UsageError(`line ${number}: ${(error as Error).message}`, { cause: error });
  }
}

function lineCommand(message: JsonObject, number: number, nextId: number): Command {
  try {
    return commandFrom(message, nextId);
  } catch (error) {
    throw new UsageError(`line ${number}: ${(error as Error).message}`, { cause: error });
  }
}

function readWhole(file: string): ReturnType<typeof readRecord> {
  try {
    return readRecord(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file} is no record: ${(error as Error).message}`, { cause: error });
  }
}
