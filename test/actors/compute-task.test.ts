import { subscribe, unsubscribe } from "node:diagnostics_channel";
import t from "tap";
import { Actor } from "#src/actors/actor.js";
import type { ComputeTask } from "#src/actors/compute-task.js";
import { isAlive } from "#src/actors/runtime.js";
import type { Computation } from "#src/compute/computation.js";
import { eventually } from "#src/testing/eventually.js";
import { settle } from "../support/actors.js";
import { asker, functionsUrl, running, stage, tell } from "../support/asker.js";

t.setTimeout(120_000);

t.test("a function of a module runs on another thread, and its value is the answer", async (t) => {
  const ref = await asker();
  t.ok(((await ref.within(60_000).call.outcome("thread")) as number) > 0);
  t.equal(await ref.within(60_000).call.outcome("add", [1, 2, 3]), 6);
});

t.test("without a name it is the default export, and what it promises is waited for", async (t) => {
  const ref = await asker();
  t.equal(await ref.within(60_000).call.outcome("", [4]), 8);
  t.equal(await ref.within(60_000).call.outcome("addLater", [4, 5]), 9);
});

t.test("what a function throws arrives with class, code, cause and stack", async (t) => {
  const ref = await asker();
  const error = await ref
    .within(60_000)
    .call.outcome("fails")
    .catch((thrown: Error) => thrown);
  t.type(error, RangeError);
  t.match(error, { code: "ETHING", message: "no such thing", cause: { name: "TypeError", message: "the cause" } });
  t.match((error as Error).stack, /functions\.mjs:\d+/);
  const odd = ref.within(60_000).call.outcome("failsOddly");
  t.equal(await odd.catch((thrown: unknown) => thrown), "just text");
});

t.test("a function that is not there is told of in one sentence", async (t) => {
  const ref = await asker();
  const code = "ERR_COMPUTE_MODULE";
  await t.rejects(ref.within(60_000).call.outcome("ad"), { code, message: /has no export `ad`; did you mean `add`\?/ });
  await t.rejects(ref.within(60_000).call.outcome("notAFunction"), { code, message: /is 5; allowed is a function/ });
  await t.rejects(ref.within(60_000).call.outcomeOf("/no/where.mjs#x"), {
    code,
    message: /where.mjs cannot be loaded/,
  });
  await t.rejects(ref.within(60_000).call.outcomeOf("no-such-package#x"), { code, message: /no-such-package/ });
  await t.rejects(ref.within(60_000).call.outcomeOf("https://example.org/x.mjs"), {
    code,
    message: /x\.mjs cannot be loaded/,
  });
  await t.rejects(ref.within(60_000).call.outcomeOf(new URL("https://example.org/x.mjs")), {
    code: "ERR_INVALID_URL_SCHEME",
  });
  await t.rejects(ref.within(60_000).call.outcomeOf(""), { name: "TypeError", message: /got the module ""/ });
});

t.test("a package, a URL with its hash and a TypeScript file are modules like any other", async (t) => {
  const ref = await asker();
  t.equal(await ref.within(60_000).call.outcomeOf("node:path#basename", ["/a/b.c"]), "b.c");
  t.equal(await ref.within(60_000).call.outcomeOf("yaml#stringify", [{ a: 1 }]), "a: 1\n");
  t.equal(await ref.within(60_000).call.outcomeOf(new URL("#add", functionsUrl), [1, 2]), 3);
  t.equal(
    await ref.within(60_000).call.outcomeOf(new URL("./primes.ts#primes", functionsUrl), [12]).then(String),
    "2,3,5,7,11",
  );
});

t.test("arguments and answers that cannot be cloned are refused, and the thread goes on", async (t) => {
  const ref = await asker();
  await t.rejects(ref.within(60_000).call.outcome("add", [() => 1]), {
    code: "ERR_NOT_CLONEABLE",
    message: /arguments/,
  });
  await t.rejects(ref.within(60_000).call.outcome("giveFunction"), { code: "ERR_NOT_CLONEABLE", message: /answer/ });
  t.equal(await ref.within(60_000).call.outcome("add", [1]), 1);
});

t.test("bytes are moved where that is asked for, both ways", async (t) => {
  const ref = await asker();
  const bytes = new Uint8Array(1_000);
  const answer = await ref.within(60_000).call.outcome("fill", [bytes, 7], { transfer: [bytes.buffer] });
  t.equal(bytes.byteLength, 0);
  t.strictSame(answer, new Uint8Array(1_000).fill(7));
});

