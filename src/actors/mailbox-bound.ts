/**
 * A limit on how many messages wait for an actor, and what becomes of those that are too many. Only actors that ask for one have it; signals, process
 * output (which has a window of its own) and system messages are not counted out by it.
 */
import { channel } from "node:diagnostics_channel";
import { MailboxFullError } from "../errors.js";
import type { ActorRef } from "../ref.js";
import type { Cell } from "./cell.js";
import type { Envelope } from "./envelope.js";
import { type MessageView, viewOf } from "./message-view.js";

/** How many may wait, and which is dropped when one more comes. */
export interface MailboxLimit {
  /** From 1 on. */
  readonly capacity: number;
  /** `reject` and `dropNewest`: the one that comes; `dropOldest`: the one that has waited longest. */
  readonly overflow: "reject" | "dropOldest" | "dropNewest";
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
  /** How many messages were dropped. */
  dropped = 0;

  constructor(limit: MailboxLimit) {
    this.#limit = limit;
  }

  /** Makes room for `envelope` if there must be; tells whether it may go in. */
  admits(cell: Cell, envelope: Envelope): boolean {
    if (cell.mailbox.length < this.#limit.capacity || !isDroppable(envelope)) return true;
    const oldest = this.#limit.overflow === "dropOldest" ? cell.mailbox.take(isDroppable) : undefined;
    this.#drop(cell, oldest ?? envelope);
    return oldest !== undefined;
  }

  #drop(cell: Cell, envelope: Envelope): void {
    this.dropped++;
    const { ref, label } = cell;
    if (envelope.kind === "call") {
      const text = `the mailbox of ${label} is full: ${this.#limit.capacity} messages wait`;
      envelope.fail(new MailboxFullError(text, { ref, capacity: this.#limit.capacity }));
    }
    if (!deadLetters.hasSubscribers) return;
    const letter: DeadLetter = { ref, label, message: viewOf(envelope), dropped: this.dropped };
    deadLetters.publish(letter);
  }
}

function isDroppable(envelope: Envelope): boolean {
  if (envelope.kind === "info") return envelope.message.type === "info";
  return envelope.kind === "call" || envelope.kind === "cast";
}
