/**
 * The main thread's side of sidecars that a worker thread uses: it answers for the fork server, and knows when the last sidecar of a thread that is gone
 * has ended, which is when nothing of the thread's process trees is left.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { forkServer } from "../sidecar/fork-server.js";
import { packError } from "./parcel.js";
import type { Line } from "./switchboard.js";

/** Milliseconds between two looks at the kernel. */
const LOOK_EVERY_MS = 5;
/** So many sidecars are remembered before those that have ended are forgotten. */
const REMEMBERED = 64;

/** The sidecars of one worker thread. */
export class LentSidecars {
  readonly #line: Line;
  readonly #osPids = new Set<number>();

  constructor(line: Line) {
    this.#line = line;
  }

  /** Tells the thread where the fork server is, starting one if need be. */
  async lend(): Promise<void> {
    try {
      this.#line.post(["lent", (await forkServer()).path]);
    } catch (error) {
      this.#line.post(["notLent", packError(error)]);
    }
  }

  /** Nobody listens at `path`. */
  async abandon(path: string): Promise<void> {
    const server = await forkServer().catch(() => undefined);
    if (server?.path === path) server.abandon();
  }

  /** A sidecar of this number lives for the thread. */
  async greeted(sidecarPid: number): Promise<void> {
    this.#osPids.add(sidecarPid);
    void forkServer().then((server) => server.greeted(sidecarPid));
    if (this.#osPids.size % REMEMBERED !== 0) return;
    for (const osPid of [...this.#osPids]) if (!(await isSidecar(osPid))) this.#osPids.delete(osPid);
  }

  /** Tells the thread when what a lost sidecar had left behind is dead. */
  async sweep(sidecarPid: number): Promise<void> {
    await forkServer().then(
      (server) => server.swept(sidecarPid),
      () => {},
    );
    this.#line.post(["swept", sidecarPid]);
  }

  /** The thread is gone: resolves when its sidecars are, each behind its whole tree; at once if it had none. */
  ended(): Promise<void> | undefined {
    return this.#osPids.size === 0 ? undefined : allEnded(this.#osPids);
  }
}

async function allEnded(osPids: ReadonlySet<number>): Promise<void> {
  for (const osPid of osPids) while (await isSidecar(osPid)) await wait(LOOK_EVERY_MS);
}

/** Whether a sidecar runs under this number. One that has ended is a zombie until the fork server looks. */
async function isSidecar(osPid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${osPid}/stat`, "utf8").catch(() => "");
  return stat.includes("(resin)") && stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
}
