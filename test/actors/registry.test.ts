import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { Registry } from "#src/actors/registry.js";
import { startActor } from "#src/actors/start-actor.js";
import { via } from "#src/actors/via.js";
import type { ExitReason } from "#src/exit.js";
import { Counter, doing, Puppet, puppet } from "../support/actors.js";

const unique = () => new Registry<string, number>({ keys: "unique" });
const duplicate = () => new Registry<string, number>({ keys: "duplicate" });

t.test("a unique key has one actor, and who comes second learns who has it", async (t) => {
  const registry = unique();
  const [one, other] = [await puppet(), await puppet()];
  registry.register("k", one, 1);
  t.throws(() => registry.register("k", other, 2), { code: "ERR_ALREADY_STARTED", ref: one });
  t.throws(() => registry.register("k", one, 2), { code: "ERR_ALREADY_STARTED", ref: one });
  t.strictSame(registry.lookup("k"), [{ ref: one, value: 1 }]);
  t.equal(registry.whereis("k"), one);
});

t.test("a duplicate key has any number of entries, in the order in which they came", async (t) => {
  const registry = duplicate();
  const [one, other] = [await puppet(), await puppet()];
  registry.register("k", one, 1);
  registry.register("k", other, 2);
  registry.register("k", one, 3);
  registry.register("l", one, 4);
  t.strictSame(
    registry.lookup("k").map(({ value }) => value),
    [1, 2, 3],
  );
  t.strictSame(registry.keys(one), ["k", "k", "l"]);
  t.strictSame(registry.values("k", one), [1, 3]);
  t.equal(registry.count(), 4);
  t.strictSame(
    registry.match("k", (value) => value > 1).map(({ value }) => value),
    [2, 3],
  );
  t.equal(
    registry.countMatch("k", (value) => value > 1),
    2,
  );
});

t.test("unregister takes an actor's own entries, and nothing if there are none", async (t) => {
  const registry = duplicate();
  const [one, other] = [await puppet(), await puppet()];
  registry.register("k", one, 1);
  registry.register("k", one, 2);
  registry.register("k", other, 3);
  registry.unregisterMatch("k", one, (value) => value === 2);
  registry.unregister("k", one);
  registry.unregister("k", one);
  t.strictSame(registry.lookup("k"), [{ ref: other, value: 3 }]);
  registry.unregister("k");
  t.equal(registry.count(), 0);
});

t.test("an owner's entries are gone before anyone sees its DOWN", async (t) => {
  const registry = unique();
  const owner = await puppet();
  let seen: unknown;
  class Watcher extends Puppet {
    override handleInfo(): void {
      seen = registry.lookup("k");
    }
  }
  const watcher = await startActor(null, { class: Watcher });
  await doing(watcher, (hands) => hands.monitor(owner));
  registry.register("k", owner, 1);
  exitActor(owner, "kill");
  await whenEnded(owner);
  await doing(watcher, () => {});
  t.strictSame(seen, []);
  registry.register("k", watcher, 2);
});

t.test("the dead are not registered", async (t) => {
  const dead = await puppet();
  exitActor(dead, "kill");
  await whenEnded(dead);
  t.throws(() => unique().register("k", dead), { code: "ERR_NOPROC" });
});

t.test("updateValue replaces the value of a key one has, and gives both", async (t) => {
  const registry = unique();
  const [one, other] = [await puppet(), await puppet()];
  registry.register("k", one, 1);
  t.strictSame(
    registry.updateValue("k", one, (value) => value + 1),
    { value: 2, old: 1 },
  );
  t.equal(
    registry.updateValue("k", other, (value) => value + 1),
    undefined,
  );
  t.throws(() => duplicate().updateValue("k", one, (value) => value), { code: "ERR_UNSUPPORTED" });
});

t.test("dispatch gives all entries at once, and is silent where there are none", async (t) => {
  const registry = duplicate();
  const [one, other] = [await puppet(), await puppet()];
  registry.register("news", one);
  registry.register("news", other);
  registry.dispatch("news", (entries) => {
    for (const { ref } of entries) ref.send("extra");
  });
  registry.dispatch("nothing", () => t.fail("there is nobody"));
  t.strictSame(await other.call.seen(), [{ type: "info", message: "extra" }]);
});

t.test("meta is the registry's own", async (t) => {
  const registry = unique();
  registry.putMeta("k", 1);
  t.equal(registry.meta("k"), 1);
  t.strictSame(registry.lookup("k"), []);
  registry.deleteMeta("k");
  t.equal(registry.meta("k"), undefined);
});

t.test("listeners hear of what comes and goes, by an end as well", async (t) => {
  const listener = await puppet();
  const registry = new Registry<string, number>({ keys: "unique", listeners: [listener, via(unique(), "nobody")] });
  const owner = await puppet();
  registry.register("k", owner, 1);
  exitActor(owner, "kill");
  await whenEnded(owner);
  t.strictSame(await listener.call.seen(), [
    { type: "info", message: { type: "register", registry, key: "k", ref: owner, value: 1 } },
    { type: "info", message: { type: "unregister", registry, key: "k", ref: owner } },
  ]);
});

t.test("an actor started under a key has it in its init and is spoken to by it", async (t) => {
  const registry = unique();
  let inInit: unknown;
  class Named extends Counter {
    override init(): void {
      inInit = registry.whereis("k") === this.self;
    }
  }
  const address = via<Counter, string>(registry, "k");
  const ref = await startActor(null, { class: Named, name: address });
  t.equal(inInit, true);
  t.equal(address.whereis(), ref);
  t.equal(await address.call.add(2), 2);
  await t.rejects(startActor(null, { class: Counter, name: address }), { code: "ERR_ALREADY_STARTED", ref });
  exitActor(ref, "kill");
  await whenEnded(ref);
  await t.rejects(address.call.add(2), { code: "ERR_NOPROC" });
});

t.test("a start under a key whose registry refuses fails before init", async (t) => {
  const refusing = {
    register: () => {
      throw new RangeError("full");
    },
    unregister: () => {},
    whereis: () => undefined,
    send: () => {},
  };
  class Never extends Counter {
    override init(): void {
      t.fail("init ran");
    }
  }
  const reason = { error: { name: "RangeError", message: "full" } } as ExitReason;
  await t.rejects(startActor(null, { class: Never, name: via(refusing, 1) }), { code: "ERR_START", reason });
});

t.test("a failed start leaves its key free", async (t) => {
  const registry = unique();
  const failing = startActor(null, {
    class: Puppet,
    args: [() => Promise.reject(new Error("no"))],
    name: via(registry, "k"),
  });
  t.not(registry.whereis("k"), undefined);
  await t.rejects(failing, { code: "ERR_START" });
  t.equal(registry.whereis("k"), undefined);
});

t.test("keys that are not unique address nobody", async (t) => {
  t.throws(() => duplicate().whereis("k"), { code: "ERR_UNSUPPORTED" });
  t.throws(() => duplicate().send("k", 1), { code: "ERR_UNSUPPORTED" });
});
