/**
 * What comes before an actor's mailbox, or holds it up: continuations, the time-out for silence, suspension. Most actors never need any of it
 * and have no detour; the rules are OTP's. Knows the mailbox, not how a message is handled.
 */
import type { Cell } from "./cell.js";
import type { Timer } from "./clock.js";
import { type Continuation, type Envelope, InfoEnvelope } from "./envelope.js";

/** Chooses an actor's next message. */
export class Detour {
  /** Only system messages, and the exit signal of a parent, get through. */
  isSuspended = false;
  readonly #continuations: Continuation[] = [];
  /** How long a silence must be to bring `timeout`; undefined while nobody waits for one. */
  #silenceMs: number | undefined;
  #timer: Timer | undefined;

  /** Puts a continuation before everything that waits, behind those before it. */
  continueWith(continuation: Continuation): void {
    this.#continuations.push(continuation);
  }

  /** Asks for `timeout` when the mailbox has been empty for `silenceMs`; replaces what was asked before. */
  awaitSilence(silenceMs: number): void {
    this.#stopTimer();
    this.#silenceMs = silenceMs;
  }

  /** Gives the next message, or undefined if there is none to handle now; then a silence begins. */
  next(cell: Cell): Envelope | undefined {
    const envelope = this.#choose(cell);
    if (envelope === undefined) return this.#silence(cell);
    this.#stopTimer();
    // A system message is nothing that the actor heard.
    if (envelope.kind !== "system") this.#silenceMs = undefined;
    return envelope;
  }

  /** Tells whether `envelope` has to wait until the actor is resumed. */
  holdsUp(envelope: Envelope): boolean {
    return this.isSuspended && !isServedWhileSuspended(envelope);
  }

  /** Tells whether a turn would come to something. */
  hasWork({ mailbox }: Cell): boolean {
    if (this.isSuspended) return mailbox.some(isServedWhileSuspended);
    if (this.#continuations.length > 0 || mailbox.length > 0) return true;
    return this.#silenceMs !== undefined && this.#timer === undefined;
  }

  /** The actor ends: nothing more comes of it. */
  close(): void {
    this.#stopTimer();
    this.#silenceMs = undefined;
    this.#continuations.length = 0;
  }

  #choose({ mailbox }: Cell): Envelope | undefined {
    if (this.isSuspended) return mailbox.take(isServedWhileSuspended);
    return this.#continuations.shift() ?? mailbox.shift();
  }

  /** Nothing is there: the time of silence runs, and one of no time is over already. */
  #silence(cell: Cell): Envelope | undefined {
    if (this.#silenceMs === undefined || this.#timer || this.isSuspended) return undefined;
    if (this.#silenceMs === 0) return this.#timeout();
    this.#timer = cell.runtime.clock.setTimer(this.#silenceMs, () => {
      this.#timer = undefined;
      // Something may have come in that has not had its turn.
      if (!this.isSuspended && cell.mailboxLength === 0) cell.push(this.#timeout());
    });
    return undefined;
  }

  #timeout(): Envelope {
    this.#silenceMs = undefined;
    return new InfoEnvelope({ type: "timeout" });
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function isServedWhileSuspended(envelope: Envelope): boolean {
  return envelope.kind === "system" || (envelope.kind === "info" && envelope.endsActor);
}
