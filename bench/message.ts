/**
 * How fast do messages go, within a thread and across two, and what does that cost everything else? Beside actors of other kinds, a bare
 * `MessageChannel`, what is built on one, and Erlang.
 */
import { Erlang } from "./erlang.js";
import { effect, nact, xstate } from "./message-actors.js";
import { Child } from "./message-child.js";
import { type EchoPeer, startEchoes } from "./message-copal.js";
import { Delays, type DelaysSeen } from "./message-delays.js";
import { allCalls, allCasts, eachCall, eachPass, type Talk } from "./message-talk.js";
import { BarePort, comlink, piscina, tinypool } from "./message-threads.js";
import { progress, type Report, type Row, report, row, type Samples, spread } from "./report.js";

const ROUNDS = 9;
/** Before they count: compilers and heaps take some hundred thousand messages to settle. */
const WARMING_ROUNDS = 6;
const CALLS = 2_000;
const MANY = 40_000;
const IN_FLIGHT = 64;
/** How many casts go within a thread before somebody waits until they are heard. */
const AT_ONCE = 1_000;
const BIG_CALLS = 40;
const PASSES = 1_000;
const MEGABYTE = 1_048_576;
/** Timers and bytes on their way are looked at for as long beside everybody, some hundred times: a percentile of fewer would be another one. */
const DELAYS_FOR_MS = 1_000;
const DELAYS = "while calls go one at a time";
const IDLE = "processor time of an idle app in a second";

/** Who takes part in a case, and how many messages each round has. */
interface Case {
  readonly messages: number;
  readonly talks: Readonly<Record<string, Talk>>;
}

/** Everybody who takes part. */
type Contenders = Awaited<ReturnType<typeof startContenders>>;

/** Measures calls and casts, same thread and cross thread; only the cases whose names have `only` in them. */
export async function measure(only = ""): Promise<Report> {
  const missing = ["erlang, 1 KB and 1 MB: the BEAM shares large binaries between processes instead of copying them"];
  const all = await startContenders(missing);
  const rows: Row[] = [];
  try {
    for (const [name, one] of Object.entries({ ...sameThread(all), ...crossThread(all) })) {
      if (!name.includes(only)) continue;
      const samples = await inTurns(name, one);
      rows.push(row(name, "us", "lower", samples));
    }
    if (DELAYS.includes(only)) rows.push(...(await delays(all)));
    if (IDLE.includes(only)) rows.push(await idle());
  } finally {
    await all.end();
  }
  return report("message", rows, missing);
}

async function startContenders(missing: string[]) {
  const { near, far } = await startEchoes();
  const threads = {
    MessageChannel: new BarePort(),
    comlink: comlink(),
    piscina: piscina(IN_FLIGHT),
    tinypool: tinypool(IN_FLIGHT),
  };
  const actors = { nact: nact(), xstate: xstate() };
  const startStill = (onOneProcessor: boolean) =>
    Child.start(["copal", "MessageChannel"], { COPAL_LINGER: "0" }, onOneProcessor);
  const still = await startStill(false);
  const held = await startStill(true).catch((error: Error) => {
    missing.push(`lingering off on one processor: ${error.message} (Debian: apt-get install util-linux)`);
    return undefined;
  });
  const startErlang = (schedulers: number) =>
    Erlang.start(["message_bench", "message_bench_echo"], ["+S", `${schedulers}:${schedulers}`]).catch(
      (error: Error) => {
        missing.push(`erlang, ${schedulers} schedulers: ${error.message}`);
        return undefined;
      },
    );
  const [erlang, erlangAcross] = [await startErlang(1), await startErlang(2)];
  const end = async (): Promise<void> => {
    for (const peer of [far, ...Object.values(threads), ...Object.values(actors)]) await peer.end?.();
    await still.end();
    await held?.end();
    erlang?.end();
    erlangAcross?.end();
  };
  return { near, far, threads, actors, still, held, erlang, erlangAcross, end };
}

function sameThread({ near, actors: { nact, xstate }, erlang }: Contenders): Record<string, Case> {
  const { calls, casts } = effect();
  return {
    "same thread, call one at a time": {
      messages: MANY,
      talks: {
        copal: allCalls(near, 1),
        ...inErlang(erlang, "calls"),
        nact: allCalls(nact, 1),
        xstate: allCalls(xstate, 1),
        effect: calls,
      },
    },
    "same thread, cast": {
      messages: MANY,
      talks: {
        copal: allCasts(near, AT_ONCE),
        ...inErlang(erlang, "batches"),
        nact: allCasts(nact, AT_ONCE),
        xstate: allCasts(xstate, AT_ONCE),
        effect: casts(AT_ONCE),
      },
    },
    [`same thread, cast, ${MANY.toLocaleString("en")} without a pause`]: {
      messages: MANY,
      talks: {
        copal: allCasts(near),
        ...inErlang(erlang, "casts"),
        nact: allCasts(nact),
        xstate: allCasts(xstate),
        effect: casts(MANY),
      },
    },
  };
}

