/**
 * What of a process's output reached nobody: counted, and told as dead letters. Knows neither why nor what the output was.
 */
import { channel } from "node:diagnostics_channel";
import type { Cell } from "./cell.js";
import type { DeadLetter } from "./mailbox-bound.js";
import type { MessageView } from "./message-view.js";

const deadLetters = channel("copal:dead-letter");

/** Counts the losses of one process. A dead letter of them is in the name of the process's own actor. */
export class OutputLosses {
  readonly #cell: Cell;
  /** Messages that found no receiver, or that their receiver did not take. */
  droppedMessages = 0;
  /** Lines and frames that were not what was asked for. */
  malformedMessages = 0;

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** Counts a message that reached nobody. */
  dropped(message: MessageView): void {
    this.droppedMessages++;
    this.#tell(message);
  }

  /** Counts something that is not of its form; told only where no receiver hears of it. */
  malformed(message: MessageView, isHeard: boolean): void {
    this.malformedMessages++;
    if (!isHeard) this.#tell(message);
  }

  #tell(message: MessageView): void {
    if (!deadLetters.hasSubscribers) return;
    const { ref, label } = this.#cell;
    const letter: DeadLetter = { ref, label, message, dropped: this.droppedMessages + this.malformedMessages };
    deadLetters.publish(letter);
  }
}
