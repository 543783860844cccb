/**
 * Counts what a thread loads, in memory that the main thread reads. Node never closes a file that a worker thread was about to read when it ended, so whoever
 * ends one waits a while for these; and a thread that loads may be busy for longer than one that handles messages. Knows no modules.
 */

/** The loads of one thread; seen from another, the same count. */
export class Loads {
  readonly count: Int32Array;
  readonly #underWay = new Set<Promise<unknown>>();

  /** Of a thread whose first modules are still to be loaded, which counts as one, or the one that `count` was made for. */
  constructor(count: Int32Array = new Int32Array(new SharedArrayBuffer(4)).fill(1)) {
    this.count = count;
  }

  get areUnderWay(): boolean {
    return Atomics.load(this.count, 0) > 0;
  }

  /** The first modules of this thread are there. */
  begin(): void {
    this.#tell();
  }

  /** Counts a load of this thread until it is over; returns it. */
  track<T>(load: Promise<T>): Promise<T> {
    this.#underWay.add(load);
    this.#tell();
    const forget = (): void => {
      this.#underWay.delete(load);
      this.#tell();
    };
    load.then(forget, forget);
    return load;
  }

  /** Resolves when those are over that are under way now. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  #tell(): void {
    Atomics.store(this.count, 0, this.#underWay.size);
  }
}

let ofThread: Loads | undefined;

/** Says where this worker thread counts what it loads. */
export function setLoadsOfThread(loads: Loads): void {
  ofThread = loads;
}

/** Counts a load of this thread until it is over, where that is of interest; returns it. */
export function whileLoading<T>(load: Promise<T>): Promise<T> {
  return ofThread === undefined ? load : ofThread.track(load);
}
