import { subscribe, unsubscribe } from "node:diagnostics_channel";
import t, { type Test } from "tap";
import { Actor } from "#src/actors/actor.js";
import { stopActor, whenEnded } from "#src/actors/exit-actor.js";
import type { Info } from "#src/actors/info.js";
import type { DeadLetter } from "#src/actors/mailbox-bound.js";
import { ProcessActor, type ProcessSpec } from "#src/actors/process-actor.js";
import { mailboxLength } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { type Gate, gate } from "../support/actors.js";
import { waitsForPipe } from "../support/proc.js";

const sh = (script: string): ProcessSpec => ({ argv: ["/bin/sh", "-c", script] });
const hold = (spec: ProcessSpec) =>
  startActor(null, { class: ProcessActor, args: [spec] }) as Promise<ActorRef<ProcessActor>>;

/** Takes values one at a time, each behind a gate if it was given one. */
class Taker extends Actor {
  readonly #taken: unknown[] = [];
  #gate: Gate | undefined;
  override init(gate?: Gate): void {
    this.#gate = gate;
  }
  override async handleInfo(message: Info): Promise<void> {
    this.#taken.push(message);
    await this.#gate?.passed;
  }
  async take(value: unknown): Promise<void> {
    this.#taken.push(value);
    await this.#gate?.passed;
  }
  taken(): unknown[] {
    return [...this.#taken];
  }
}

const taker = (gate?: Gate) => startActor(null, { class: Taker, args: [gate] }) as Promise<ActorRef<Taker>>;

/** Dead letters from now on, of the given actor. */
function deadLetters(t: Test): (ref: ActorRef<ProcessActor>) => DeadLetter[] {
  const letters: DeadLetter[] = [];
  const keep = (letter: unknown) => letters.push(letter as DeadLetter);
  subscribe("copal:dead-letter", keep);
  t.teardown(() => unsubscribe("copal:dead-letter", keep));
  return (ref) => letters.filter((letter) => letter.ref === (ref as ActorRef<unknown>));
}

t.test("a line that is not JSON is counted and told, and a method never hears of it", async (t) => {
  const letters = deadLetters(t);
  const receiver = await taker();
  const forward = [{ resolve: () => receiver, as: "json", method: "take", stream: "stdout" }] as const;
  const process = await hold({ ...sh(`printf '1\\nnope\\n\\n{"a":2}\\n'; exec sleep 1000`), forward });
  await eventually(async () => (await receiver.call.taken()).length === 2);
  t.strictSame(await receiver.call.taken(), [1, { a: 2 }]);
  t.match(await process.call.status(), { malformedMessages: 1, droppedMessages: 0 });
  t.match(letters(process), [{ dropped: 1, message: { type: "malformed", problem: /^a line is not JSON: / } }]);
  await stopActor(process);
});

t.test("a line of JSON that is too long is one malformed line, however long it is", async (t) => {
  const receiver = await taker();
  const forward = [{ resolve: () => receiver, as: "json", stream: "stdout", maxBytes: 1_000 }] as const;
  const process = await hold({ ...sh("head -c 5000000 /dev/zero; echo; echo 7; exec sleep 1000"), forward });
  await eventually(async () => (await receiver.call.taken()).length === 2);
  t.match(await receiver.call.taken(), [{ type: "malformed", problem: /longer than 1000 bytes/ }, { value: 7 }]);
  await stopActor(process);
});

for (const [what, argv, as] of [
  ["values", ["yes", "7"], "json"],
  ["malformed lines", ["yes", "nope"], "json"],
  ["lines", ["yes"], "lines"],
] as const) {
  t.test(`a receiver that is slow holds up a flood of ${what}, and its mailbox stays small`, async (t) => {
    const held = gate();
    const receiver = await taker(held);
    const forward = [{ resolve: () => receiver, as, stream: "stdout" }] as const;
    const process = await hold({ argv, forward, windowBytes: { stdout: 10_000 } });
    const { osPid } = await process.call.status();
    const waiting = () => mailboxLength(receiver as ActorRef<unknown> as ActorRef);
    await eventually(() => waiting() > 100 && waitsForPipe(osPid));
    t.ok(waiting() <= 5_000, `${waiting()} messages of two bytes and more`);
    held.open();
    await stopActor(process, { shutdown: "brutal_kill" });
  });
}

t.test("output without a receiver is counted and told, and the next receiver gets the rest", async (t) => {
  const letters = deadLetters(t);
  let receiver: ActorRef<Taker> | undefined;
  const resolve = () => receiver as ActorRef<unknown> as ActorRef | undefined;
  const forward = [{ resolve, as: "lines", method: "take" }] as const;
  const process = await hold({ ...sh("while read line; do echo $line; done"), forward });
  await process.call.write("one\n");
  await eventually(async () => (await process.call.status()).droppedMessages === 1);
  receiver = await taker();
  await process.call.write("two\n");
  await eventually(async () => (await receiver?.call.taken())?.length === 1);
  await stopActor(receiver as ActorRef<unknown> as ActorRef);
  receiver = await taker();
  await process.call.write("three\n");
  await eventually(async () => (await receiver?.call.taken())?.length === 1);
  t.strictSame(await receiver.call.taken(), ["three"]);
  t.match(letters(process), [{ message: { type: "line", line: "one" } }]);
  await stopActor(process);
});

t.test("a bounded mailbox that lets senders wait loses no line of a method's", async (t) => {
  const receiver: ActorRef<Taker> = await startActor(null, {
    class: Taker,
    mailbox: { capacity: 2, overflow: "block" },
  });
  const forward = [{ resolve: () => receiver as ActorRef<unknown> as ActorRef, as: "lines", method: "take" }] as const;
  const process = await hold({ ...sh("seq 1000; exec sleep 1000"), forward });
  const lines = await eventually(async () => {
    const taken = await receiver.call.taken();
    return taken.length >= 1_000 && taken;
  });
  t.strictSame(
    lines,
    Array.from({ length: 1_000 }, (_, index) => `${index + 1}`),
  );
  t.match(await process.call.status(), { droppedMessages: 0 });
  await stopActor(process);
});

t.test("a receiver that lacks the method refuses each line and goes on", async (t) => {
  const receiver = await taker();
  const forward = [{ resolve: () => receiver, as: "lines", method: "nothing" }] as const;
  const process = await hold({ ...sh("echo a; echo b; exec sleep 1000"), forward });
  await eventually(async () => (await process.call.status()).droppedMessages === 2);
  t.strictSame(await receiver.call.taken(), []);
  await stopActor(process);
});

t.test("stderr that is merged comes as stdout, in the order in which it was written", async (t) => {
  const receiver = await taker();
  const forward = [{ resolve: () => receiver, as: "lines", method: "take" }] as const;
  const process = await hold({ ...sh("echo a; echo b >&2; echo c"), mergeStderr: true, forward });
  await whenEnded(process);
  t.strictSame(await receiver.call.taken(), ["a", "b", "c"]);
});
