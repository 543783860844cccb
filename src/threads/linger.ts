/**
 * Waiting a moment before going to sleep: a thread that has just been spoken to looks at its ports for a few microseconds more before it goes back to its
 * event loop, since to be woken costs more than most messages do. Knows ports only as things that may have something.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Something to look at. */
export interface Lingered {
  /** Takes in one batch if there is one; tells whether there was. */
  poll(): boolean;
  /** Posts what waits for the end of the turn. */
  flush(): void;
}

/** How long to look when nothing comes, in milliseconds. */
const PATIENCE_MS = 0.05;
/** After so long the event loop has its turn, whatever comes: timers and other I/O are never later by more. */
const SESSION_MS = 0.5;
/** Traffic is recent for so long. */
const RECENT_MS = 1;
/** How often to ask the kernel whether somebody else needs the cores. */
const CROWD_EVERY_MS = 100;
/** How many occasions to leave out at most after looking in vain. */
const MOST_SKIPPED = 16;

/** The lingering of one thread; off with `COPAL_LINGER=0`. */
export class Linger {
  readonly #isOn = process.env.COPAL_LINGER !== "0";
  /** How many threads of this process linger now: more than there are cores would only keep each other waiting. */
  readonly #lingering: Int32Array;
  readonly #ports: Lingered[] = [];
  #isDue = false;
  #wasCrowded = false;
  #crowdLookMs = Number.NEGATIVE_INFINITY;
  #sessionStartMs: number | undefined;
  #lastTrafficMs = Number.NEGATIVE_INFINITY;
  #skip = 0;
  #skipped = 0;

  /** `lingering` is one counter that all threads of the process share. */
  constructor(lingering: Int32Array) {
    this.#lingering = lingering;
  }

  /** A port was spoken over, in either direction. */
  traffic(port: Lingered): void {
    if (!this.#isOn || this.#isDue) return;
    const nowMs = performance.now();
    const isRecent = nowMs - this.#lastTrafficMs < RECENT_MS;
    this.#lastTrafficMs = nowMs;
    if (!isRecent || this.#isCrowded(nowMs)) return;
    if (this.#skipped < this.#skip) {
      this.#skipped++;
      return;
    }
    this.#skipped = 0;
    if (!this.#ports.includes(port) && this.#ports.unshift(port) > 4) this.#ports.pop();
    this.#come();
  }

  /** Forgets a port that is closed. */
  forget(port: Lingered): void {
    const at = this.#ports.indexOf(port);
    if (at >= 0) this.#ports.splice(at, 1);
  }

  /** Whether more threads of this machine want to run than it has cores: then looking only keeps away the one that would answer. */
  #isCrowded(nowMs: number): boolean {
    if (nowMs - this.#crowdLookMs < CROWD_EVERY_MS) return this.#wasCrowded;
    this.#crowdLookMs = nowMs;
    this.#wasCrowded = runnableThreads() > availableCores;
    return this.#wasCrowded;
  }

  /** Looks when everything that runs now has run, what awaits an answer included: that is in microtasks, and a tick comes behind them. */
  #come(): void {
    this.#isDue = true;
    queueMicrotask(this.#afterMicrotasks);
  }

  readonly #afterMicrotasks = (): void => process.nextTick(this.#look);

  readonly #look = (): void => {
    const startMs = performance.now();
    this.#sessionStartMs ??= startMs;
    for (const port of this.#ports) port.flush();
    if (startMs - this.#sessionStartMs < SESSION_MS && this.#hears(startMs + PATIENCE_MS)) {
      this.#lastTrafficMs = performance.now();
      this.#come();
      return;
    }
    this.#sessionStartMs = undefined;
    this.#isDue = false;
  };

  #hears(untilMs: number): boolean {
    if (Atomics.add(this.#lingering, 0, 1) >= availableCores) {
      Atomics.sub(this.#lingering, 0, 1);
      return false;
    }
    let heard = false;
    do {
      for (const port of this.#ports) heard = port.poll() || heard;
    } while (!heard && performance.now() < untilMs);
    Atomics.sub(this.#lingering, 0, 1);
    this.#skip = heard ? 0 : Math.min(MOST_SKIPPED, 2 * this.#skip + 1);
    return heard;
  }
}

const availableCores = availableParallelism();

/** How many threads run or could run now, this one included; 0 where the kernel does not say. */
function runnableThreads(): number {
  try {
    return Number(/ (\d+)\//.exec(readFileSync("/proc/loadavg", "latin1"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
