/**
 * The benchmark `message` in a Node of its own: for what is set when Node starts, and for what an idle Node uses. Run as a process, it is that Node; it
 * does what it is told, one thing at a time.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { argv } from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startEchoes } from "./message-copal.js";
import { eachCall, type Peer, type Talk } from "./message-talk.js";
import { BarePort } from "./message-threads.js";

const self = fileURLToPath(import.meta.url);

/** What the other Node is asked: to call `peer` so many times. */
interface Order {
  readonly peer: string;
  readonly messages: number;
}

/** A Node that has one or more contenders. */
export class Child {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts one, with more in its environment, and held on one processor if told. Rejects where there is no `taskset` to hold it. */
  static async start(peers: readonly string[], env: NodeJS.ProcessEnv = {}, onOneProcessor = false): Promise<Child> {
    const held = onOneProcessor && { execPath: "taskset", execArgv: ["-c", "0", process.execPath] };
    const child = fork(self, peers, { env: { ...process.env, ...env }, serialization: "advanced", ...held });
    await once(child, "message");
    return new Child(child);
  }

  /** Calls one at a time. */
  calls(peer: string): Talk {
    return async (messages) => {
      this.#child.send({ peer, messages } satisfies Order);
      const [samples] = (await once(this.#child, "message")) as [number[]];
      return samples;
    };
  }

  /** Milliseconds of processor time that all its threads use in a second in which nobody asks anything of it. */
  async idleMs(): Promise<number> {
    const before = this.#runMs();
    await wait(1_000);
    return this.#runMs() - before;
  }

  async end(): Promise<void> {
    this.#child.disconnect();
    await once(this.#child, "exit");
  }

  #runMs(): number {
    const tasks = `/proc/${this.#child.pid}/task`;
    const runNs = readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]);
    return runNs.reduce((sum, ns) => sum + Number(ns), 0) / 1e6;
  }
}

async function serve(names: readonly string[]): Promise<void> {
  const peers = new Map<string, Peer>();
  for (const name of names) peers.set(name, name === "copal" ? (await startEchoes()).far : new BarePort());
  process.on("message", async ({ peer, messages }: Order) => {
    process.send?.(await eachCall(peers.get(peer) as Peer)(messages));
  });
  process.once("disconnect", () => {
    for (const peer of peers.values()) void peer.end?.();
  });
  process.send?.("ready");
}

if (argv[1] === self) await serve(argv.slice(2));