const losses: Record<string, [name: string, args: unknown[], reason: object]> = {
  "exits its thread": ["leaves", [3], { exit: 3 }],
  "throws where nobody catches it": [
    "breaksLater",
    [],
    { error: { name: "RangeError", message: "nobody catches this" } },
  ],
  "runs out of memory": ["eats", [], { limit: "memory" }],
};
for (const [what, [name, args, reason]] of Object.entries(losses)) {
  t.test(`a function that ${what} is lost with that reason, and no other is`, async (t) => {
    const [ref, other] = [await asker({ threads: 2, heapMb: 64 }), await asker({ threads: 2, heapMb: 64 })];
    const told = stage();
    const kept = other.within(60_000).call.outcome("untilTold", [told, "kept"]);
    await t.rejects(ref.within(60_000).call.outcome(name, args), { code: "ERR_COMPUTE_LOST", reason });
    tell(told);
    t.equal(await kept, "kept");
    t.equal(await ref.within(60_000).call.outcome("add", [1]), 1);
  });
}

t.test("a rejection that a function has let go of is its own failure, and does not harm the next", async (t) => {
  const ref = await asker({ threads: 1 });
  for (let round = 0; round < 5; round++) {
    const reason = { error: { name: "RangeError", message: "nobody looks at this" } };
    const [stray, next] = [
      ref.within(60_000).call.outcome("rejectsBesides"),
      ref.within(60_000).call.outcome("add", [1]),
    ];
    await t.rejects(stray, { code: "ERR_COMPUTE_LOST", reason });
    t.equal(await next, 1);
  }
});

t.test("what breaks a thread that nobody has is told on copal:compute, and harms nobody", async (t) => {
  const [ref, heard] = [await asker({ threads: 1 }), [] as unknown[]];
  const hear = (message: unknown): void => void heard.push(message);
  subscribe("copal:compute", hear);
  t.teardown(() => unsubscribe("copal:compute", hear));
  t.equal(await ref.within(60_000).call.outcome("leavesTimer"), "over");
  await eventually(() => heard.length > 0);
  t.match(heard, [{ error: { name: "RangeError", message: "nobody has this thread" } }]);
  t.equal(await ref.within(60_000).call.outcome("add", [1]), 1);
});

t.test("a ref reaches a function as plain data", async (t) => {
  const ref = await asker();
  const { id } = ref;
  t.strictSame(await ref.within(60_000).call.outcome("same", [ref]), { id, thread: 0, name: undefined });
});

t.test("cancel ends a function that waits or runs, rejects at once, and ends no actor", async (t) => {
  const ref = await asker({ threads: 1 });
  const told = stage();
  await ref.within(60_000).call.run(async (compute) => {
    const [runs, waits] = [compute("spin", [told]), compute("add")];
    await eventually(() => Atomics.load(told, 0) === 1);
    waits.cancel();
    await t.rejects(waits, { name: "AbortError" });
    runs.cancel(new RangeError("enough"));
    await t.rejects(runs, { name: "RangeError", message: "enough" });
    compute("add").cancel();
    t.equal(await compute("add", [1]), 1);
  });
  await settle();
  t.equal(isAlive(ref), true);
});

t.test("cancel does nothing once there is an answer", async (t) => {
  const ref = await asker();
  await ref.within(60_000).call.run(async (compute) => {
    const task = compute("add", [1]);
    t.equal(await task, 1);
    task.cancel();
    t.equal(await task, 1);
  });
});

t.test("a signal cancels with its own reason, also if it had aborted before", async (t) => {
  const ref = await asker({ threads: 1 });
  const [told, stop] = [stage(), new AbortController()];
  const asked = ref.within(60_000).call.outcome("spin", [told], { signal: stop.signal });
  await eventually(() => Atomics.load(told, 0) === 1);
  stop.abort(new RangeError("stop"));
  await t.rejects(asked, { name: "RangeError", message: "stop" });
  await t.rejects(ref.within(60_000).call.outcome("add", [], { signal: stop.signal }), { message: "stop" });
});

t.test(
  "one that is called off while its module loads never runs, and a module that does not stop loading is ended",
  async (t) => {
    const ref = await asker({ threads: 1 });
    const module = new URL("never-loads.mjs", functionsUrl);
    await ref.within(60_000).call.run(async (compute) => {
      const told = stage();
      const task = compute("untilTold", [told]);
      task.cancel();
      await t.rejects(task, { name: "AbortError" });
      t.equal(await compute("add", [1]), 1);
      t.equal(Atomics.load(told, 0), 0);
    });
    await t.rejects(ref.within(60_000).call.outcomeOf(module, [], { timeoutMs: 20 }), { code: "ERR_COMPUTE_TIMEOUT" });
    t.equal(await ref.within(60_000).call.outcome("add", [1]), 1);
  },
);

t.test("timeoutMs ends a function that runs, and one that waits", async (t) => {
  const ref = await asker({ threads: 1 });
  const late = { code: "ERR_COMPUTE_TIMEOUT", timeoutMs: 50 };
  await ref.within(60_000).call.run(async (compute) => {
    const asked = [compute("spin", [stage()], { timeoutMs: 50 }), compute("spin", [stage()], { timeoutMs: 50 })];
    for (const task of asked) await t.rejects(task, late);
    t.equal(await compute("add", [1], { timeoutMs: 60_000 }), 1);
  });
});

