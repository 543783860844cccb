import t from "tap";
import { Cast } from "#src/actors/envelope.js";
import { Mailbox } from "#src/actors/mailbox.js";

const box = (...names: string[]) => {
  const mailbox = new Mailbox();
  for (const name of names) mailbox.push(new Cast(name, []));
  return mailbox;
};
const drain = (mailbox: Mailbox) => {
  const names: string[] = [];
  for (let next = mailbox.shift(); next; next = mailbox.shift()) if (next.kind === "cast") names.push(next.method);
  return names;
};

t.test("first in, first out, also when it runs empty in between", async (t) => {
  const mailbox = box("a", "b");
  t.equal(mailbox.length, 2);
  t.strictSame(drain(mailbox), ["a", "b"]);
  mailbox.push(new Cast("c", []));
  t.strictSame([mailbox.length, drain(mailbox), mailbox.length], [1, ["c"], 0]);
});

for (const [out, left] of [
  ["", "abcd"],
  ["a", "bcd"],
  ["bc", "ad"],
  ["d", "abc"],
  ["abcd", ""],
] as const) {
  t.test(`taking out "${out}" of "abcd" leaves "${left}" in order`, async (t) => {
    const mailbox = box(..."abcd");
    const removed = mailbox.remove((envelope) => envelope.kind === "cast" && out.includes(envelope.method));
    t.equal(removed.length, out.length);
    mailbox.push(new Cast("z", []));
    t.equal(drain(mailbox).join(""), `${left}z`);
  });
}
