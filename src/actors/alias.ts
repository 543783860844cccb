/**
 * Aliases: further addresses of one actor, each of which can be taken back, so that what comes late to it is dropped.
 */
import { NoProcError } from "../errors.js";
import { ActorRef, type RefPort } from "../ref.js";
import type { Cell } from "./cell.js";
import { Call, Cast, type Envelope, InfoEnvelope } from "./envelope.js";

/** One alias of an actor; it speaks for its actor until it is closed. */
export class Alias implements RefPort {
  /** Not the actor's ref: it cannot be linked to, monitored or ended, only spoken to. */
  readonly ref: ActorRef;
  readonly #cell: Cell;
  readonly #sent = new WeakSet<Envelope>();
  #isOpen = true;

  constructor(cell: Cell) {
    this.#cell = cell;
    this.ref = new ActorRef(cell.runtime.nextId(), cell.runtime.thread, undefined, this);
  }

  call(method: string, args: readonly unknown[], timeoutMs: number): Promise<unknown> {
    const call = new Call(this.#cell.ref, method, args);
    if (!this.#isOpen || this.#cell.hasEnded) {
      call.fail(new NoProcError(`cannot call \`${method}\` through an alias that was taken back`, { ref: this.ref }));
    } else {
      this.#cell.runtime.deadlines.add(call, timeoutMs);
      this.#push(call);
    }
    return call.promise;
  }

  cast(method: string, args: readonly unknown[]): void {
    if (this.#isOpen) this.#push(new Cast(method, args));
  }

  send(message: unknown): void {
    if (this.#isOpen) this.#push(new InfoEnvelope({ type: "info", message }));
  }

  /** Nothing comes through it any more, not even what is in the mailbox; a call that waits there gets `ERR_NOPROC`. */
  close(): void {
    this.#isOpen = false;
    const error = new NoProcError("the alias was taken back", { ref: this.ref });
    this.#cell.drop((envelope) => {
      if (!this.#sent.has(envelope)) return false;
      if (envelope.kind === "call") envelope.fail(error);
      return true;
    });
  }

  #push(envelope: Envelope): void {
    this.#sent.add(envelope);
    this.#cell.push(envelope);
  }
}
