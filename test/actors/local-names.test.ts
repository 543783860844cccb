import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { localNames, nameOf, register, unregister, whereis } from "#src/actors/local-names.js";
import { startActor } from "#src/actors/start-actor.js";
import { via } from "#src/actors/via.js";
import { Counter, puppet } from "../support/actors.js";

t.test("a name is an actor's until it ends or is unregistered", async (t) => {
  const ref = await puppet();
  register("n1", ref);
  t.equal(whereis("n1"), ref);
  t.equal(nameOf(ref), "n1");
  unregister("n1");
  t.equal(whereis("n1"), undefined);
  register("n2", ref);
  exitActor(ref, "kill");
  await whenEnded(ref);
  t.equal(whereis("n2"), undefined);
});

t.test(
  "register refuses a name that is taken, a second name, and the dead; unregister a name nobody has",
  async (t) => {
    const [one, other, dead] = [await puppet(), await puppet(), await puppet()];
    register("taken", one);
    t.throws(() => register("taken", other), { code: "ERR_ALREADY_STARTED", ref: one });
    t.throws(() => register("taken", one), { code: "ERR_ALREADY_STARTED" });
    t.throws(() => register("second", one), { code: "ERR_ALREADY_STARTED", name: "taken" });
    exitActor(dead, "kill");
    await whenEnded(dead);
    t.throws(() => register("late", dead), { code: "ERR_NOPROC" });
    t.throws(() => unregister("nobody"), { code: "ERR_NOPROC" });
  },
);

t.test("the name an actor was started under can be taken from it and given to another", async (t) => {
  const first = await startActor(null, { class: Counter, name: "passed-on" });
  const second = await startActor(null, { class: Counter });
  unregister("passed-on");
  register("passed-on", second);
  register("other-name", first);
  exitActor(first, "kill");
  await whenEnded(first);
  t.equal(whereis("passed-on"), second);
});

t.test("a name that was given after the start cannot be started under", async (t) => {
  register("given", await puppet());
  await t.rejects(startActor(null, { class: Counter, name: "given" }), { code: "ERR_ALREADY_STARTED" });
});

t.test("an address by name reaches whoever has the name now", async (t) => {
  const counter = via<Counter, string>(localNames(), "by-name");
  await t.rejects(counter.call.add(1), { code: "ERR_NOPROC" });
  t.throws(() => counter.send("x"), { code: "ERR_NOPROC" });
  counter.cast.add(1);
  const first = await startActor(null, { class: Counter, name: "by-name" });
  t.equal(await counter.call.add(1), 1);
  exitActor(first, "kill");
  await whenEnded(first);
  const second = await startActor(null, { class: Counter, name: "by-name" });
  t.equal(counter.whereis(), second);
  t.equal(await counter.within(100).call.add(5), 5);
});

t.test("a name is a text that is not empty", async (t) => {
  const ref = await puppet();
  for (const wrong of [undefined, "", 1, null]) t.throws(() => register(wrong as string, ref), TypeError);
  t.equal(nameOf(ref), undefined);
});
