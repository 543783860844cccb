/**
 * One `resin sidecar` on a pipe, spoken to frame by frame: sends what it is given and hands on what comes. It answers nothing by itself, not even
 * with credit, and knows no order in which things should happen.
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { resinPath } from "../sidecar/binary.js";
import { decodePayload, encodeFrame, eventShapes } from "../wire/codec.js";
import { FrameReader } from "../wire/frame.js";
import type { Command, CommandBodies, WireEvent } from "../wire/messages.js";

/** A sidecar that does what it is told, and its connection. */
export class BareSidecar {
  readonly #child: ChildProcess;
  #lastId = 0;
  /** Requests that have no answer yet, and whether a process is held or may be. */
  readonly #open = new Set<number>();
  #holds = false;
  /** Resolves with what went wrong, or with nothing, when the sidecar has ended and everything it said was handed on. */
  readonly ended: Promise<string | undefined>;

  /**
   * Starts it; `received` gets every event as it comes.
   *
   * @throws {SidecarError} if `resin` is not there.
   */
  constructor(received: (event: WireEvent) => void) {
    this.#child = spawn(resinPath(), ["sidecar"], { stdio: ["pipe", "pipe", "inherit"] });
    let problem: string | undefined;
    const reader = new FrameReader((payload) => {
      const event = decodePayload(eventShapes, payload);
      this.#note(event);
      // Said of no request, it is the last word.
      if (event.name === "error" && event.id === 0) problem ??= event.body.message;
      received(event);
    });
    (this.#child.stdout as Readable).on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        problem ??= (error as Error).message;
        this.close();
      }
    });
    (this.#child.stdin as Writable).on("error", () => {});
    this.ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve(error.message));
      this.#child.on("close", (code, signal) => {
        resolve(problem ?? (code === 0 ? undefined : `resin ended with ${signal ?? `code ${code}`}`));
      });
    });
  }

  /** The id that the next request takes unless it names one. */
  get nextId(): number {
    return this.#lastId + 1;
  }

  /** Whether every request is answered and no process is held. */
  get isIdle(): boolean {
    return this.#open.size === 0 && !this.#holds;
  }

  send(command: Command): void {
    const { name, id, body } = command;
    this.#lastId = Math.max(this.#lastId, id);
    if (name !== "credit") this.#open.add(id);
    (this.#child.stdin as Writable).write(encodeFrame<CommandBodies, typeof name>(name, id, body as never));
  }

  /** Ends the connection: what is held is stopped as if its owner were gone. */
  close(): void {
    (this.#child.stdin as Writable).end();
  }

  #note({ name, id }: WireEvent): void {
    if (name === "started") this.#holds = true;
    if (name === "exited") this.#holds = false;
    // One answer may be that of several writes.
    if (name === "wrote") for (const open of this.#open) if (open <= id) this.#open.delete(open);
    this.#open.delete(id);
  }
}
