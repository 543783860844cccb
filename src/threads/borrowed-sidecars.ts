/**
 * The fork server as a worker thread is lent it: its path, and what it has to say, by way of the main thread. A sidecar is told of by its number, so that
 * the main thread can wait for its end when this thread has come to its own.
 */
import type { PlainError } from "../errors.js";
import { fromPlain } from "../errors.js";
import type { SidecarHost } from "../sidecar/sidecar-host.js";
import type { Line } from "./switchboard.js";

/** What this thread has heard of the fork server, and waits to hear. */
export class BorrowedSidecars {
  readonly #main: Line;
  #host: Promise<SidecarHost> | undefined;
  #settle: { resolve(path: string): void; reject(error: Error): void } | undefined;
  readonly #sweeps = new Map<number, (() => void)[]>();

  constructor(main: Line) {
    this.#main = main;
  }

  /** Gives the fork server, which the main thread starts if none runs. */
  host(): Promise<SidecarHost> {
    this.#host ??= this.#ask();
    return this.#host;
  }

  /** The main thread has a fork server, at this path. */
  runsAt(path: string): void {
    this.#settle?.resolve(path);
  }

  /** The main thread could not start one. */
  failed(error: PlainError): void {
    this.#host = undefined;
    this.#settle?.reject(fromPlain(error) as Error);
  }

  /** What a lost sidecar had left behind is dead. */
  swept(sidecarPid: number): void {
    const waiting = this.#sweeps.get(sidecarPid) ?? [];
    this.#sweeps.delete(sidecarPid);
    for (const resolve of waiting) resolve();
  }

  async #ask(): Promise<SidecarHost> {
    this.#main.post(["lend"]);
    const path = await new Promise<string>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    const main = this.#main;
    const host = {
      path,
      isRunning: true,
      abandon: () => {
        host.isRunning = false;
        this.#host = undefined;
        main.post(["abandon", path]);
      },
      greeted: (sidecarPid: number) => main.post(["greeted", sidecarPid]),
      swept: (sidecarPid: number) =>
        new Promise<void>((resolve) => {
          this.#sweeps.set(sidecarPid, [...(this.#sweeps.get(sidecarPid) ?? []), resolve]);
          main.post(["sweep", sidecarPid]);
        }),
    };
    return host;
  }
}
