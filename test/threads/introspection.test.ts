/**
 * Looking into actors of other threads, and holding them up: `sys` there is what it is here.
 */
import t, { type Test } from "tap";
import type { TraceEvent } from "#src/actors/debug.js";
import * as sys from "#src/actors/sys.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { find, type Starter, spin, starter, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

/** A tree with one actor in a thread, as `sys` takes it and as it is spoken to. */
async function one(t: Test): Promise<{ ref: ActorRef; actor: ActorRef<Starter> }> {
  const tree = await startResidents([starter("a", "own")]);
  t.teardown(() => tree.stop());
  const actor = find<Starter>(tree, "a");
  return { actor, ref: actor as ActorRef<unknown> as ActorRef };
}

t.test("getState gives a clone of the state, refs in it as what they are", async (t) => {
  const { actor, ref } = await one(t);
  await actor.call.setFields({ n: 1, me: ref });
  const state = (await sys.getState(ref)) as { n: number; me: ActorRef };
  t.equal(state.n, 1);
  t.equal(state.me, ref);
});

t.test("a state that cannot be cloned rejects getState, and getStatus tells it as text", async (t) => {
  const { actor, ref } = await one(t);
  await actor.call.setFields({ n: 1 });
  await actor.call.holdFunction();
  await t.rejects(sys.getState(ref), { code: "ERR_NOT_CLONEABLE" });
  t.match((await sys.getStatus(ref)).state, { n: 1, held: { deep: { failed: /cloned/, text: /Function/ } } });
});

t.test("replaceState changes the state here and puts it back there, and nothing is handled meanwhile", async (t) => {
  const { actor, ref } = await one(t);
  await actor.call.setFields({ n: 1 });
  const replaced = sys.replaceState(ref, (state) => ({ n: (state as { n: number }).n + 1 }));
  const later = actor.call.setFields({ n: 10 });
  t.strictSame(await replaced, { n: 2 });
  await later;
  t.match(await sys.getState(ref), { n: 10 });
});

t.test("two replacements at the same time are one after the other", async (t) => {
  const { actor, ref } = await one(t);
  await actor.call.setFields({ n: 0 });
  const add = () => sys.replaceState(ref, (state) => ({ n: (state as { n: number }).n + 1 }));
  await Promise.all([add(), add(), add()]);
  t.match(await sys.getState(ref), { n: 3 });
});

t.test("a change that throws leaves the state and the actor alone", async (t) => {
  const { actor, ref } = await one(t);
  await actor.call.setFields({ n: 1 });
  const bad = () => {
    throw new RangeError("no");
  };
  await t.rejects(sys.replaceState(ref, bad), { message: "no" });
  t.match(await sys.getState(ref), { n: 1 });
});

t.test("a state that is not given back in time is lost to its borrower, and the actor goes on", async (t) => {
  const { actor, ref } = await one(t);
  await actor.call.setFields({ n: 1 });
  const slow = (state: unknown) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    return { ...(state as object), n: 2 };
  };
  await t.rejects(sys.replaceState(ref, slow, { timeoutMs: 50 }), { code: "ERR_CALL_TIMEOUT" });
  t.match(await sys.getState(ref), { n: 1 });
});

t.test("suspend and resume hold an actor of another thread up and let it go on", async (t) => {
  const { actor, ref } = await one(t);
  await sys.suspend(ref);
  const call = actor.call.echo("late");
  t.match(await sys.glance(ref), { condition: "suspended", messagesWaiting: 1 });
  await t.rejects(actor.within(20).call.echo(1), { code: "ERR_CALL_TIMEOUT" });
  await sys.resume(ref);
  t.equal(await call, "late");
});

t.test("statistics are counted where the actor lives", async (t) => {
  const { actor, ref } = await one(t);
  t.equal(await sys.statistics(ref), "no_statistics");
  await sys.statistics(ref, true);
  await actor.call.echo(1);
  t.match(await sys.statistics(ref), { messagesIn: 1, messagesOut: 1, reductions: 1 });
});

t.test("a trace shows what an actor of another thread does until it is ended, or throws", async (t) => {
  const { actor, ref } = await one(t);
  for (const ends of ["ended", "thrown"]) {
    const seen: TraceEvent[] = [];
    const end = await sys.trace(ref, (event) => {
      if (ends === "thrown" && seen.length === 2) throw new Error("enough");
      seen.push(event);
    });
    await actor.call.echo([ref]);
    await eventually(() => seen.length === 2);
    t.match(seen, [
      { type: "in", message: { type: "call", method: "echo" } },
      { type: "out", method: "echo" },
    ]);
    t.equal(seen[0]?.ref, ref);
    if (ends === "ended") end();
    else await actor.call.echo(1);
    await sys.suspend(ref).then(() => sys.resume(ref));
    await actor.call.echo(2);
    await sys.getState(ref);
    t.equal(seen.length, 2);
  }
});

t.test("glance asks the thread and not the actor, which may be busy; peek cannot", async (t) => {
  const { actor, ref } = await one(t);
  actor.call.never().catch(() => {});
  actor.cast.note(1);
  const glance = await eventually(async () => {
    const seen = await sys.glance(ref);
    return seen.condition === "busy" ? seen : undefined;
  });
  t.match(glance, { inHand: { method: "never" }, messagesWaiting: 1 });
  t.equal(glance.ref, ref);
  t.throws(() => sys.peek(ref), { code: "ERR_UNSUPPORTED", message: /glance/ });
});

t.test("requests to an actor that is gone reject as calls do, those of a thread that is stuck in time", async (t) => {
  const tree = await startResidents([
    starter("a", "own", { restart: "temporary" }),
    starter("b", "own", { shutdown: "brutal_kill" }),
  ]);
  t.teardown(() => tree.stop());
  const [a, b] = [find<Starter>(tree, "a"), find<Starter>(tree, "b")];
  await a.call.leave("normal");
  await t.rejects(sys.getState(a as never), { code: "ERR_NOPROC" });
  await spin(b);
  await t.rejects(sys.glance(b as never, { timeoutMs: 50 }), { code: "ERR_CALL_TIMEOUT" });
});
