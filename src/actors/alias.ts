/**
 * Aliases: further addresses of one actor, each of which can be taken back, so that what comes late to it is dropped.
 */
import { NoProcError } from "../errors.js";
import { ActorRef, type RefPort } from "../ref.js";
import type { Cell } from "./cell.js";
import { Call, Cast, type Envelope, InfoEnvelope, Submission } from "./envelope.js";

// Few actors ever have one.
const aliases = new WeakMap<Cell, Map<ActorRef, Alias>>();

/** Makes an alias of `cell`. */
export function alias(cell: Cell): ActorRef {
  const made = new Alias(cell);
  const own = aliases.get(cell) ?? new Map<ActorRef, Alias>();
  aliases.set(cell, own.set(made.ref, made));
  return made.ref;
}

/** Takes an alias of `cell` back; false if there is none at that ref. */
export function unalias(cell: Cell, ref: ActorRef): boolean {
  const own = aliases.get(cell);
  own?.get(ref)?.close();
  return own?.delete(ref) === true;
}

/** One alias of an actor; it speaks for its actor until it is closed. */
class Alias implements RefPort {
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
      call.fail(this.#closedError(`call \`${method}\``));
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

  submit(method: string | undefined, args: readonly unknown[], timeoutMs: number): Promise<unknown> {
    const submission = new Submission(this.#cell.ref, method, args);
    if (!this.#isOpen || this.#cell.hasEnded) submission.fail(this.#closedError("send"));
    else {
      this.#sent.add(submission).add(submission.envelope);
      this.#cell.enter(submission, timeoutMs);
    }
    return submission.promise;
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

  #closedError(wanted: string): Error {
    return new NoProcError(`cannot ${wanted} through an alias that was taken back`, { ref: this.ref });
  }

  #push(envelope: Envelope): void {
    this.#sent.add(envelope);
    this.#cell.push(envelope);
  }
}
