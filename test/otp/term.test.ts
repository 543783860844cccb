import t from "tap";
import { reasonFromError } from "#src/exit.js";
import { puppet } from "../support/actors.js";
import { ErlangError, exitWith, fromReason, toReason } from "./reason.js";
import { print, stack, tuple } from "./term.js";

t.test("terms print as Erlang prints them", (t) => {
  const shown: readonly [unknown, string][] = [
    ["atom", "atom"],
    ["EXIT", "'EXIT'"],
    ["end", "'end'"],
    ["it's", "'it\\'s'"],
    [undefined, "undefined"],
    [tuple("a", 1, [true, []]), "{a,1,[true,[]]}"],
    [{ b: 2, a: tuple() }, "#{a => {},b => 2}"],
    [stack, "stack"],
    [() => {}, "'fun'"],
  ];
  for (const [term, text] of shown) t.equal(print(term), text);
  t.end();
});

t.test("pids are named in the order in which they occur", async (t) => {
  const [one, other] = [await puppet(), await puppet()];
  t.equal(print([other, tuple("x", one), other]), "[p1,{x,p2},p1]");
});

t.test("a reason comes back as it was sent", (t) => {
  for (const term of ["normal", "killed", "boom", tuple("shutdown", tuple("a", 1)), tuple("a", "b")]) {
    t.equal(print(fromReason(toReason(term))), print(term));
    t.equal(print(fromReason(reasonFromError(exitWith(term)))), print(term));
  }
  t.equal(print(fromReason(reasonFromError(new ErlangError("e")))), "{e,stack}");
  t.equal(print(fromReason(reasonFromError("t"))), "{{nocatch,t},stack}");
  t.end();
});
