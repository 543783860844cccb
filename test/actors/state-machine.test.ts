import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import { StateMachine, type StateMethods } from "#src/actors/state-machine.js";
import { action, type MachineEvent } from "#src/actors/state-machine-event.js";
import * as sys from "#src/actors/sys.js";
import type { ExitReason } from "#src/exit.js";
import { gate, settle } from "../support/actors.js";
import { machine, play } from "../support/scripted-machine.js";

interface DoorMessages {
  enter(code: string): "open" | "wrong";
  push(): void;
  pushed(): Promise<number>;
}

type DoorState = "locked" | "open";
type DoorEvent = MachineEvent<DoorState, DoorMessages>;

class Door
  extends StateMachine<DoorState, { pushed: number }, DoorMessages>
  implements StateMethods<DoorState, { pushed: number }, DoorMessages>
{
  ended: ExitReason | undefined;

  override init(...[code]: [string]) {
    this.#code = code;
    return this.next("locked", { pushed: 0 });
  }

  #code = "";

  locked(event: DoorEvent, data: { pushed: number }) {
    if (event.type === "call" && event.method === "enter") {
      const isRight = event.args[0] === this.#code;
      if (!isRight) return this.keep(action.reply(event.from, "wrong"));
      return this.next("open", data, action.reply(event.from, "open"), action.stateTimeout(100));
    }
    return this.keep(action.postpone);
  }

  open(event: DoorEvent, data: { pushed: number }) {
    if (event.type === "stateTimeout") return this.next("locked", data);
    if (event.type === "cast") return this.keepState({ pushed: data.pushed + 1 });
    if (event.type === "call" && event.method === "pushed") return this.keep(action.reply(event.from, data.pushed));
    return this.keep();
  }
}

const door = () => startActor(null, { class: Door, args: ["1234"] });

t.test(
  "each state's method handles the events of its state, and a ref is typed by the machine's messages",
  async (t) => {
    const ref = await door();
    const answer: "open" | "wrong" = await ref.call.enter("0000");
    t.equal(answer, "wrong");
    t.equal(await ref.call.enter("1234"), "open");
    ref.cast.push();
    t.equal(await ref.call.pushed(), 1);
  },
);

t.test("a call can be postponed and is answered in another state", async (t) => {
  const ref = await door();
  ref.cast.push();
  const pushed = ref.call.pushed();
  await ref.call.enter("1234");
  t.equal(await pushed, 1);
});

t.test("a machine is introspected and changed as its state and data", async (t) => {
  const ref = await door();
  t.strictSame(await sys.getState(ref), { state: "locked", data: { pushed: 0 } });
  await sys.replaceState(ref, () => ({ state: "open", data: { pushed: 41 } }));
  ref.cast.push();
  t.equal(await ref.call.pushed(), 42);
});

t.test("a call that is not answered fails when the machine ends, postponed or not", async (t) => {
  const { ref } = await machine((line, { keep }) => (line === "a call p" ? keep(action.postpone) : undefined));
  const calls = [ref.call.say("p"), ref.call.say("q")];
  await settle();
  exitActor(ref, "shutdown");
  for (const call of calls) await t.rejects(call, { code: "ERR_ACTOR_EXIT", reason: "shutdown" });
});

t.test("stopAndReply answers before the end, and terminate knows the state", async (t) => {
  const { ref, trace } = await machine((_line, { stop }, event) =>
    event.type === "call" ? stop("shutdown", action.reply(event.from, "bye")) : undefined,
  );
  t.equal(await ref.call.say("x"), "bye");
  t.equal(await whenEnded(ref), "shutdown");
  t.strictSame(trace, ["a call x", "a terminate shutdown"]);
});

