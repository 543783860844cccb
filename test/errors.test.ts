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
  const back = fromPlain(structuredClone(toPlain(error)));
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

t.test("anything thrown becomes plain data", async (t) => {
  t.match(toPlain(undefined), { name: "NonError", message: "undefined" });
  t.match(fromPlain(toPlain("text")), { name: "NonError", message: "text" });
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
