// How do I let an actor do something slow, or many things, without its mailbox waiting?
//
//   npx jiti examples/task.ts
//
// prints: 1, 4, 9, then "it went on meanwhile", then "slow: done"
import { Actor, start, Tasks } from "copal";

class Worker extends Actor {
  readonly #tasks = new Tasks(this);

  // Each item in a task of its own, at most two at a time. If one failed, so would this actor: they are linked.
  async squares(numbers: number[]) {
    const square = async (n: number) => n * n;
    const found: number[] = [];
    for await (const outcome of this.#tasks.asyncStream(numbers, square, { maxConcurrency: 2 })) {
      if ("ok" in outcome) found.push(outcome.ok);
    }
    return found;
  }

  // `replyLater` lets the next message in; the signal aborts if this actor ends first.
  async slow(work: (signal: AbortSignal) => Promise<string>) {
    const reply = this.replyLater<string>();
    reply(await this.#tasks.await(this.#tasks.async(work), 10_000));
    return "";
  }

  hello() {
    return "it went on meanwhile";
  }
}

const tree = await start({ supervisor: "app", children: [{ actor: "worker", class: Worker }] });
const worker = tree.whereis<Worker>("worker");
for (const square of (await worker?.call.squares([1, 2, 3])) ?? []) console.log(square);

let finish = (_text: string) => {};
const result = new Promise<string>((resolve) => {
  finish = resolve;
});
const slow = worker?.call.slow(() => result);
console.log(await worker?.call.hello());
finish("done");
console.log(`slow: ${await slow}`);
await tree.stop();
