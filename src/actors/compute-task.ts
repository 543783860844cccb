/**
 * A function that an actor has run on another thread: the promise of what it comes to, tied to the actor's life. Knows the actor and the port to the
 * function; when it gets a thread is `compute-pool.ts`.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type TransferListItem } from "node:worker_threads";
import type { Computation, ComputeMessage } from "../compute/computation.js";
import { type ComputeEnd, type ComputeJob, type ComputeOrder, computeHost } from "../compute/compute-host.js";
import { computeModule } from "../compute/compute-module.js";
import { ComputeFullError, ComputeLostError, ComputeTimeoutError, fromPlain, NotCloneableError } from "../errors.js";
import { formatExit, reasonFromError } from "../exit.js";
import type { Cell } from "./cell.js";
import type { Timer } from "./clock.js";

/** Any function that can be run elsewhere. */
export type ComputeFunction = (...args: never[]) => unknown;

/** What a function tells as its progress: what its `this` says. */
export type ProgressOf<F extends ComputeFunction> = ThisParameterType<F> extends Computation<infer P> ? P : unknown;

/** How to run a function; every field has a default. */
export interface ComputeOptions<P = unknown> {
  /** Higher ones get a thread sooner, equal ones in the order in which they were asked for. Any number; default 0. */
  readonly priority?: number;
  /** How long it may take, the wait for a thread included, in milliseconds; then it is ended. Default `"infinity"`. */
  readonly timeoutMs?: number | "infinity";
  /** Ends it when it aborts. */
  readonly signal?: AbortSignal;
  /** What is moved with the arguments instead of copied. */
  readonly transfer?: readonly TransferListItem[];
  /**
   * Called with each progress, in order and before the answer; at once, as the code behind an `await` of it would be, so that it also comes while the method
   * that waits for the answer holds the mailbox. Not once the actor has begun to end. What it throws ends the actor.
   */
  readonly onProgress?: (value: P) => void;
}

/**
 * Asks for a function of `module`, as the actor `asker` sees it.
 *
 * @throws {TypeError} for a module or arguments of no such form. @throws {RangeError} for a priority that is no number.
 */
export function compute<R>(
  asker: Cell,
  type: object,
  module: string | URL,
  args: readonly unknown[],
  options: ComputeOptions<never>,
): ComputeTask<R> {
  const { priority = 0 } = options;
  if (!Array.isArray(args)) throw new TypeError("compute takes the function's arguments as a list");
  if (!Number.isFinite(priority)) throw new RangeError(`compute got the priority ${priority}, allowed is a number`);
  return new ComputeTask(asker, { ...computeModule(module, type), priority }, args, options);
}

/**
 * What `this.compute` gives: a promise that can be cancelled.
 *
 * If it rejects and nobody has asked for its outcome, by `await` or `then`, the actor ends with that error, as over one that it had awaited. Once the end of the
 * actor has come so far that what it holds is released, it never settles.
 */
export class ComputeTask<R = unknown> implements Promise<R> {
  readonly [Symbol.toStringTag] = "ComputeTask";
  readonly #cell: Cell;
  readonly #options: ComputeOptions<never>;
  readonly #outcome: Promise<R>;
  #settle: { resolve(value: R): void; reject(error: unknown): void } | undefined;
  /** Somebody looks at the outcome. */
  #isWatched = false;
  #timeout: Timer | undefined;
  #port: MessagePort | undefined;
  #job: ComputeJob | undefined;
  #onGone: () => void = () => {};

  /** Asks for the function at once. Made by the runtime alone. */
  constructor(cell: Cell, order: ComputeOrder, args: readonly unknown[], options: ComputeOptions<never>) {
    this.#cell = cell;
    this.#options = options;
    this.#outcome = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whether anybody looks at a failure is found out here, where it is known whose it is.
    this.#outcome.catch(() => {});
    if (options.signal?.aborted) this.#callOff(options.signal.reason);
    else this.#ask(order, args);
  }