function crossThread({ far, threads, still, held, erlangAcross }: Contenders): Record<string, Case> {
  const peers = Object.entries({ copal: far, ...threads });
  const each = (value?: unknown) => Object.fromEntries(peers.map(([name, peer]) => [name, eachCall(peer, value)]));
  const { MessageChannel, comlink } = threads;
  const passing = { copal: far, MessageChannel, comlink };
  const bytes = (size: number) => new Uint8Array(size).fill(7);
  return {
    "cross thread, call one at a time": { messages: CALLS, talks: { ...each(), ...inErlang(erlangAcross, "each") } },
    "cross thread, call one at a time, lingering off": {
      messages: CALLS,
      talks: { copal: still.calls("copal"), MessageChannel: still.calls("MessageChannel") },
    },
    // Where each contender's two threads run decides more than what they do; on one processor both have the same.
    ...(held && {
      "cross thread, call one at a time, lingering off, on one processor": {
        messages: CALLS,
        talks: { copal: held.calls("copal"), MessageChannel: held.calls("MessageChannel") },
      },
    }),
    "cross thread, call one at a time, 1 KB text": { messages: CALLS, talks: each("x".repeat(1_024)) },
    "cross thread, call one at a time, 1 KB of bytes": { messages: CALLS, talks: each(bytes(1_024)) },
    "cross thread, call one at a time, an object": {
      messages: CALLS,
      talks: each({ id: 7, name: "copal", tags: ["a", "b"], at: { x: 1.5, y: 2.5 } }),
    },
    "cross thread, 64 calls in flight": {
      messages: MANY,
      talks: {
        ...Object.fromEntries(peers.map(([name, peer]) => [name, allCalls(peer, IN_FLIGHT)])),
        ...inErlang(erlangAcross, "flight"),
      },
    },
    "cross thread, cast": {
      messages: MANY,
      talks: { copal: allCasts(far), MessageChannel: allCasts(MessageChannel), ...inErlang(erlangAcross, "casts") },
    },
    "cross thread, 1 MB cloned": { messages: BIG_CALLS, talks: each(bytes(MEGABYTE)) },
    "cross thread, 1 MB transferred": {
      messages: PASSES,
      talks: Object.fromEntries(
        Object.entries(passing).map(([name, { pass }]) => [name, eachPass(pass as EchoPeer["pass"], MEGABYTE)]),
      ),
    },
  };
}

function inErlang(
  erlang: Erlang | undefined,
  what: "each" | "calls" | "flight" | "casts" | "batches",
): Record<string, Talk> {
  if (erlang === undefined) return {};
  const talk: Talk = async (messages) => {
    const took = await erlang.ask(`${what} ${messages}`);
    return took.map((ns) => ns / 1_000 / (what === "each" ? 1 : messages));
  };
  return { erlang: talk };
}

/** Everybody in turn, round for round; another one begins each. */
async function inTurns(name: string, { messages, talks }: Case): Promise<Samples> {
  const order = Object.entries(talks);
  const samples: Samples = Object.fromEntries(order.map(([contender]) => [contender, []]));
  for (let round = -WARMING_ROUNDS; round < ROUNDS; round++) {
    progress(`message: ${name}, ${round < 0 ? "warming up" : `round ${round + 1} of ${ROUNDS}`}`);
    for (const [contender, talk] of order) {
      const seen = await talk(messages);
      if (round >= 0) samples[contender]?.push(...seen);
    }
    order.push(...order.splice(0, 1));
  }
  return samples;
}

/** How long timers and I/O take in both threads while calls go on between them: the 99th percentile of each round is one sample. */
async function delays({ far, threads: { MessageChannel } }: Contenders): Promise<Row[]> {
  const seen: Record<"a 2 ms timer" | "I/O", Record<"caller's" | "actor's", Samples>> = {
    "a 2 ms timer": { "caller's": {}, "actor's": {} },
    "I/O": { "caller's": {}, "actor's": {} },
  };
  const add = (contender: string, thread: "caller's" | "actor's", { timers, io }: DelaysSeen): void => {
    seen["a 2 ms timer"][thread][contender] = [...(seen["a 2 ms timer"][thread][contender] ?? []), spread(timers).p99];
    seen["I/O"][thread][contender] = [...(seen["I/O"][thread][contender] ?? []), spread(io).p99];
  };
  const mine = new Delays();
  for (let round = -1; round < ROUNDS; round++) {
    progress(`message: delays, ${round < 0 ? "warming up" : `round ${round + 1} of ${ROUNDS}`}`);
    for (const [contender, peer] of Object.entries({ copal: far, MessageChannel })) {
      await peer.watchDelays();
      mine.begin();
      const endMs = performance.now() + DELAYS_FOR_MS;
      for (let i = 0; performance.now() < endMs; i++) await peer.call(i);
      const [here, there] = [await mine.end(), await peer.delays()];
      if (round < 0) continue;
      add(contender, "caller's", here);
      add(contender, "actor's", there);
    }
  }
  return Object.entries(seen).flatMap(([what, threads]) =>
    Object.entries(threads).map(([thread, samples]) =>
      row(`p99 of ${what} in the ${thread} thread ${DELAYS}`, "us", "lower", samples),
    ),
  );
}

/** What the processors do for an app that nobody asks anything, beside a Node with a bare worker. */
async function idle(): Promise<Row> {
  const children = {
    copal: await Child.start(["copal"]),
    "a Node with a worker": await Child.start(["MessageChannel"]),
  };
  const samples: Samples = {};
  for (const [contender, child] of Object.entries(children)) {
    progress(`message: ${contender}, idle`);
    samples[contender] = [];
    await child.calls(contender === "copal" ? "copal" : "MessageChannel")(CALLS);
    await child.idleMs();
    for (let second = 0; second < 3; second++) samples[contender].push(await child.idleMs());
    await child.end();
  }
  return row(IDLE, "ms", "lower", samples);
}
