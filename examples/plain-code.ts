// How do I use code that is no actor in a thread of its own, with its types and its callbacks?
//
//   npx jiti examples/plain-code.ts
//
// prints: 2 3 5 7 11 13 17 19, then "25% 50% 75%", then "168 primes", then "ERR_ACTOR_EXIT"
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { proxy, start } from "copal";
import type { Primes } from "./plain-primes.js";

const tree = await start(
  { supervisor: "app", children: [{ actor: "primes", module: "./plain-primes.ts#Primes", thread: "own" }] },
  { folder: dirname(fileURLToPath(import.meta.url)) },
);
const actor = tree.whereis<Primes>("primes");
if (actor === undefined) throw new Error("nobody is there");

// A proxy has the methods of what it stands for, as promises.
const primes = await actor.call.api();
console.log((await primes.below(20)).join(" "));

// A callback goes the other way: it runs here while the thread works.
const heard: string[] = [];
const count = await primes.count(
  1_000,
  proxy((share: number) => {
    heard.push(`${100 * share}%`);
  }),
);
console.log(heard.join(" "));
console.log(`${count} primes`);

// Nothing waits for what is gone.
await tree.stop();
await primes.below(20).catch(({ code }) => console.log(code));
