import t from "tap";
import { externalTerm } from "./external-term.js";

t.test("texts are atoms, whole numbers integers, lists lists, objects maps", async (t) => {
  t.strictSame([...externalTerm("ok")], [131, 119, 2, 111, 107]);
  t.strictSame([...externalTerm(-2)], [131, 98, 255, 255, 255, 254]);
  t.strictSame([...externalTerm([])], [131, 106]);
  t.strictSame([...externalTerm([true])], [131, 108, 0, 0, 0, 1, 119, 4, 116, 114, 117, 101, 106]);
  t.strictSame([...externalTerm({ a: 1 })], [131, 116, 0, 0, 0, 1, 119, 1, 97, 98, 0, 0, 0, 1]);
});

t.test("a term may be larger than the first piece of memory taken for it", async (t) => {
  const many = Array.from({ length: 50_000 }, () => "word");
  t.equal(externalTerm(many).length, 1 + 5 + 50_000 * 6 + 1);
});

t.test("what has no term is refused", async (t) => {
  t.throws(() => externalTerm(undefined), TypeError);
});
