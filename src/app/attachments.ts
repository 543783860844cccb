/**
 * All attachments of one app: who gets which output, who follows which restart, and when there is nothing to wait for any more.
 * It knows the tree and its supervisors; what is spoken over a socket is the attachment's business.
 */

import type { Duplex } from "node:stream";
import type { ProcessActor } from "../actors/process-actor.js";
import { formatExit } from "../exit.js";
import type { ActorRef } from "../ref.js";
import type { Supervisor } from "../supervisor/supervisor.js";
import { Attachment } from "./attachment.js";
import { ControlError } from "./control-error.js";
import type { Tree } from "./tree.js";
import type { TreeRow } from "./tree-rows.js";

/** The attachments to the processes of one tree. */
export class Attachments {
  readonly #tree: Tree;
  readonly #open = new Map<Attachment, Duplex>();
  readonly #looking = new Set<Attachment>();
  #restarting = 0;

  constructor(tree: Tree) {
    this.#tree = tree;
    tree.watch({
      started: (path, ref) => {
        for (const one of this.#open.keys())
          if (one.path === path && !one.isRunning)
            one.restarted(ref as ActorRef<unknown> as ActorRef<ProcessActor>, this.#row(path)?.osPid ?? null);
        this.look();
      },
      ended: (path, reason) => {
        for (const one of this.#open.keys()) if (one.path === path) one.ended(formatExit(reason));
        this.look();
      },
    });
    tree.log.watch((path, stream, bytes) => {
      for (const one of this.#open.keys()) if (one.path === path) one.output(stream, bytes);
    });
  }

  /**
   * Attaches a socket, on which `accept` has it written that it is, to the process of `row`, beginning with its last `count` lines.
   *
   * @throws {ControlError} `state` if the process has ended meanwhile; nothing was written then.
   */
  async add(
    socket: Duplex,
    head: Buffer,
    { row, ref, count }: { readonly row: TreeRow; readonly ref: ActorRef<ProcessActor>; readonly count: number },
    accept: () => void,
  ): Promise<void> {
    const { path } = row;
    const status = await ref.call.status().catch((error: unknown) => {
      throw new ControlError("state", `${path} does not answer: ${(error as Error).message}`, {}, error);
    });
    if (this.#tree.whereis(path) !== (ref as ActorRef<unknown>))
      throw new ControlError("state", `${path} has just ended`);
    accept();
    const { log } = this.#tree;
    const attachment = new Attachment(socket, head, {
      path,
      ref,
      osPid: status.osPid,
      hasTerminal: status.hasTerminal,
      lastLines: log.last(new Set([path]), count),
      unfinished: log.unfinished(path),
    });
    this.#open.set(attachment, socket);
    socket.on("close", () => this.#open.delete(attachment));
    socket.on("end", () => socket.end());
  }

  /** Does what takes processes down to bring them back: those who are attached to them wait for it. */
  async through<R>(restart: () => Promise<R>): Promise<R> {
    this.#restarting++;
    try {
      return await restart();
    } finally {
      this.#restarting--;
      this.look();
    }
  }

  /** Looks whether those whose process has ended have anything to wait for, and lets them go if not. */
  look(): void {
    for (const one of this.#open.keys()) if (!one.isRunning && !this.#looking.has(one)) void this.#lookAt(one);
  }

  /** Lets everybody go: the app ends. */
  close(): void {
    for (const one of [...this.#open.keys()]) this.#letGo(one);
  }

  async #lookAt(one: Attachment): Promise<void> {
    this.#looking.add(one);
    try {
      await this.#decided(one.path);
    } finally {
      this.#looking.delete(one);
    }
    if (!one.isRunning && this.#open.has(one) && this.#restarting === 0 && !this.#isComingBack(one.path))
      this.#letGo(one);
  }

  #letGo(one: Attachment): void {
    this.#open.delete(one);
    one.over();
  }

  /** Resolves when the supervisor above, or where that has ended the one above it, has done what it does about an end. */
  async #decided(path: string): Promise<void> {
    for (let below = path; below.includes("/"); below = below.slice(0, below.lastIndexOf("/"))) {
      const supervisor = this.#tree.supervisorOf(below) as ActorRef<Supervisor> | undefined;
      if (supervisor === undefined) continue;
      try {
        // Its answer stands behind the news of the end in its mailbox.
        await supervisor.within("infinity").call.whichChildren();
        return;
      } catch {
        // It has ended over it.
      }
    }
  }

  #isComingBack(path: string): boolean {
    const parent = path.slice(0, path.lastIndexOf("/"));
    const rows = this.#tree.snapshot();
    const state = rows.find((row) => row.path === path)?.state;
    if (state !== undefined && state !== "stopped" && state !== "failed") return true;
    // One that its strategy stopped together with a sibling that waits comes back with it.
    const isSibling = (row: TreeRow) => row.path.slice(0, row.path.lastIndexOf("/")) === parent;
    return !this.#tree.isHeld(path) && rows.some((row) => isSibling(row) && row.state === "backoff");
  }

  #row(path: string): TreeRow | undefined {
    return this.#tree.snapshot().find((row) => row.path === path);
  }
}
