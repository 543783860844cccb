// How do I write an actor and talk to it?
//
//   npx jiti examples/counter.ts
//
// prints: 5, then 12, then "ERR_ACTOR_EXIT: the counter crashed, and a new one counts from 0"
import { Actor, start } from "copal";

class Counter extends Actor {
  #n = 0;

  // Every public method is a message. Messages are handled one at a time, in the order in which they came.
  add(by: number) {
    if (!Number.isFinite(by)) throw new TypeError(`cannot add ${by}`);
    this.#n += by;
    return this.#n;
  }
}

const tree = await start({ supervisor: "app", children: [{ actor: "counter", class: Counter }] });

// A ref is the address of one incarnation of the actor.
const counter = tree.whereis<Counter>("counter");
if (counter === undefined) throw new Error("the counter is not there");

console.log(await counter.call.add(5)); // a call waits for the answer
counter.cast.add(3); // a cast does not
console.log(await counter.call.add(4));

// An error in a method crashes the actor; its supervisor starts a new one, with a new ref and a fresh state.
const { code } = await counter.call.add(Number.NaN).catch((error) => error);
let next = tree.whereis<Counter>("counter");
while (next === undefined || next === counter) {
  await new Promise((resolve) => setTimeout(resolve, 1));
  next = tree.whereis<Counter>("counter");
}
console.log(`${code}: the counter crashed, and a new one counts from ${await next.call.add(0)}`);

await tree.stop();
