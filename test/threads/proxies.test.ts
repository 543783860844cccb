/**
 * Functions and objects that stay where they are: the same within a thread and across threads.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as Comlink from "comlink";
import t from "tap";
import { exitActor } from "#src/actors/exit-actor.js";
import { proxy, releaseProxy } from "#src/actors/proxy.js";
import type { Remote } from "#src/index.js";
import { eventually } from "#src/testing/eventually.js";
import { type Places, startLenders, watched } from "../support/lender.js";

t.setTimeout(120_000);

const placements: Places[] = [
  ["main", "main"],
  ["own", "main"],
  ["own", "own"],
];

for (const places of placements) {
  t.test(`an actor calls a callback of plain code (${places})`, async (t) => {
    await using pair = await startLenders(places);
    t.equal(await pair.a.call.use(proxy((n: number) => 2 * n) as never, 21), 42);
    t.equal(await pair.a.call.use(proxy(async (n: number) => 2 * n) as never, 21), 42);
  });

  t.test(`methods and fields of an object are reached, and its private state stays its own (${places})`, async (t) => {
    await using pair = await startLenders(places);
    class Greeter {
      #greeting = "hello";
      name = "you";
      greet(who: string) {
        return `${this.#greeting} ${who}`;
      }
    }
    const greeter = new Greeter();
    const remote = proxy(greeter);
    t.strictSame(await pair.a.call.useMethod(remote, "greet", "world"), { is: "hello world", name: "you" });
    t.equal(await pair.a.call.setName(remote, "me"), "me");
    t.equal(greeter.name, "me");
  });

  t.test(`what a callback throws rejects that one use, with class, code and cause (${places})`, async (t) => {
    await using pair = await startLenders(places);
    const remote = proxy((isBad: boolean) => {
      if (isBad) throw Object.assign(new RangeError("no", { cause: new TypeError("why") }), { code: "EBAD" });
      return "good";
    });
    const error = (await pair.a.call.use(remote as never, true).catch((thrown: unknown) => thrown)) as Error;
    t.ok(error instanceof RangeError);
    t.match(error, { message: "no", code: "EBAD", cause: { name: "TypeError", message: "why" } });
    t.match(error.stack, /proxies\.test/);
    t.equal(await pair.a.call.use(remote as never, false), "good");
  });

  t.test(`refs, transfers and further proxies go through a proxy (${places})`, async (t) => {
    await using pair = await startLenders(places);
    const { a, b } = pair;
    const isB = proxy((ref: unknown) => ref === b);
    t.equal(await a.call.use(isB as never, b), true);
    const mirror = proxy((bytes: Uint8Array) => bytes);
    t.strictSame((await a.call.moved(mirror as never, 9))[1], new Uint8Array(9).fill(3));
    const outer = proxy(async (inner: Remote<(n: number) => number>) => (await inner(1)) + 1);
    t.equal(await b.call.use(outer as never, await a.call.lend()), 2);
  });

  t.test(`a use of an actor's proxy is a message: one at a time, in order (${places})`, async (t) => {
    await using pair = await startLenders(places);
    const { a, b } = pair;
    const add = await a.call.lend();
    t.strictSame(await Promise.all([add(1), add(1), a.call.add(1), b.call.use(add as never, 1)]), [1, 2, 3, 4]);
    const slow = await a.call.lendSlow();
    await Promise.all(Array.from({ length: 5 }, () => slow()));
    t.equal(await a.call.overlaps(), 0);
    const interleaved = await a.call.lendSlow({ interleaved: true });
    await Promise.all(Array.from({ length: 5 }, () => interleaved()));
    t.ok((await a.call.overlaps()) > 0);
  });

  t.test(
    `an interleaved proxy serves while its actor waits, any other would wait for itself (${places})`,
    async (t) => {
      await using pair = await startLenders(places);
      t.strictSame(await pair.a.call.askFor(pair.b, 3, { interleaved: true }), [3, [1, 2, 3]]);
      t.match(await pair.b.call.askFor(pair.a, 3), ["ERR_CALL_TIMEOUT", []]);
    },
  );

  t.test(`when its owner ends, uses that wait and later ones reject with the owner's reason (${places})`, async (t) => {
    await using pair = await startLenders(places);
    const [never, add] = [await pair.a.call.lendNever(), await pair.a.call.lend()];
    const waiting = never();
    exitActor(pair.a as never, "kill");
    await t.rejects(waiting, { code: "ERR_ACTOR_EXIT", reason: "killed" });
    await t.rejects(add(1), { code: "ERR_ACTOR_EXIT", reason: "killed" });
    await pair.b.call.keep(add);
    await t.rejects(pair.b.call.useKept(1), { code: "ERR_ACTOR_EXIT", reason: "killed" });
  });

  t.test(`a released proxy rejects, and lets go of what it stood for (${places})`, async (t) => {
    await using pair = await startLenders(places);
    const { a } = pair;
    const mine = proxy(() => new Promise(() => {}));
    const waiting = mine();
    releaseProxy(mine);
    releaseProxy(mine);
    await t.rejects(waiting, { code: "ERR_NOPROC", message: /released/ });
    await t.rejects(mine(), { code: "ERR_NOPROC" });
    const theirs = await a.call.lend();
    theirs[Comlink.releaseProxy]();
    await t.rejects(theirs(1), { code: "ERR_NOPROC" });
  });

  t.test(`a rejection that nobody looks at harms nobody (${places})`, async (t) => {
    await using pair = await startLenders(places);
    await pair.b.call.keep(await pair.a.call.lend());
    exitActor(pair.a as never, "kill");
    await eventually(() => pair.tree.whereis("a") === undefined);
    pair.b.cast.shout();
    t.equal(await pair.b.call.add(1), 1);
  });
}

t.test("a buffer moves through a proxy", async (t) => {
  await using pair = await startLenders(["own", "main"]);
  t.strictSame(await pair.a.call.moved(proxy((bytes: Uint8Array) => bytes) as never, 9), [
    0,
    new Uint8Array(9).fill(3),
  ]);
});

t.test("the end of the owner's thread is its end", async (t) => {
  await using pair = await startLenders(["own", "main"]);
  const never = await pair.a.call.lendNever();
  const waiting = never();
  pair.a.cast.leaveThread();
  await t.rejects(waiting, { code: "ERR_ACTOR_EXIT", reason: { exit: 3 } });
});

t.test("when the actor it was sent to ends, or drops it, or its thread goes, a proxy lets go", async (t) => {
  for (const how of ["leave", "drop", "leaveThread"] as const) {
    await using pair = await startLenders(["own", "main"]);
    const { remote, released } = watched(() => 1, Comlink.finalizer);
    await pair.a.call.keep(remote);
    t.equal(released(), 0);
    if (how === "leave") pair.a.cast.leave("normal");
    else if (how === "drop") pair.a.cast.drop();
    else pair.a.cast.leaveThread();
    await eventually(() => released() === 1);
  }
});

t.test("a proxy that its holder has forgotten lets go; one that somebody waits for is not forgotten", async (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { remote, released } = watched(() => 1, Comlink.finalizer);
  t.equal(await remote(), 1);
  let holder: { remote: unknown } | undefined = watched(() => 1, Comlink.finalizer);
  const forgotten = (holder as ReturnType<typeof watched>).released;
  holder = undefined;
  await eventually(() => {
    collect();
    return forgotten() === 1;
  });
  t.equal(released(), 0);
  t.equal(await remote(), 1);
});

t.test("a proxy that came from another thread is passed on, and ends with whoever is between", async (t) => {
  await using pair = await startLenders(["own", "own"]);
  const { a, b, tree } = pair;
  const { remote, released } = watched((n: number) => n + 1, Comlink.finalizer);
  await a.call.keep(remote);
  await a.call.passOn(b);
  t.equal(await b.call.useKept(1), 2);
  a.cast.leaveThread();
  await eventually(() => tree.whereis("a") === undefined);
  await t.rejects(b.call.useKept(1), { code: "ERR_NOPROC" });
  await eventually(() => released() === 1);
});

t.test("what would outlive its owner is refused: `new`, comlink's own proxies", async (t) => {
  await using pair = await startLenders(["own", "main"]);
  const add = await pair.a.call.lend();
  const { Made } = proxy({ Made: class {} }) as unknown as { Made: new () => Promise<unknown> };
  await t.rejects(new Made(), { code: "ERR_UNSUPPORTED" });
  await t.rejects((add as unknown as (by: unknown) => Promise<unknown>)(Comlink.proxy(() => 1)), {
    code: "ERR_UNSUPPORTED",
  });
  await t.rejects(proxy(() => Comlink.proxy(() => 1))(), { code: "ERR_UNSUPPORTED" });
});

t.test("a use that finds the mailbox full is refused", async (t) => {
  await using pair = await startLenders(["own", "main"], { mailbox: { capacity: 1 } });
  const slow = await pair.a.call.lendSlow();
  const uses = await Promise.allSettled(Array.from({ length: 5 }, () => slow()));
  t.ok(uses.some((use) => use.status === "fulfilled"));
  t.match(
    uses.find((use) => use.status === "rejected"),
    { reason: { code: "ERR_MAILBOX_FULL" } },
  );
});

t.test("a proxy can be printed and awaited without using it; only a function or an object has one", async (t) => {
  const used: unknown[] = [];
  const remote = proxy((x: unknown) => used.push(x));
  t.type(String(Object.prototype.toString.call(remote)), "string");
  t.equal(await remote, remote);
  t.strictSame(used, []);
  t.throws(() => proxy("text" as never), TypeError);
});

t.test("types follow through a proxy", async (t) => {
  const remote = proxy({ add: (a: number, b: number) => a + b, unit: "m" });
  const sum: Promise<number> = remote.add(1, 2);
  const unit: Promise<string> = remote.unit;
  // @ts-expect-error a wrong argument
  remote.add("x");
  t.strictSame([await sum, await unit], [3, "m"]);
});

t.test("proxies that are still held keep no program running", (t) => {
  const program = fileURLToPath(new URL("../../../test/fixtures/programs/holds-proxies.mjs", import.meta.url));
  t.equal(execFileSync(process.execPath, [program], { encoding: "utf8", timeout: 60_000 }), "left\n");
  t.end();
});
