/**
 * Ends across threads: links, monitors, exit signals.
 */
import t from "tap";
import { whenEnded } from "#src/actors/exit-actor.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { find, type Resident, resident, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

const pairs = [
  ["main", "own"],
  ["own", "main"],
  ["own", "pool"],
] as const;

/** What `ref` has been told of ends, once it has been told of so many. */
function told(
  ref: ActorRef<Resident>,
  count = 1,
): Promise<{ type: string; reason: unknown; from: ActorRef<Resident> }[]> {
  return eventually(async () => {
    const heard = await ref.call.heard();
    return heard.length >= count ? (heard as never) : undefined;
  });
}

for (const [one, other] of pairs) {
  const children = [resident("a", one, { restart: "temporary" }), resident("b", other, { restart: "temporary" })];
  t.test(`a monitor brings DOWN with the reason, from ${other} to ${one}`, async (t) => {
    await using tree = await startResidents(children);
    const [a, b] = [find(tree, "a"), find(tree, "b")];
    const monitor = await a.call.watch(b);
    // What a said to b before is with b by then; what the test says is in no order with it.
    await a.call.ask(b, "thread");
    b.cast.leave({ shutdown: { n: 1 } });
    t.match(await told(a, 1), [{ type: "DOWN", monitor, reason: { shutdown: { n: 1 } } }]);
    t.equal((await told(a))[0]?.from, b);
    const late = await a.call.watch(b);
    t.match((await told(a, 2))[1], { type: "DOWN", monitor: late, reason: "noproc" });
  });

  t.test(`a link ends the other with the same reason, from ${other} to ${one}`, async (t) => {
    await using tree = await startResidents(children);
    const [a, b] = [find(tree, "a"), find(tree, "b")];
    await a.call.linkTo(b);
    await a.call.ask(b, "thread");
    b.cast.crash("boom");
    t.match(await whenEnded(a as never), { error: { name: "TypeError", message: "boom" } });
  });

  t.test(`one that traps exits gets EXIT instead, from ${other} to ${one}`, async (t) => {
    await using tree = await startResidents(children);
    const [a, b] = [find(tree, "a"), find(tree, "b")];
    await a.call.trap();
    await a.call.linkTo(b);
    // What a said to b before is with b by then; what the test says is in no order with it.
    await a.call.ask(b, "thread");
    b.cast.leave("normal");
    t.match(await told(a, 1), [{ type: "EXIT", reason: "normal" }]);
    t.equal((await told(a))[0]?.from, b);
  });

  t.test(`unlinked in time, nothing comes, from ${other} to ${one}`, async (t) => {
    await using tree = await startResidents(children);
    const [a, b] = [find(tree, "a"), find(tree, "b")];
    await a.call.linkTo(b);
    await a.call.unlinkFrom(b);
    await a.call.ask(b, "thread");
    b.cast.crash("boom");
    await whenEnded(b as never);
    t.strictSame(await a.call.echo("alive"), "alive");
  });

  t.test(`an exit signal does what OTP's table says, from ${one} to ${other}`, async (t) => {
    await using tree = await startResidents(children);
    const [a, b] = [find(tree, "a"), find(tree, "b")];
    await b.call.trap();
    await a.call.signal(b, { shutdown: 1 });
    t.match(await told(b, 1), [{ type: "EXIT", reason: { shutdown: 1 } }]);
    t.equal((await told(b))[0]?.from, a);
    await b.call.trap(false);
    await a.call.signal(b, "normal");
    await a.call.ask(b, "thread");
    await a.call.signal(b, "kill");
    t.equal(await whenEnded(b as never), "killed");
  });
}
