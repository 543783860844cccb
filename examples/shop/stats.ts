// Counts the orders that the worker prints, and writes the total back to its standard input.
import { Actor, type ActorRef, type Info, type ProcessActor } from "copal";

export class Stats extends Actor {
  #orders = 0;
  #total = 0;
  #every = 1;

  override init(every: number) {
    this.#every = every;
  }

  // Lines of a process arrive here, with the ref of the process actor that holds it.
  override handleInfo(message: Info) {
    if (message.type !== "line") return;
    const [, amount] = /^order \d+: (\d+) EUR$/.exec(message.line) ?? [];
    if (amount === undefined) return;
    this.#orders++;
    this.#total += Number(amount);
    const worker = message.from as ActorRef<ProcessActor>;
    if (this.#orders % this.#every === 0) worker.cast.write(`${this.#orders} orders, ${this.#total} EUR\n`);
  }

  // Every public method is a message: `copal call stats total`.
  total() {
    return { orders: this.#orders, total: this.#total };
  }
}
