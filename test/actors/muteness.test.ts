/**
 * After its end nothing of an actor speaks: what its code says through refs once it has ended, and what of its code is not known to be its own.
 */
import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { processGroups } from "#src/actors/process-groups.js";
import { startActor } from "#src/actors/start-actor.js";
import { stop } from "#src/actors/stop.js";
import { type ActorRef, floor } from "#src/ref.js";
import { type Gate, gate, type Puppet, puppet } from "../support/actors.js";

/** What becomes of something said. */
type Said = "said" | { readonly code: string };

/** Says things through refs that it was given, each when a gate opens, and notes in `said` what became of it. */
class Speaker extends Actor {
  async afterGate(opens: Gate, speak: () => unknown, said: Gate<Said>, begun?: Gate): Promise<void> {
    begun?.open();
    await opens.passed;
    await this.#note(speak, said);
  }

  float(opens: Gate, speak: () => unknown, said: Gate<Said>): void {
    void opens.passed.then(() => this.#note(speak, said));
  }

  lend(speak: () => unknown): () => unknown {
    return speak;
  }

  onTimer(speak: () => unknown, said: Gate<Said>): void {
    setTimeout(() => this.#note(speak, said));
  }

  async #note(speak: () => unknown, said: Gate<Said>): Promise<void> {
    try {
      await speak();
      said.open("said");
    } catch (error) {
      said.open(error as { code: string });
    }
  }
}

function speaker(): Promise<ActorRef<Speaker>> {
  return startActor(null, { class: Speaker });
}

/** Kills `ref` while it waits to `speak`, lets it go on, and gives what became of it. */
async function lastWords(ref: ActorRef<Speaker>, speak: () => unknown): Promise<Said> {
  const [begun, opens, said] = [gate(), gate(), gate<Said>()];
  ref.cast.afterGate(opens, speak, said, begun);
  await begun.passed;
  exitActor(ref, "kill");
  await whenEnded(ref);
  opens.open();
  return said.passed;
}

const ways: Record<string, (ref: ActorRef<Puppet>) => unknown> = {
  "a call": (ref) => ref.call.seen(),
  "a call with a limit of its own": (ref) => ref.within(100).call.seen(),
  "a cast": (ref) => ref.cast.seen(),
  "a send": (ref) => ref.send("hello"),
  "an exit signal": (ref) => exitActor(ref, "kill"),
  "a stop": (ref) => stop(ref),
};
for (const [what, speak] of Object.entries(ways)) {
  t.test(`${what} of an actor that was killed inside an await throws ERR_ACTOR_EXIT, and reaches nobody`, async (t) => {
    const [ref, other] = [await speaker(), await puppet()];
    const said = await lastWords(ref, () => speak(other));
    t.match(said, { code: "ERR_ACTOR_EXIT", reason: "killed", ref });
    t.strictSame(await other.call.seen(), []);
  });
}

t.test("what an actor lets run on without waiting for it is mute after its end too", async (t) => {
  const [ref, other] = [await speaker(), await puppet()];
  const [opens, said] = [gate(), gate<Said>()];
  await ref.call.float(opens, () => other.send("hello"), said);
  await stop(ref);
  opens.open();
  t.match(await said.passed, { code: "ERR_ACTOR_EXIT", reason: "normal" });
  t.strictSame(await other.call.seen(), []);
});

t.test("an actor that lives says what it likes after any await", async (t) => {
  const [ref, other] = [await speaker(), await puppet()];
  const [opens, said] = [gate(), gate<Said>()];
  const talking = ref.call.afterGate(opens, () => other.send("hello"), said);
  opens.open();
  await talking;
  t.equal(await said.passed, "said");
  t.match(await other.call.seen(), [{ message: "hello" }]);
});

t.test("terminate may still speak, after an await as well; cut short by a kill it may not", async (t) => {
  const [one, two, other] = [await puppet(), await puppet(), await puppet()];
  const [begun, late] = [gate(), gate()];
  const refused = gate<unknown>();
  await one.call.onTerminate(async () => {
    await null;
    other.send("goodbye");
  });
  await two.call.onTerminate(async () => {
    begun.open();
    await late.passed;
    try {
      other.send("too late");
    } catch (error) {
      refused.open(error);
    }
  });
  await stop(one);
  const stopping = stop(two).catch(() => {});
  await begun.passed;
  exitActor(two, "kill");
  await whenEnded(two);
  late.open();
  t.match(await refused.passed, { code: "ERR_ACTOR_EXIT", reason: "killed" });
  await stopping;
  t.match(await other.call.seen(), [{ message: "goodbye" }]);
});

t.test("code of others is not muted: a function that an ended actor gave away speaks for who calls it", async (t) => {
  const [ref, other] = [await speaker(), await puppet()];
  const speak = (await ref.call.lend(() => other.send("hello"))) as () => unknown;
  await stop(ref);
  speak();
  t.match(await other.call.seen(), [{ message: "hello" }]);
});

t.test("who waits for a promise that an ended actor settles is not muted", async (t) => {
  const [ref, listener, other] = [await speaker(), await speaker(), await puppet()];
  const [begun, done, said] = [gate(), gate(), gate<Said>()];
  listener.cast.afterGate(done, () => other.send("hello"), said, begun);
  await begun.passed;
  await lastWords(ref, () => done.open());
  t.equal(await said.passed, "said");
  t.equal(floor.speaker, undefined);
});

t.test("not promised: what a plain callback says, of a timer or a listener, is nobody's, and is said", async (t) => {
  const [ref, other] = [await speaker(), await puppet()];
  const said = gate<Said>();
  await ref.call.onTimer(() => other.send("hello"), said);
  exitActor(ref, "kill");
  await whenEnded(ref);
  t.equal(await said.passed, "said");
  t.match(await other.call.seen(), [{ message: "hello" }]);
});

t.test("a rejected call of an ended actor that nobody looks at is no unhandled rejection", async (t) => {
  const [ref, other] = [await speaker(), await puppet()];
  const speak = () => {
    void other.call.seen();
  };
  t.equal(await lastWords(ref, speak), "said");
  await new Promise((resolve) => setImmediate(resolve));
});

t.test("a group tells its watchers whoever makes it speak", async (t) => {
  const [ref, other, member] = [await speaker(), await puppet(), await puppet()];
  const groups = processGroups("muteness");
  groups.monitor("watched", other);
  t.equal(await lastWords(ref, () => groups.join("watched", member)), "said");
  t.match(await other.call.seen(), [{ message: { type: "join", members: [member] } }]);
});
