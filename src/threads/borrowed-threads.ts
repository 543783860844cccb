/**
 * The worker threads of this process as an actor of one of them can have them: by way of the main thread, which makes all of them. Once a place is found the
 * two threads speak to each other directly.
 */
import { fromPlain, type PlainError } from "../errors.js";
import type { Line, Switchboard } from "./switchboard.js";
import type { Place, Placement, ThreadHost } from "./thread-host.js";
import type { PoolOptions } from "./thread-pools.js";

/** What this thread has asked for, and waits to hear. */
export class BorrowedThreads implements ThreadHost {
  readonly board: Switchboard;
  readonly #main: Line;
  readonly #asked = new Map<number, { resolve(thread: number): void; reject(error: unknown): void }>();
  #lastNumber = 0;

  constructor(main: Line) {
    this.#main = main;
    this.board = main.board;
  }

  async place(placement: Placement, limits: PoolOptions, entry: URL, shutdownMs: number): Promise<Place> {
    const main = this.#main;
    if (placement === "main") return { line: main, release: () => {}, asked: () => {}, mustHear: () => {} };
    const number = ++this.#lastNumber;
    main.post(["place", number, placement, limits, entry.href, shutdownMs]);
    const thread = await new Promise<number>((resolve, reject) => this.#asked.set(number, { resolve, reject }));
    return {
      line: this.board.lineTo(thread),
      number,
      release: () => main.post(["unplace", number]),
      asked: () => {
        if (placement === "own") main.post(["asked", thread]);
      },
      mustHear: (withinMs) => {
        this.board.flush();
        main.postNow(["mustHear", thread, withinMs]);
      },
    };
  }

  /** The main thread has found a place for what was asked under this number. */
  placed(number: number, thread: number): void {
    this.#asked.get(number)?.resolve(thread);
    this.#asked.delete(number);
  }

  /** The main thread could not make a thread. */
  notPlaced(number: number, error: PlainError): void {
    this.#asked.get(number)?.reject(fromPlain(error));
    this.#asked.delete(number);
  }
}