t.test("no more wait than may: the next is refused at once, and the others come to their end", async (t) => {
  const ref = await asker({ threads: 1, queue: 2 });
  const told = await running(ref, "untilTold");
  const waiting = [ref.within(60_000).call.run((compute) => [compute("add", [1]), compute("add", [2])])];
  const [one, two] = (await waiting[0]) as ComputeTask[];
  await ref.within(60_000).call.run(async (compute) => {
    await t.rejects(compute("add", [3]), { code: "ERR_COMPUTE_FULL", capacity: 2 });
    one?.cancel();
    const third = compute("add", [3]);
    tell(told);
    t.strictSame(await Promise.all([two, third]), [2, 3]);
  });
});

t.test("who asks for one after the other is never one too many, even where none may wait", async (t) => {
  const ref = await asker({ threads: 1, queue: 0 });
  for (let n = 0; n < 200; n++) t.equal(await ref.within(60_000).call.outcome("add", [n]), n);
  await t.rejects(ref.within(60_000).call.outcome("spin", [stage()], { timeoutMs: 20 }), {
    code: "ERR_COMPUTE_TIMEOUT",
  });
  t.equal(await ref.within(60_000).call.outcome("add", [1]), 1);
});

t.test("higher priorities get a thread sooner, equal ones in the order in which they were asked for", async (t) => {
  const ref = await asker({ threads: 1 });
  const told = await running(ref, "untilTold");
  const order: unknown[] = [];
  const priorities = [0, 1, -1, 1, 0, 5];
  await ref.within(60_000).call.run((compute) => {
    const asked = priorities.map((priority, at) =>
      compute("add", [at], { priority }).then((answer) => order.push(answer)),
    );
    tell(told);
    return Promise.all(asked);
  });
  t.strictSame(order, [5, 1, 3, 0, 4, 2]);
});

t.test("progress comes in order and before the answer, also while a method waits for that", async (t) => {
  const ref = await asker();
  const heard: unknown[] = [];
  const answer = await ref.within(60_000).call.outcome("count", [500], { onProgress: (value) => heard.push(value) });
  heard.push(answer);
  t.strictSame(heard, [...Array.from({ length: 500 }, (_, i) => i + 1), "counted"]);
});

t.test("progress comes while the function still runs", async (t) => {
  const ref = await asker();
  const told = stage();
  await ref.within(60_000).call.outcome("reportsAndWaits", [told], { onProgress: () => tell(told) });
  t.equal(Atomics.load(told, 1), 1);
});

t.test("a function that has come to its end says nothing more", async (t) => {
  const ref = await asker({ threads: 1 });
  const heard: unknown[] = [];
  const onProgress = (value: unknown) => heard.push(value);
  t.equal(await ref.within(60_000).call.outcome("speaksLater", [], { onProgress }), "over");
  t.equal(await ref.within(60_000).call.outcome("waits", [20], { onProgress }), undefined);
  t.strictSame(heard, []);
});

t.test("never more functions run at once than the pool has threads", async (t) => {
  const ref = await asker({ threads: 2 });
  const [told, waiting] = [stage(), stage()];
  const asked = ref
    .within(60_000)
    .call.run((compute) => Promise.all([1, 2, 3, 4].map((n) => compute("untilTold", [told, n]))));
  await eventually(() => Atomics.load(told, 0) === 2);
  t.equal(await Promise.race([asked, settle().then(() => "waiting")]), "waiting");
  t.equal(Atomics.load(told, 0), 2);
  tell(told);
  t.strictSame(await asked, [1, 2, 3, 4]);
  t.ok(waiting);
});

t.test("compute is no message", async (t) => {
  const ref = await asker();
  // @ts-expect-error it is protected
  const call = ref.call.compute("x", []);
  await t.rejects(call, { code: "ERR_NO_METHOD" });
});

function primes(this: Computation<number>, below: number): Promise<number[]> {
  this.progress(below);
  return Promise.resolve([]);
}

/** Its methods are never called: that they compile is the claim. */
export class Typed extends Actor {
  async asked(): Promise<number[]> {
    // @ts-expect-error a text is no number
    await this.compute<typeof primes>("./primes.js#primes", ["12"]);
    // @ts-expect-error there is one argument
    await this.compute<typeof primes>("./primes.js#primes", []);
    // @ts-expect-error progress is a number
    await this.compute<typeof primes>("./primes.js#primes", [12], { onProgress: (text: string) => text });
    const unknown: unknown = await this.compute("./primes.js#primes", [12, "anything"]);
    t.ok(unknown);
    return this.compute<typeof primes>("./primes.js#primes", [12], { onProgress: (found) => found.toFixed() });
  }
}
