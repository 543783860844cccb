/**
 * Who else has actors within a thread: nact, xstate and a queue with a fiber of Effect, each asked in its own way.
 */
import { Deferred, Effect, Queue } from "effect";
import { dispatch, query, type Ref, spawn, start, stop } from "nact";
import { createActor, fromTransition } from "xstate";
import type { Peer, Talk } from "./message-talk.js";
import { onAverage } from "./message-talk.js";

type Asked = { sender: Ref<unknown>; value: unknown } | "hear";

/** nact: `query` and `dispatch`. */
export function nact() {
  const system = start();
  let heard = 0;
  const actor = spawn(system, (_state: undefined, message: Asked) => {
    if (message === "hear") heard++;
    else dispatch(message.sender, message.value);
    return undefined;
  }) as Ref<Asked>;
  const ask = (value: unknown) => query(actor, (sender: Ref<unknown>) => ({ sender, value }), 5_000);
  return {
    call: ask,
    cast: () => dispatch(actor, "hear"),
    // It answers behind what it was told.
    heard: async () => {
      await ask(undefined);
      return heard;
    },
    end: () => stop(system),
  } satisfies Peer;
}

type Event = { type: "echo"; value: unknown; reply: (value: unknown) => void } | { type: "hear" };

/** xstate: it has no calls, so that an event brings along what answers. */
export function xstate() {
  const actor = createActor(
    fromTransition((heard: number, event: Event) => {
      if (event.type === "echo") event.reply(event.value);
      return event.type === "hear" ? heard + 1 : heard;
    }, 0),
  );
  actor.start();
  return {
    call: (value: unknown) => new Promise((reply) => actor.send({ type: "echo", value, reply })),
    cast: () => actor.send({ type: "hear" }),
    heard: () => Promise.resolve(actor.getSnapshot().context),
    end: () => actor.stop(),
  } satisfies Peer;
}

type Told = Deferred.Deferred<unknown> | "hear";

/** Effect: a queue that a fiber reads, whose answers are deferred values. Caller and fiber are one program, as its users write it. */
export function effect(): { readonly calls: Talk; readonly casts: (atOnce: number) => Talk } {
  const withServer = (use: (queue: Queue.Queue<Told>, heard: () => number) => Effect.Effect<void>): Promise<void> => {
    let heard = 0;
    return Effect.runPromise(
      Effect.gen(function* () {
        const queue = yield* Queue.unbounded<Told>();
        const serve = Effect.gen(function* () {
          for (;;) {
            const told = yield* Queue.take(queue);
            if (told === "hear") heard++;
            else yield* Deferred.succeed(told, 1);
          }
        });
        yield* Effect.forkChild(serve);
        yield* use(queue, () => heard);
      }),
    );
  };
  const ask = function* (queue: Queue.Queue<Told>) {
    const answer = yield* Deferred.make<unknown>();
    yield* Queue.offer(queue, answer);
    yield* Deferred.await(answer);
  };
  return {
    calls: (messages) =>
      onAverage(messages, () =>
        withServer((queue) =>
          Effect.gen(function* () {
            for (let i = 0; i < messages; i++) yield* ask(queue);
          }),
        ),
      ),
    casts: (atOnce) => (messages) =>
      onAverage(messages, () =>
        withServer((queue, heard) =>
          Effect.gen(function* () {
            for (let sent = 0; sent < messages; ) {
              const until = Math.min(messages, sent + atOnce);
              for (; sent < until; sent++) yield* Queue.offer(queue, "hear" as const);
              yield* ask(queue);
              if (heard() !== sent) throw new Error(`${heard()} of ${sent} casts were heard`);
            }
          }),
        ),
      ),
  };
}
