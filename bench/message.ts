/**
 * How fast do actors talk, within a thread and across two? Beside a bare `MessageChannel` where there are two. Every count is of messages that were
 * answered, or that the receiver says it has heard.
 */
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type ActorRef, start } from "copal";
import type { Echo } from "./message-echo.js";
import { progress, type Report, report, row, type Samples } from "./report.js";

const ROUNDS = 9;
const CALLS = 5_000;
const CASTS = 50_000;
const IN_FLIGHT = 64;

/** Sends so many messages and gives the microseconds of one, once all have arrived. */
type Talk = (messages: number) => Promise<number>;

async function timed(messages: number, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return ((performance.now() - began) * 1_000) / messages;
}

const callsOf =
  (ref: ActorRef<Echo>, inFlight: number): Talk =>
  (messages) =>
    timed(messages, () => {
      const chain = async () => {
        for (let i = 0; i < messages / inFlight; i++) await ref.call.echo(i);
      };
      return Promise.all(Array.from({ length: inFlight }, chain));
    });

const castsOf =
  (ref: ActorRef<Echo>): Talk =>
  async (messages) => {
    const before = await ref.call.heard();
    return timed(messages, async () => {
      for (let i = 0; i < messages; i++) ref.cast.hear(i);
      const heard = (await ref.within("infinity").call.heard()) - before;
      if (heard !== messages) throw new Error(`${heard} of ${messages} casts arrived`);
    });
  };

/** The same over a bare port, answers matched by their order. */
class Bare {
  readonly #worker: Worker;
  readonly #waiting: ((answer: unknown) => void)[] = [];

  constructor() {
    this.#worker = new Worker(new URL("./message-echo.js", import.meta.url), { workerData: "bare" });
    this.#worker.on("message", (answer: unknown) => this.#waiting.shift()?.(answer));
  }

  ask(message: unknown): Promise<unknown> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#worker.postMessage(message);
    });
  }

  calls(inFlight: number): Talk {
    return (messages) =>
      timed(messages, () => {
        const chain = async () => {
          for (let i = 0; i < messages / inFlight; i++) await this.ask(i);
        };
        return Promise.all(Array.from({ length: inFlight }, chain));
      });
  }

  readonly casts: Talk = async (messages) => {
    const before = Number(await this.ask("heard"));
    return timed(messages, async () => {
      for (let i = 0; i < messages; i++) this.#worker.postMessage("hear");
      const heard = Number(await this.ask("heard")) - before;
      if (heard !== messages) throw new Error(`${heard} of ${messages} posts arrived`);
    });
  };

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

const missing = [
  "erlang, nact, xstate, effect: not measured yet in `message`",
  "comlink, piscina, tinypool: not measured yet in `message`",
  "cross thread, 1 MB transferred: transfers are not supported yet",
];

/** Measures calls and casts, same thread and cross thread. */
export async function measure(): Promise<Report> {
  const module = `${fileURLToPath(new URL("./message-echo.js", import.meta.url))}#Echo`;
  const children = [
    { actor: "near", module },
    { actor: "far", module, thread: "own" as const },
  ];
  await using tree = await start({ supervisor: "bench", children });
  const [near, far] = ["near", "far"].map((id) => tree.whereis<Echo>(id)) as [ActorRef<Echo>, ActorRef<Echo>];
  const bare = new Bare();
  const cases: Record<string, [messages: number, talks: Record<string, Talk>]> = {
    "same thread, call one at a time": [CASTS, { copal: callsOf(near, 1) }],
    "same thread, cast": [CASTS, { copal: castsOf(near) }],
    "cross thread, call one at a time": [CALLS, { copal: callsOf(far, 1), MessageChannel: bare.calls(1) }],
    "cross thread, 64 calls in flight": [
      CALLS * 10,
      { copal: callsOf(far, IN_FLIGHT), MessageChannel: bare.calls(IN_FLIGHT) },
    ],
    "cross thread, cast": [CASTS, { copal: castsOf(far), MessageChannel: bare.casts }],
  };
  const rows = [];
  for (const [name, [messages, talks]] of Object.entries(cases)) {
    const samples: Samples = {};
    for (let round = -1; round < ROUNDS; round++) {
      progress(`message: ${name}, ${round < 0 ? "warming up" : `round ${round + 1} of ${ROUNDS}`}`);
      for (const [contender, talk] of Object.entries(talks)) {
        const microseconds = await talk(messages);
        if (round < 0) continue;
        samples[contender] ??= [];
        samples[contender].push(microseconds);
      }
    }
    rows.push(row(name, "us", "lower", samples));
  }
  await bare.close();
  return report("message", rows, missing);
}