  /** As a promise's. */
  // biome-ignore lint/suspicious/noThenProperty: it is a promise, which must know who waits for it
  then<A = R, B = never>(
    onValue?: ((value: R) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isWatched = true;
    return this.#outcome.then(onValue, onError);
  }

  /** As a promise's. */
  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<R | B> {
    return this.then(undefined, onError);
  }

  /** As a promise's. */
  finally(onSettled?: (() => void) | null): Promise<R> {
    this.#isWatched = true;
    return this.#outcome.finally(onSettled);
  }

  /**
   * Ends the function wherever it is: takes it out of the queue, or ends the thread that runs it. The promise rejects at once, with `reason` (an `AbortError`
   * unless given), and that never ends the actor by itself. Does nothing once it has settled.
   */
  cancel(reason: unknown = new DOMException("the computation was cancelled", "AbortError")): void {
    this.#callOff(reason);
  }

  #ask(order: ComputeOrder, args: readonly unknown[]): void {
    const { signal, timeoutMs = "infinity", transfer } = this.#options;
    const { port1, port2 } = new MessageChannel();
    try {
      port1.postMessage(args, transfer);
    } catch (cause) {
      port1.close();
      const why = cause instanceof Error ? `: ${cause.message}` : "";
      this.#fail(new NotCloneableError(`the arguments of a computation cannot be cloned${why}`, {}, { cause }));
      return;
    }
    this.#port = port1.on("message", this.#receive);
    if (timeoutMs !== "infinity")
      this.#timeout = this.#cell.runtime.clock.setTimer(timeoutMs, () => this.#tooLate(timeoutMs));
    signal?.addEventListener("abort", this.#onAbort);
    this.#cell.computing ??= new Set();
    this.#cell.computing.add(this.#abandon);
    this.#job = computeHost().submit(order, port2, this.#onEnd);
  }

  /** What the function said before its end arrives before this, but perhaps not before its turn. */
  readonly #onEnd = (end: ComputeEnd): void => {
    for (let next = this.#next(); next !== undefined; next = this.#next()) this.#receive(next.message);
    this.#cell.computing?.delete(this.#abandon);
    this.#onGone();
    if (end.kind === "full") {
      const text = `no more than ${end.capacity} functions may wait for a thread of the compute pool`;
      this.#fail(new ComputeFullError(text, { capacity: end.capacity }));
    } else if (end.kind === "lost") {
      const { reason } = end;
      const text = `the thread ended before the function did: ${formatExit(reason)}`;
      this.#fail(new ComputeLostError(text, { reason }));
    }
  };

  readonly #receive = (message: ComputeMessage): void => {
    const [word, content] = message;
    if (word === "progress") {
      this.#progressed(content);
      return;
    }
    // It is over: the thread is the pool's again, whatever becomes of the actor.
    this.#cell.computing?.delete(this.#abandon);
    if (word === "failed") this.#fail(fromPlain(content));
    else this.#take()?.resolve(content as R);
  };

  #next(): { readonly message: ComputeMessage } | undefined {
    return this.#port && (receiveMessageOnPort(this.#port) as { readonly message: ComputeMessage } | undefined);
  }

  #progressed(value: unknown): void {
    const { onProgress } = this.#options;
    if (!onProgress || this.#cell.isEnding) return;
    try {
      onProgress(value as never);
    } catch (thrown) {
      this.#cell.end(reasonFromError(thrown), true, thrown);
    }
  }

  /** The actor has come to the step of its end in which what it holds is released. */
  readonly #abandon = (): Promise<void> => {
    this.#take();
    return new Promise((resolve) => {
      this.#onGone = resolve;
      this.#job?.abort();
    });
  };

  readonly #onAbort = (): void => this.#callOff(this.#options.signal?.reason);

  #tooLate(timeoutMs: number): void {
    this.#fail(new ComputeTimeoutError(`the computation did not end within ${timeoutMs} ms`, { timeoutMs }));
    this.#job?.abort();
  }

  #callOff(reason: unknown): void {
    const settle = this.#take();
    if (settle === undefined) return;
    settle.reject(reason);
    this.#job?.abort();
  }

  #fail(error: unknown): void {
    const settle = this.#take();
    if (settle === undefined) return;
    settle.reject(error);
    // Whoever awaits it does so a few microtasks after it was made.
    this.#cell.runtime.queue.later(() => {
      if (!this.#isWatched) this.#cell.end(reasonFromError(error), true, error);
    });
  }

  /** Takes the right to settle it; nothing if that was taken, or the actor has come to its end. Nothing more is heard of the function. */
  #take(): { resolve(value: R): void; reject(error: unknown): void } | undefined {
    const settle = this.#settle;
    this.#settle = undefined;
    this.#timeout?.cancel();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#port?.close();
    this.#port = undefined;
    return settle;
  }
}
