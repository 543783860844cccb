import { readdirSync } from "node:fs";
import t from "tap";
import { Actor } from "#src/actors/actor.js";
import type { ComputeTask } from "#src/actors/compute-task.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { isAlive } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ActorRef } from "#src/ref.js";
import { startSupervisor } from "#src/supervisor/supervisor.js";
import { eventually } from "#src/testing/eventually.js";
import { settle } from "../support/actors.js";
import { Asker, asker, functionsUrl, running, stage, tell } from "../support/asker.js";

t.setTimeout(120_000);

const osThreads = () => readdirSync("/proc/self/task").length;
const resources = () => process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate");

t.test("an actor that ends takes its running function along, before anybody is told", async (t) => {
  for (const reason of ["kill", "shutdown"] as const) {
    const ref = await asker();
    const ticks = await running(ref, "tick");
    exitActor(ref, reason);
    await whenEnded(ref);
    const last = Atomics.load(ticks, 0);
    await settle();
    t.equal(Atomics.load(ticks, 0), last);
  }
});

t.test("an actor that crashes takes its running function along, as one that spins for ever", async (t) => {
  const ref = await asker({ threads: 1 });
  await running(ref, "spin");
  await t.rejects(
    ref.within(60_000).call.run(() => {
      throw new TypeError("crash");
    }),
  );
  t.match(await whenEnded(ref), { error: { name: "TypeError" } });
  t.equal(await (await asker({ threads: 1 })).within(60_000).call.outcome("add", [1]), 1);
});

t.test("functions that still wait for a thread when their actor ends never run", async (t) => {
  const [ref, other] = [await asker({ threads: 1 }), await asker({ threads: 1 })];
  const blocker = await running(other, "untilTold");
  const told = stage();
  for (let i = 0; i < 5; i++) await ref.call.ask("untilTold", [told]);
  exitActor(ref, "kill");
  await whenEnded(ref);
  tell(blocker);
  t.equal(await other.within(60_000).call.outcome("add", [1]), 1);
  t.equal(Atomics.load(told, 0), 0);
});

t.test("after the end of its actor a computation never settles, so that nothing is left unhandled", async (t) => {
  const ref = await asker({ threads: 1 });
  const heard: unknown[] = [];
  const hear = (what: unknown): void => void heard.push(what);
  process.on("unhandledRejection", hear);
  t.teardown(() => process.off("unhandledRejection", hear));
  await ref.within(60_000).call.run((compute) => {
    void compute("spin", [stage()]).then(hear);
    void compute("spin", [stage()]).finally(() => hear("finally"));
    void (async () => hear(await compute("add")))();
    compute("add");
    return undefined;
  });
  exitActor(ref, "kill");
  await whenEnded(ref);
  await settle();
  t.strictSame(heard, []);
});

t.test("terminate can still wait for what was asked before", async (t) => {
  const answers: unknown[] = [];
  class Finishes extends Actor {
    #work: ComputeTask | undefined;
    begin(): void {
      this.#work = this.compute(new URL("#addLater", functionsUrl), [1, 2]);
    }
    override async terminate(): Promise<void> {
      answers.push(await this.#work);
      t.throws(() => this.compute(functionsUrl, []), { code: "ERR_ACTOR_EXIT" });
    }
    leave(): void {
      this.exit("normal");
    }
  }
  const ref = await startActor(null, { class: Finishes });
  ref.cast.begin();
  await ref.call.leave();
  t.strictSame(answers, [3]);
});

t.test("a rejection that nobody looks at ends the actor, with the error as its reason and cause", async (t) => {
  const ref = await asker();
  await ref.call.ask("fails");
  t.match(await whenEnded(ref), { error: { name: "RangeError", message: "no such thing", code: "ETHING" } });
  const full = await asker({ threads: 1, queue: 0 });
  await running(full, "spin");
  await full.call.ask("add");
  t.match(await whenEnded(full), { error: { code: "ERR_COMPUTE_FULL" } });
});

t.test("a rejection that somebody looks at, however it is done, ends nobody", async (t) => {
  const ref = await asker();
  await ref.within(60_000).call.run(async (compute) => {
    await compute("fails").catch(() => {});
    await Promise.allSettled([compute("fails"), compute("fails")]);
    await t.rejects(compute("fails").finally(() => {}));
  });
  await settle();
  t.equal(isAlive(ref), true);
});

t.test("an onProgress that throws ends the actor", async (t) => {
  const ref = await asker();
  const onProgress = () => {
    throw new TypeError("cannot take it");
  };
  await t.rejects(ref.within(60_000).call.outcome("count", [3], { onProgress }), { code: "ERR_ACTOR_EXIT" });
  t.match(await whenEnded(ref), { error: { message: "cannot take it" } });
});

t.test("a supervisor restarts an actor only when its function is gone, and the new one computes", async (t) => {
  const incarnations: ActorRef<Asker>[] = [];
  const supervisor = await startSupervisor(null, {
    path: "app",
    children: [
      {
        id: "asker",
        start: async ({ parent }) => {
          const ref = await startActor(parent, { class: Asker });
          incarnations.push(ref as never);
          return ref as never;
        },
      },
    ],
  });
  const ticks = await running(incarnations[0] as ActorRef<Asker>, "tick");
  exitActor(incarnations[0] as never, "kill");
  const next = await eventually(() => incarnations[1]);
  const last = Atomics.load(ticks, 0);
  t.equal(await next.within(60_000).call.outcome("add", [1]), 1);
  t.equal(Atomics.load(ticks, 0), last);
  exitActor(supervisor as never, "shutdown");
  await whenEnded(supervisor as never);
});

t.test("1,000 functions of ten actors come to their answers, and nothing is left", async (t) => {
  const [threads, held] = [osThreads(), resources()];
  const refs = await Promise.all(Array.from({ length: 10 }, () => asker({ threads: 2 })));
  const answers = await Promise.all(
    refs.map((ref, at) =>
      ref
        .within(60_000)
        .call.run((compute) => Promise.all(Array.from({ length: 100 }, (_, i) => compute("add", [at, i])))),
    ),
  );
  t.strictSame(
    answers,
    refs.map((_, at) => Array.from({ length: 100 }, (_, i) => at + i)),
  );
  for (const ref of refs) exitActor(ref, "shutdown");
  await Promise.all(refs.map((ref) => whenEnded(ref)));
  await eventually(() => osThreads() <= threads && resources().length <= held.length, { timeoutMs: 20_000 });
});
