// Hears what the program tells by itself.
import { Actor } from "copal";

export class Stats extends Actor {
  readonly #started: string[] = [];

  started(who: string) {
    this.#started.push(who);
  }

  all() {
    return [...this.#started];
  }
}
