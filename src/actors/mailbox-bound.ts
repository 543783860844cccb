/**
 * A limit on how many messages wait for an actor, and what becomes of those that are too many: dropped, or kept waiting outside with their senders. Only actors that ask for one have it; signals, process
 * output (which has a window of its own) and system messages are not counted out by it.
 */
import { channel } from "node:diagnostics_channel";
import { MailboxFullError } from "../errors.js";
import type { ActorRef } from "../ref.js";
import type { Cell } from "./cell.js";
import { type Envelope, Submission } from "./envelope.js";
import { Mailbox } from "./mailbox.js";
import { type MessageView, viewOf } from "./message-view.js";

/** How many may wait, and which is dropped when one more comes. */
export interface MailboxLimit {
  /** From 1 on. */
  readonly capacity: number;
  /**
   * `reject` and `dropNewest`: the one that comes; `dropOldest`: the one that has waited longest. `block`: none whose sender can wait, which is then
   * kept waiting (`call`, `within(ms).cast`, `within(ms).send`); of those that cannot (`cast`, `send`), the one that comes.
   */
  readonly overflow: "reject" | "dropOldest" | "dropNewest" | "block";
}

/** What is told on the channel `copal:dead-letter`. */
export interface DeadLetter {
  readonly ref: ActorRef;
  readonly label: string;
  readonly message: MessageView;
  /** How many messages of this actor were dropped so far, this one included. */
  readonly dropped: number;
}

const deadLetters = channel("copal:dead-letter");

/** The limit of one actor's mailbox. */
export class MailboxBound {
  readonly #limit: MailboxLimit;
  /** Calls and submissions for which there is no room yet, first come, first served. */
  readonly waiting = new Mailbox();
  #sweepAt = 64;
  /** How many messages were dropped. */
  dropped = 0;

  constructor(limit: MailboxLimit) {
    this.#limit = limit;
  }

  /** Makes room for `envelope` if there must be; tells whether it may go in. */
  admits(cell: Cell, envelope: Envelope): boolean {
    if (!isDroppable(envelope)) return true;
    this.letIn(cell);
    if (cell.mailbox.length < this.#limit.capacity) return true;
    if (this.#limit.overflow === "block" && envelope.kind === "call") {
      this.#wait(envelope);
      return false;
    }
    const oldest = this.#limit.overflow === "dropOldest" ? cell.mailbox.take(isDroppable) : undefined;
    this.#drop(cell, oldest ?? envelope);
    return oldest !== undefined;
  }

  /** Lets in as many of those that wait as there is room for; they then have their place in the mailbox, or know of their end. */
  letIn({ mailbox, isEnding }: Cell): void {
    if (isEnding) return;
    while (this.waiting.length > 0 && mailbox.length < this.#limit.capacity) {
      const next = this.waiting.shift();
      if (next === undefined || isGivenUp(next)) continue;
      mailbox.push(next instanceof Submission ? next.envelope : next);
      if (next instanceof Submission) next.answer(undefined);
    }
  }

  /** Callers that gave up are not kept: an actor that is stuck would collect them for ever. */
  #wait(envelope: Envelope): void {
    if (this.waiting.length >= this.#sweepAt) {
      this.waiting.remove(isGivenUp);
      this.#sweepAt = 2 * this.waiting.length + 64;
    }
    this.waiting.push(envelope);
  }

  #drop(cell: Cell, envelope: Envelope): void {
    this.dropped++;
    const { ref, label } = cell;
    if (envelope.kind === "call") {
      const text = `the mailbox of ${label} is full: ${this.#limit.capacity} messages wait`;
      envelope.fail(new MailboxFullError(text, { ref, capacity: this.#limit.capacity }));
    }
    if (!deadLetters.hasSubscribers) return;
    const letter: DeadLetter = {
      ref,
      label,
      message: viewOf(envelope instanceof Submission ? envelope.envelope : envelope),
      dropped: this.dropped,
    };
    deadLetters.publish(letter);
  }
}

function isGivenUp(envelope: Envelope): boolean {
  return envelope.kind === "call" && envelope.isSettled;
}

function isDroppable(envelope: Envelope): boolean {
  if (envelope.kind === "info") return envelope.message.type === "info";
  return envelope.kind === "call" || envelope.kind === "cast";
}
