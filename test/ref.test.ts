import { inspect } from "node:util";
import t from "tap";
import { startActor } from "#src/actors/start-actor.js";
import { type ActorRef, isActorRef } from "#src/ref.js";
import { Counter } from "./support/actors.js";

t.test("a ref is plain data that survives a structured clone", async (t) => {
  const ref = await startActor(null, { class: Counter, name: "plain" });
  t.strictSame(structuredClone(ref), { id: ref.id, thread: 0, name: "plain" });
  t.equal(isActorRef(ref), true);
  t.equal(isActorRef(structuredClone(ref)), false);
});

t.test("call and its functions are made once", async (t) => {
  const ref = await startActor(null, { class: Counter });
  t.equal(ref.call, ref.call);
  t.equal(ref.call.add, ref.call.add);
  const { add } = ref.call;
  t.equal(await add(2), 2);
});

t.test("call can be awaited, printed and spread without sending anything", async (t) => {
  const ref = await startActor(null, { class: Counter });
  t.equal(await ref.call, ref.call);
  t.type(inspect(ref.call), "string");
  t.strictSame({ ...ref.call }, {});
});

t.test("a ref of a known actor goes where any ref does, and types follow", async (t) => {
  const ref = await startActor(null, { class: Counter });
  const any: ActorRef = ref;
  const sum: Promise<number> = ref.call.add(1);
  // @ts-expect-error a wrong argument
  ref.cast.add("x");
  // @ts-expect-error a callback is no message
  await t.rejects(ref.call.init(), { code: "ERR_NO_METHOD" });
  t.equal(await sum, 1);
  t.equal(any.id, ref.id);
});
