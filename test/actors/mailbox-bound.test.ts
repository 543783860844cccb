/**
 * Mailboxes with a limit: what is dropped, who hears of it, what is never dropped.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import t, { type Test } from "tap";
import type { DeadLetter } from "#src/actors/mailbox-bound.js";
import { glance, resume, suspend } from "#src/actors/sys.js";
import { start } from "#src/app/tree.js";
import { eventually } from "#src/testing/eventually.js";
import { find, resident, startResidents } from "../support/resident.js";

type Overflow = "reject" | "dropOldest" | "dropNewest" | "block";
const limited = (overflow: Overflow, thread: "main" | "own" = "main") =>
  resident("a", thread, { mailbox: { capacity: 3, overflow }, restart: "temporary" });

const kept: Record<Overflow, number[]> = {
  reject: [1, 2, 3],
  dropNewest: [1, 2, 3],
  dropOldest: [3, 4, 5],
  block: [1, 2, 3],
};
for (const [overflow, expected] of Object.entries(kept) as [Overflow, number[]][]) {
  t.test(
    `${overflow} keeps ${expected.join(", ")} of five casts to a mailbox for three, and the sender hears nothing`,
    async (t) => {
      await using tree = await startResidents([limited(overflow)]);
      const a = find(tree, "a");
      for (let i = 1; i <= 5; i++) a.cast.note(i);
      t.strictSame(await new Promise((resolve) => setImmediate(() => resolve(a.call.heard()))), expected);
    },
  );
}

t.test("a call too many rejects with ERR_MAILBOX_FULL, the oldest one where that is dropped", async (t) => {
  await using tree = await startResidents([limited("reject")]);
  const a = find(tree, "a");
  const calls = [1, 2, 3, 4].map((n) => a.call.echo(n));
  await t.rejects(calls[3] as Promise<unknown>, { code: "ERR_MAILBOX_FULL", capacity: 3, ref: a });
  t.strictSame(await Promise.all(calls.slice(0, 3)), [1, 2, 3]);
});

t.test("dropOldest rejects the call that has waited longest", async (t) => {
  await using tree = await startResidents([limited("dropOldest")]);
  const [first, ...rest] = [1, 2, 3, 4].map((n) => find(tree, "a").call.echo(n));
  await t.rejects(first as Promise<unknown>, { code: "ERR_MAILBOX_FULL" });
  t.strictSame(await Promise.all(rest), [2, 3, 4]);
});

/** What is told of dropped messages from now on. */
function deadLetters(t: Test): DeadLetter[] {
  const letters: DeadLetter[] = [];
  const note = (letter: unknown) => letters.push(letter as DeadLetter);
  subscribe("copal:dead-letter", note);
  t.teardown(() => unsubscribe("copal:dead-letter", note));
  return letters;
}

t.test("what was dropped is told as a dead letter, with how many there were", async (t) => {
  const letters = deadLetters(t);
  await using tree = await startResidents([limited("reject")]);
  const a = find(tree, "a");
  for (let i = 1; i <= 5; i++) a.cast.note(i);
  t.match(letters, [
    { ref: a, label: "app/a", message: { type: "cast", method: "note", args: [4] }, dropped: 1 },
    { message: { args: [5] }, dropped: 2 },
  ]);
});

t.test(
  "dead letters of another thread are told in the main one as well, and counted in the actor's status",
  async (t) => {
    const letters = deadLetters(t);
    await using tree = await startResidents([limited("reject", "own")]);
    const a = find(tree, "a");
    await suspend(a as never);
    for (let i = 1; i <= 5; i++) a.cast.note(i);
    await eventually(() => letters.length === 2);
    t.match(letters.at(-1), { ref: a, label: "app/a", message: { args: [5] }, dropped: 2 });
    t.match(await glance(a as never), { messagesWaiting: 3, messagesDropped: 2 });
    await resume(a as never);
  },
);

t.test("a DOWN gets into a full mailbox", async (t) => {
  await using tree = await startResidents([limited("reject"), resident("b", "main", { restart: "temporary" })]);
  const [a, b] = [find(tree, "a"), find(tree, "b")];
  await a.call.watch(b);
  await suspend(a as never);
  for (let i = 1; i <= 3; i++) a.cast.note(i);
  await b.call.leave("normal");
  await resume(a as never);
  t.match(await a.call.heard(), [1, 2, 3, { type: "DOWN" }]);
});

t.test("a limit holds in another thread as well", async (t) => {
  await using tree = await startResidents([limited("reject", "own")]);
  const a = find(tree, "a");
  await suspend(a as never);
  const calls = [1, 2, 3, 4, 5].map((n) => a.call.echo(n));
  for (const call of calls.slice(3)) await t.rejects(call, { code: "ERR_MAILBOX_FULL" });
  await resume(a as never);
  t.strictSame(await Promise.all(calls.slice(0, 3)), [1, 2, 3]);
});

t.test("a capacity of nothing is refused", async (t) => {
  const child = { ...resident("a", "main"), mailbox: { capacity: 0 } };
  await t.rejects(start({ supervisor: "app", children: [child] }), { code: "ERR_CONFIG" });
});
