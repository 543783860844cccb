/**
 * Turns signals into two requests: stop in order, and kill at once. Made before anything else of `copal up`, so that no
 * moment of a start is without it. It knows signals and terminals, not what is stopped.
 */

import { closeSync, openSync } from "node:fs";
import { isatty } from "node:tty";

/** A second Ctrl-C within this time is the first one once more: under npm one key press arrives twice. */
const sameKeyPressMs = 500;

/** What asked for the end. */
export type StopCause = "SIGINT" | "SIGTERM" | "SIGHUP" | "down" | "error";

/** The requests to end, from signals and from {@link StopRequests.request}. */
export class StopRequests {
  readonly #stop = new AbortController();
  readonly #kill = new AbortController();
  readonly #handlers: ReadonlyMap<NodeJS.Signals, () => void>;
  readonly #nowMs: () => number;
  #firstInterruptMs: number | undefined;
  #cause: StopCause | undefined;

  /**
   * Starts to listen for SIGINT, SIGTERM and SIGHUP.
   *
   * SIGHUP asks to stop when this process had a terminal when it began; `onReload` is called instead when it never had one.
   */
  constructor(options: {
    readonly onReload: () => void;
    readonly nowMs?: () => number;
    readonly hadTerminal?: boolean;
  }) {
    this.#nowMs = options.nowMs ?? (() => performance.now());
    const hadTerminal = options.hadTerminal ?? hasTerminal();
    this.#handlers = new Map([
      ["SIGTERM", () => this.request("SIGTERM")],
      ["SIGINT", () => this.#interrupt()],
      ["SIGHUP", () => (hadTerminal ? this.request("SIGHUP") : options.onReload())],
    ]);
    for (const [signal, handler] of this.#handlers) process.on(signal, handler);
  }

  /** Aborts when the first request to stop comes. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** Aborts when a second Ctrl-C comes, more than 500 ms after the first. */
  get kill(): AbortSignal {
    return this.#kill.signal;
  }

  /** What asked first, or undefined. */
  get cause(): StopCause | undefined {
    return this.#cause;
  }

  /** Asks to stop in order; asking again changes nothing. */
  request(cause: StopCause): void {
    this.#cause ??= cause;
    this.#stop.abort();
  }

  /** Stops listening for signals. */
  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
  }

  #interrupt(): void {
    const nowMs = this.#nowMs();
    this.#firstInterruptMs ??= nowMs;
    if (nowMs - this.#firstInterruptMs > sameKeyPressMs) this.#kill.abort();
    this.request("SIGINT");
  }
}

/** Tells whether this process has a terminal: on a standard stream, or as its session's. */
function hasTerminal(): boolean {
  if ([0, 1, 2].some((descriptor) => isatty(descriptor))) return true;
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
