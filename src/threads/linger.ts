/**
 * Waiting a moment before going to sleep: a thread that has just been spoken to looks at its ports for a few microseconds more before it goes back to its
 * event loop, since to be woken costs more than most messages do. Knows ports only as things that may have something.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Something to look at. */
export interface Lingered {
  /** Takes in what has come; tells whether anything had. */
  poll(): boolean;
  /** Lets the other thread have what waits for the end of the turn. */
  flush(): void;
  /** It will be looked at, and need not wake this thread. */
  stayAwake(): void;
  /** It must wake this thread from now on; takes in what came before it could. */
  sleep(): void;
}

/** How long to look when nothing comes, in milliseconds. */
const PATIENCE_MS = 0.05;
/** After so long the event loop has its turn, whatever comes: timers and other I/O are never later by more. */
const SESSION_MS = 0.03;
/** Traffic is recent for so long. */
const RECENT_MS = 1;
/** How often to ask the kernel whether somebody else needs the cores, and how often while somebody does. */
const CROWD_EVERY_MS = 100;
const CROWDED_EVERY_MS = 10;
/** How many occasions to leave out at most after looking in vain. */
const MOST_SKIPPED = 8;
/** At how many ports to look. */
const MOST_PORTS = 4;
/** How many looks between two looks at the clock. */
const LOOKS = 16;

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
  /** How long it goes on looking if nothing comes. */
  #patienceMs = PATIENCE_MS;
  #lastTrafficMs = Number.NEGATIVE_INFINITY;
  #skip = 0;
  #skipped = 0;

  /** `lingering` is one counter that all threads of the process share. */
  constructor(lingering: Int32Array) {
    this.#lingering = lingering;
  }

  /** A port was spoken over, in either direction; tells whether it will be looked at without having to wake this thread. */
  traffic(port: Lingered): boolean {
    if (!this.#isOn) return false;
    if (this.#isDue) return this.#ports.includes(port);
    const nowMs = performance.now();
    const isRecent = nowMs - this.#lastTrafficMs < RECENT_MS;
    this.#lastTrafficMs = nowMs;
    if (!isRecent || this.#isCrowded(nowMs)) return false;
    if (this.#skipped < this.#skip) {
      this.#skipped++;
      return false;
    }
    this.#skipped = 0;
    if (!this.#ports.includes(port) && this.#ports.unshift(port) > MOST_PORTS) this.#ports.pop();
    this.#isDue = true;
    this.#come();
    return true;
  }

  /** Forgets a port that is closed. */
  forget(port: Lingered): void {
    const at = this.#ports.indexOf(port);
    if (at >= 0) this.#ports.splice(at, 1);
  }

  /** Whether more threads of this machine want to run than it has cores: then looking only keeps away the one that would answer. */
  #isCrowded(nowMs: number): boolean {
    if (nowMs - this.#crowdLookMs < (this.#wasCrowded ? CROWDED_EVERY_MS : CROWD_EVERY_MS)) return this.#wasCrowded;
    this.#crowdLookMs = nowMs;
    this.#wasCrowded = runnableThreads() > availableCores;
    return this.#wasCrowded;
  }

  /** Looks when everything that runs now has run, what awaits an answer included: that is in microtasks, and a tick comes behind them. */
  #come(): void {
    queueMicrotask(this.#afterMicrotasks);
  }

  readonly #afterMicrotasks = (): void => process.nextTick(this.#look);

  readonly #look = (): void => {
    const startMs = performance.now();
    this.#sessionStartMs ??= startMs;
    if (startMs - this.#sessionStartMs > SESSION_MS) {
      this.#sessionStartMs = undefined;
      setImmediate(this.#look);
      return;
    }
    let goesOn = false;
    try {
      for (const port of this.#ports) port.flush();
      const heard = this.#hears(Math.min(startMs + this.#patienceMs, this.#sessionStartMs + SESSION_MS));
      const nowMs = performance.now();
      this.#patienceMs = heard ? PATIENCE_MS : this.#patienceMs - (nowMs - startMs);
      goesOn = heard !== undefined && this.#patienceMs > 0;
      if (heard) this.#lastTrafficMs = nowMs;
    } finally {
      if (!goesOn) this.#rest();
    }
    if (goesOn) this.#come();
  };

  #rest(): void {
    this.#sessionStartMs = undefined;
    this.#patienceMs = PATIENCE_MS;
    this.#isDue = false;
    this.#skip = Math.min(MOST_SKIPPED, 2 * this.#skip + 1);
    for (const port of this.#ports) port.sleep();
  }

  /** Looks until then; undefined if too many threads do already. */
  #hears(untilMs: number): boolean | undefined {
    if (Atomics.add(this.#lingering, 0, 1) >= availableCores) {
      Atomics.sub(this.#lingering, 0, 1);
      return undefined;
    }
    try {
      for (const port of this.#ports) port.stayAwake();
      const heard = this.#listen(untilMs);
      if (heard) this.#skip = 0;
      return heard;
    } finally {
      Atomics.sub(this.#lingering, 0, 1);
    }
  }

  #listen(untilMs: number): boolean {
    do {
      for (let look = 0; look < LOOKS; look++) {
        let heard = false;
        for (const port of this.#ports) heard = port.poll() || heard;
        if (heard) return true;
      }
    } while (performance.now() < untilMs);
    return false;
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
