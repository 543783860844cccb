// How does an actor have something heavy computed without blocking its thread, and what becomes of that when it ends?
//
//   npx jiti examples/compute.ts
//
// prints: 20 %, 40 %, 60 %, 80 %, "669 primes", then "it is gone, and what it had asked for", then "95 primes"
import { Actor, start } from "copal";
import type { forEver, primes } from "./primes.js";

const module = (name: string) => new URL(`./primes.ts#${name}`, import.meta.url);

class Mathematician extends Actor {
  // The types are the function's: its argument, what it tells as progress, what it comes to.
  async primesBelow(below: number) {
    const found = await this.compute<typeof primes>(module("primes"), [below], {
      onProgress: (percent) => console.log(`${percent} %`),
      timeoutMs: 60_000,
    });
    return `${found.length} primes`;
  }

  // Nobody waits for this one. It ends with its actor; if it failed, its actor would end with it.
  thinkForEver() {
    this.compute<typeof forEver>(module("forEver"), []);
  }

  leave() {
    this.exit("normal");
  }
}

const tree = await start({
  supervisor: "app",
  compute: { threads: 1, queue: 10, heap: "256M" },
  children: [
    { actor: "gauss", class: Mathematician, restart: "temporary" },
    { actor: "noether", class: Mathematician },
  ],
});
const gauss = tree.whereis<Mathematician>("gauss");
const noether = tree.whereis<Mathematician>("noether");
console.log(await gauss?.call.primesBelow(5_000));
gauss?.cast.thinkForEver();
const waiting = noether?.call.primesBelow(500);
await gauss?.call.leave();
console.log("it is gone, and what it had asked for");
// The one thread was taken by a function without an end, and is free again.
console.log(await waiting);
await tree.stop();
