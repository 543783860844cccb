/**
 * Starts `/bin/true` over and over in a process of a given size, by each contender in turn, and prints what it saw as JSON.
 * Usage: spawn-probe.js MEMORY_MB ROUNDS STARTS
 */
import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";
import { Actor, type ActorRef, type Info, open, type Reply, start } from "copal";
import { execa } from "execa";
import type { Samples } from "./report.js";

const WARM_UP_STARTS = 200;

const [memoryMb = 0, rounds = 0, starts = 0] = process.argv.slice(2).map(Number);

// A heap of Buffers, written to, so that the kernel has pages to account for in a fork.
const ballast: Buffer[] = [];
while (process.memoryUsage().rss < memoryMb * 1024 * 1024) ballast.push(Buffer.alloc(8 * 1024 * 1024, 1));

type StartOne = () => Promise<unknown>;

/** Every contender inherits the environment, gives the program three pipes, and waits for its end. */
const contenders: Record<string, StartOne> = {
  copal: async () => (await open("/bin/true")).exited,
  child_process: () => new Promise((resolve) => spawn("/bin/true").once("close", resolve)),
  execa: () => execa("/bin/true"),
};

/** Holds processes as children of its own, as a user's actor would. */
class Holder extends Actor {
  readonly #waiting = new Map<ActorRef, Reply<void>>();

  /** Starts one process actor and answers when its process has ended. */
  async one(): Promise<void> {
    const reply = this.replyLater<void>();
    const ref = await this.start({ process: "true", command: ["/bin/true"] });
    this.monitor(ref);
    this.#waiting.set(ref, reply);
  }

  override handleInfo(message: Info): void {
    if (message.type !== "DOWN") return;
    this.#waiting.get(message.from)?.();
    this.#waiting.delete(message.from);
  }
}

const tree = await start({ supervisor: "bench", children: [{ actor: "holder", class: Holder }] });
const holder = tree.whereis<Holder>("holder") as ActorRef<Holder>;
const throughActor: Record<string, StartOne> = {
  copal: () => holder.call.one(),
  child_process: contenders.child_process as StartOne,
  execa: contenders.execa as StartOne,
};

const loop: Samples = {};
const loopActor: Samples = {};
const rate: Samples = {};
// What is measured is the steady state of a process that lives long: the engine has compiled what runs at each start.
await each(contenders, 1, (startOne) => many(startOne, WARM_UP_STARTS, 1));
await each(throughActor, 1, (startOne) => many(startOne, WARM_UP_STARTS, 1));
await each(contenders, rounds, async (startOne, name) => {
  const before = performance.eventLoopUtilization();
  await many(startOne, starts, 1);
  push(loop, name, performance.eventLoopUtilization(before).active / starts);
});
await each(throughActor, rounds, async (startOne, name) => {
  const before = performance.eventLoopUtilization();
  await many(startOne, starts, 1);
  push(loopActor, name, performance.eventLoopUtilization(before).active / starts);
});
await each(contenders, rounds, async (startOne, name) => {
  const began = performance.now();
  await many(startOne, starts * 4, 16);
  push(rate, name, (starts * 4) / ((performance.now() - began) / 1000));
});
await tree.stop();
if (ballast.length < 0) throw new Error("the ballast must live until here");
process.stdout.write(JSON.stringify({ loop, loopActor, rate }));

/** Lets the contenders take turns, the first one changing from round to round. */
async function each(
  all: Record<string, StartOne>,
  times: number,
  turn: (startOne: StartOne, name: string) => Promise<void>,
) {
  const names = Object.keys(all);
  for (let round = 0; round < times; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length] as string;
      await turn(all[name] as StartOne, name);
    }
  }
}

/** Starts `count` processes, at most `atOnce` at a time, and waits for the end of each. */
async function many(startOne: StartOne, count: number, atOnce: number): Promise<void> {
  let left = count;
  const lane = async () => {
    while (left-- > 0) await startOne();
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

function push(samples: Samples, name: string, value: number): void {
  samples[name] ??= [];
  samples[name].push(value);
}
