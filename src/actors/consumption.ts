/**
 * When a chunk of a process's output counts as consumed: when all the messages it completed have been handled, or never will be. Knows neither what the
 * messages are nor what becomes of the credit.
 */
import { type ActorRef, portOf } from "../ref.js";

/** What became of a message that was a call. */
export interface Outcome {
  answered?(value: unknown): void;
  failed(error: Error): void;
}

/** Counts the messages of one chunk and tells once when the last of them is handled. */
export class Consumption {
  readonly #consumed: () => void;
  #open = 1;

  constructor(consumed: () => void) {
    this.#consumed = consumed;
  }

  /** One more message is on its way; the result says, once, that it is handled. */
  begin(): () => void {
    this.#open++;
    return () => this.seal();
  }

  /**
   * Calls a method of the receiver, however long it takes: a call and not a cast, because its answer tells when the message is consumed. `failed` is
   * called if the receiver refused it, or ended first.
   */
  holdFor(ref: ActorRef, method: string, args: readonly unknown[], { answered, failed }: Outcome): void {
    const done = this.begin();
    // Not by `ref.call[method]`: names that it lacks, such as `then`, are the receiver's to refuse as any other.
    const answer = portOf(ref).call(method, args, Number.POSITIVE_INFINITY);
    answer.then(
      (value) => {
        answered?.(value);
        done();
      },
      (error: Error) => {
        failed(error);
        done();
      },
    );
  }

  /** One message is handled; or, called by the maker once, no more will begin. */
  seal(): void {
    if (--this.#open === 0) this.#consumed();
  }
}