t.test("an error in a callback ends the machine, and so does a result that is no transition", async (t) => {
  const thrower = await machine(() => {
    throw new RangeError("no");
  });
  await t.rejects(thrower.ref.call.say("x"), { code: "ERR_ACTOR_EXIT", reason: { error: { name: "RangeError" } } });
  const confused = await machine(() => "what" as never);
  await t.rejects(confused.ref.call.say("x"), { code: "ERR_ACTOR_EXIT", reason: { error: { name: "TypeError" } } });
  t.match(confused.trace[1], /^a terminate error TypeError: a state's callback/);
});

t.test("an enter event can neither change the state nor postpone nor insert", async (t) => {
  for (const wrong of [
    ["to", (m: { to(s: string): unknown }) => m.to("c")],
    ["postpone", (m: { keep(a: unknown): unknown }) => m.keep(action.postpone)],
    ["nextEvent", (m: { keep(a: unknown): unknown }) => m.keep(action.nextEvent({ type: "internal", content: 1 }))],
  ] as const) {
    const { ref, trace } = await machine(
      (line, hands) =>
        (line === "b enter a" ? wrong[1](hands as never) : line === "a cast go" ? hands.to("b") : undefined) as never,
      true,
    );
    ref.cast.say("go");
    t.match(await whenEnded(ref), { error: { name: "TypeError" } }, wrong[0]);
    t.match(trace.at(-1), /^b terminate/);
  }
});

t.test("the start is complete before the enter event, which comes before any message", async (t) => {
  const { ref, trace } = await machine((line) => {
    if (line === "a enter a") throw new Error("too late to fail the start");
    return undefined;
  }, true);
  await whenEnded(ref);
  t.match(trace, ["a enter a", /terminate error/]);
});

t.test("a start fails if init stops the machine", async (t) => {
  class Unwilling extends StateMachine {
    override init() {
      return this.stop({ shutdown: "not today" });
    }
  }
  await t.rejects(startActor(null, { class: Unwilling }), { code: "ERR_START", reason: { shutdown: "not today" } });
});

t.test("an async callback holds back every other event until it settles", async (t) => {
  const held = gate();
  const { ref, trace } = await machine((line, { keep, to }) =>
    line === "a cast slow" ? held.passed.then(() => to("b", action.stateTimeout(0, "s"))) : keep(),
  );
  ref.cast.say("slow");
  ref.cast.say("next");
  await settle();
  t.strictSame(trace, ["a cast slow"]);
  held.open();
  await settle();
  t.strictSame(trace, ["a cast slow", 'b stateTimeout "s"'.replaceAll('"', ""), "b cast next"]);
});

t.test("a time-out that was called off does not come, even if its time was up", async (t) => {
  const { ref, trace, clock } = await machine((line, { keep, to }) => {
    if (line === "a cast slow") {
      clock.advance(30);
      return to("b");
    }
    return line === "a cast go" ? keep(action.stateTimeout(10, "s"), action.timeout("n", 10, "n")) : undefined;
  });
  ref.cast.say("go");
  ref.cast.say("slow");
  ref.cast.say("m");
  await settle();
  t.strictSame(trace, ["a cast go", "a cast slow", "b cast m", "b timeout:n n"]);
});

t.test("a machine that inserts events without end leaves others their turn", async (t) => {
  const { ref, trace } = await machine((line, { keep }) =>
    line === "a cast go" || line === "a internal i"
      ? keep(action.nextEvent({ type: "internal", content: "i" }))
      : undefined,
  );
  ref.cast.say("go");
  await new Promise((resolve) => setImmediate(resolve));
  exitActor(ref, "kill");
  t.equal(await whenEnded(ref), "killed");
  t.ok(trace.length > 64);
});

t.test("refuse rejects the caller and keeps the state", async (t) => {
  class Picky extends StateMachine<"only", undefined, { ask(): void }> {
    override init() {
      return this.next("only", undefined);
    }
    only() {
      return this.refuse(new RangeError("not now"));
    }
  }
  const ref = await startActor(null, { class: Picky });
  await t.rejects(ref.call.ask(), { message: "not now" });
  t.strictSame(await sys.getState(ref), { state: "only", data: undefined });
});

t.test("what is sent, and exits and downs, are info events", async (t) => {
  const { ref, trace } = await machine(() => undefined);
  ref.send("hello");
  await settle();
  t.strictSame(trace, ["a info hello"]);
});

t.test("a time-out of no sensible time is refused where it is made", async (t) => {
  t.throws(() => action.stateTimeout(-1), RangeError);
  t.throws(() => action.timeout("n", Number.NaN), RangeError);
});

t.test("a state that has no method ends the machine", async (t) => {
  class Lost extends StateMachine<string> {
    override init() {
      return this.next("handleInfo", undefined);
    }
  }
  const ref = await startActor(null, { class: Lost });
  ref.send("x");
  t.match(await whenEnded(ref), { error: { message: /no method for its state handleInfo/ } });
});

t.test("a time-out that replaces one of no time which is still to come does come (OTP 25 loses it)", async (t) => {
  const trace = await play((line, { keep }) => {
    if (line === "a cast go") {
      return keep(action.stateTimeout(0, "zero"), action.nextEvent({ type: "internal", content: "i" }));
    }
    return line === "a internal i" ? keep(action.stateTimeout(20, "real")) : undefined;
  });
  t.strictSame(trace, ["a cast go", "a internal i", "a stateTimeout real"]);
});

t.test("the end of a machine calls off its time-outs", async (t) => {
  const { ref, clock } = await machine((_line, { keep }) => keep(action.stateTimeout(10), action.timeout("n", 20)));
  ref.cast.say("go");
  await settle();
  t.equal(clock.timers, 2);
  exitActor(ref, "shutdown");
  await whenEnded(ref);
  t.equal(clock.timers, 0);
});
