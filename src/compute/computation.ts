/**
 * A function on its thread: takes the arguments from the port, runs, and gives back over the same port what it came to, behind its progress. Knows neither
 * where functions come from nor who asked.
 */
import { setImmediate as turn } from "node:timers/promises";
import { type MessagePort, receiveMessageOnPort, type TransferListItem } from "node:worker_threads";
import { NotCloneableError, type PlainError, toPlain } from "../errors.js";
import type { ComputeOrder } from "./compute-host.js";

/** What a function that is run by `compute` has as its `this`: `function primes(this: Computation<number>, below: number)`. An arrow function has none. */
export interface Computation<P = unknown> {
  /**
   * Tells who asked how far it is; in order, and before the answer. Does nothing once the function has come to its end.
   *
   * @throws {NotCloneableError} if `value` cannot be cloned.
   */
  progress(value: P, transfer?: readonly TransferListItem[]): void;
  /** Marks what is to be moved with the answer instead of copied, and gives the answer back: `return this.transfer(bytes, [bytes.buffer])`. */
  transfer<T>(answer: T, transfer: readonly TransferListItem[]): T;
}

/** What a thread says of a function. */
export type ComputeMessage =
  | readonly [word: "progress", value: unknown]
  | readonly [word: "answer", value: unknown]
  | readonly [word: "failed", error: PlainError];

/** What a thread is given. */
export interface ComputeWork {
  readonly order: ComputeOrder;
  readonly port: MessagePort;
  /** Its one number is a stage of {@link stages}, which both sides see at once. */
  readonly stage: Int32Array;
}

/** How far a function is. One that is called off before it runs never does; it is over before who asked can know what it came to. */
export const stages = { loading: 0, running: 1, over: 2, calledOff: 3 } as const;

/** Finds the function of an order; rejects if there is none. */
export type FunctionLoader = (order: ComputeOrder) => Promise<(...args: unknown[]) => unknown>;

/** Runs one function and resolves when the thread may have the next. Never rejects. */
export async function runComputation({ order, port, stage }: ComputeWork, load: FunctionLoader): Promise<void> {
  const given = receiveMessageOnPort(port) as { readonly message: unknown[] } | undefined;
  // Who asked may be gone.
  if (given === undefined || Atomics.load(stage, 0) === stages.calledOff) return;
  const computation = new Running(port);
  let tell: () => void;
  try {
    const run = await load(order);
    if (Atomics.compareExchange(stage, 0, stages.loading, stages.running) !== stages.loading) return;
    const answer = await run.apply(computation, given.message);
    tell = () => computation.answer(answer);
  } catch (thrown) {
    tell = () => computation.fail(thrown);
  }
  // A rejection that the function has let go of breaks the thread now: while that is still its own affair.
  await turn();
  Atomics.store(stage, 0, stages.over);
  tell();
  port.close();
}

class Running implements Computation {
  readonly #port: MessagePort;
  readonly #transfer: TransferListItem[] = [];
  #isOver = false;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  progress(value: unknown, transfer: readonly TransferListItem[] = []): void {
    if (!this.#isOver) this.#post(["progress", value], transfer, "the progress");
  }

  transfer<T>(answer: T, transfer: readonly TransferListItem[]): T {
    this.#transfer.push(...transfer);
    return answer;
  }

  answer(value: unknown): void {
    this.#isOver = true;
    try {
      this.#post(["answer", value], this.#transfer, "the answer");
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  fail(thrown: unknown): void {
    this.#isOver = true;
    const error = toPlain(thrown);
    try {
      this.#port.postMessage(["failed", error] satisfies ComputeMessage);
    } catch {
      const { fields, cause, ...words } = error;
      this.#port.postMessage(["failed", words] satisfies ComputeMessage);
    }
  }

  #post(message: ComputeMessage, transfer: readonly TransferListItem[], what: string): void {
    try {
      this.#port.postMessage(message, transfer);
    } catch (cause) {
      const why = cause instanceof Error ? `: ${cause.message}` : "";
      throw new NotCloneableError(`${what} of a computation cannot be cloned${why}`, {}, { cause });
    }
  }
}
