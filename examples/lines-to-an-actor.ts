// How does a process's output become messages?
//
//   npx jiti examples/lines-to-an-actor.ts
//
// prints: "3 lines, 6 in all"
import { Actor, start } from "copal";

class Sum extends Actor {
  #lines = 0;
  #sum = 0;

  // Called with each line, because `method` below names it. Without `method` it would go to handleInfo.
  add(line: string) {
    this.#lines++;
    this.#sum += Number(line);
  }

  result() {
    return { lines: this.#lines, sum: this.#sum };
  }
}

const tree = await start({
  supervisor: "app",
  children: [
    { actor: "sum", class: Sum },
    { process: "numbers", command: "seq 3; exec sleep 1000", stdout: { to: "sum", method: "add" } },
  ],
});

const sum = tree.whereis<Sum>("sum");
if (sum === undefined) throw new Error("the actor is not there");

// An actor that is slow holds the process back: no line is lost and none is piled up.
while ((await sum.call.result()).lines < 3) await new Promise((resolve) => setTimeout(resolve, 5));
const { lines, sum: total } = await sum.call.result();
console.log(`${lines} lines, ${total} in all`);

await tree.stop();
