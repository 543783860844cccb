import { readFileSync } from "node:fs";
import t from "tap";
import {
  ActorExitError,
  CopalError,
  fromPlain,
  isCopalError,
  NoProcError,
  SidecarError,
  StartError,
  toPlain,
} from "#src/errors.js";
import { reasonFromError } from "#src/exit.js";
import { puppet } from "./support/actors.js";

/** What another thread would get. */
function sentOn(thrown: unknown): unknown {
  return fromPlain(structuredClone(toPlain(thrown)));
}

t.test("an error has its kind's name and code, its fields and its cause", async (t) => {
  const cause = new Error("why");
  const error = new StartError("did not start", { reason: { exit: 1 } }, { cause });
  t.match(error, { name: "StartError", code: "ERR_START", message: "did not start", reason: { exit: 1 }, cause });
  t.ok(error instanceof StartError && error instanceof CopalError && error instanceof Error);
  t.match(error.stack, /^StartError: did not start|^Error: did not start/);
});

t.test("isCopalError tells kinds apart", async (t) => {
  const error = new NoProcError("gone", {});
  t.equal(isCopalError(error), true);
  t.equal(isCopalError(error, "ERR_NOPROC"), true);
  t.equal(isCopalError(error, "ERR_START"), false);
  for (const other of [undefined, null, "ERR_NOPROC", new Error("x"), { code: "ERR_NOPROC" }])
    t.equal(isCopalError(other), false);
});

t.test("a system's code does not take the place of the kind's", async (t) => {
  t.match(new SidecarError("x", { stage: "run", code: "EPIPE" }), { code: "ERR_SIDECAR", osCode: "EPIPE" });
});

t.test("an error survives a structured clone as plain data, with its kind, fields, stack and causes", async (t) => {
  const ref = await puppet();
  const cause = Object.assign(new RangeError("deep"), { code: "EDEEP" });
  const error = new ActorExitError("ended", { ref, reason: { exit: 3 } }, { cause });
  const back = sentOn(error) as Error;
  t.ok(back instanceof ActorExitError);
  t.match(back, {
    code: "ERR_ACTOR_EXIT",
    message: "ended",
    reason: { exit: 3 },
    ref: { id: ref.id, thread: 0 },
    stack: error.stack,
  });
  t.match(back.cause, { name: "RangeError", message: "deep", code: "EDEEP", stack: cause.stack });
});

t.test("what is thrown and no error arrives as it was, or as an error that tells of it", async (t) => {
  for (const value of ["text", 0, null, { deep: [1n] }]) t.strictSame(sentOn(value), value);
  t.match(sentOn(undefined), { name: "NonError", message: "undefined" });
  t.match(
    sentOn(() => {}),
    { name: "NonError" },
  );
  t.equal((sentOn(new Error("x", { cause: "why" })) as Error).cause, "why");
});

t.test("an error of a class of one's own is of the nearest built-in class, with its name and fields", async (t) => {
  class Missing extends RangeError {
    override name = "Missing";
    status = 404;
    open = () => {};
    where = new Map([["path", "/x"]]);
  }
  const back = sentOn(new Missing("gone")) as Missing;
  t.ok(back instanceof RangeError);
  t.match(back, { name: "Missing", message: "gone", status: 404, where: new Map([["path", "/x"]]) });
  t.equal(back.open, undefined);
});

t.test("a system's error keeps code, errno, syscall and path", async (t) => {
  const error = (() => {
    try {
      return readFileSync("/nowhere");
    } catch (thrown) {
      return thrown;
    }
  })();
  const back = sentOn(error) as NodeJS.ErrnoException;
  t.match(back, { code: "ENOENT", errno: -2, syscall: "open", path: "/nowhere", stack: (error as Error).stack });
  t.equal((sentOn(Object.assign(new Error("x"), { code: 7 })) as { code: unknown }).code, 7);
});

t.test("an AggregateError keeps what it gathers, a DOMException its name", async (t) => {
  const many = sentOn(new AggregateError([new TypeError("one"), "two"], "both")) as AggregateError;
  t.ok(many instanceof AggregateError && many.errors[0] instanceof TypeError);
  t.match(many, { message: "both", errors: [{ message: "one" }, "two"] });
  const aborted = sentOn(new DOMException("stop", "AbortError")) as DOMException;
  t.ok(aborted instanceof DOMException);
  t.match(aborted, { name: "AbortError", message: "stop", code: 20 });
});

t.test("an error that cannot be read is told all the same", async (t) => {
  const error = new Error("x");
  Object.defineProperty(error, "worse", {
    enumerable: true,
    get: () => {
      throw new Error("no");
    },
  });
  t.match(sentOn(error), { message: "x" });
});

t.test("a chain of causes that bites its tail is cut", async (t) => {
  const error = new Error("round");
  error.cause = error;
  let depth = 0;
  for (let plain = toPlain(error); plain.cause; plain = plain.cause) depth++;
  t.equal(depth, 8);
});

t.test("a start error thrown in init is the reason it tells of", async (t) => {
  t.strictSame(reasonFromError(new StartError("x", { reason: { exit: 9 } })), { exit: 9 });
});
