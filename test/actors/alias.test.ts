import t from "tap";
import { doing, puppet } from "../support/actors.js";

t.test("what is sent to an alias comes to its actor, in order with the rest", async (t) => {
  const ref = await puppet();
  const alias = await doing(ref, (hands) => ({ ref: hands.alias() }));
  ref.send(1);
  alias.ref.send(2);
  ref.send(3);
  t.strictSame(
    (await ref.call.seen()).map((info) => "message" in info && info.message),
    [1, 2, 3],
  );
});

t.test("after unalias nothing sent to the alias comes, not even what was in the mailbox", async (t) => {
  const ref = await puppet();
  const [first, second] = await doing(ref, (hands) => {
    const alias = hands.alias();
    alias.send("one");
    ref.send("other");
    const taken = hands.unalias(alias);
    alias.send("two");
    return [taken, hands.unalias(alias)];
  });
  t.strictSame([first, second], [true, false]);
  t.match(await ref.call.seen(), [{ message: "other" }]);
});

t.test("a call through an alias that is taken back rejects with ERR_NOPROC", async (t) => {
  const ref = await puppet();
  const waiting: Promise<unknown>[] = [];
  await doing(ref, (hands) => {
    const alias = hands.alias();
    waiting.push(alias.call.seen?.() as Promise<unknown>);
    hands.unalias(alias);
    waiting.push(alias.call.seen?.() as Promise<unknown>);
  });
  for (const call of waiting) await t.rejects(call, { code: "ERR_NOPROC" });
});
