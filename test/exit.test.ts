import t from "tap";
import {
  asExitReason,
  type ExitReason,
  exitReason,
  formatExit,
  isExitReason,
  isNormalExit,
  reasonFromError,
} from "#src/exit.js";

const reasons: readonly [ExitReason, normal: boolean, text: string][] = [
  ["normal", true, "normal"],
  ["shutdown", true, "shutdown"],
  [{ shutdown: { why: 1 } }, true, 'shutdown: {"why":1}'],
  ["killed", false, "killed"],
  ["kill", false, "kill"],
  ["noproc", false, "noproc"],
  ["noconnection", false, "noconnection"],
  [{ exit: 3 }, false, "exit 3"],
  [{ exit: 0 }, false, "exit 0"],
  [{ signal: "SIGKILL" }, false, "signal SIGKILL"],
  [{ limit: "memory" }, false, "limit memory"],
  [{ error: { name: "TypeError", message: "x is not a function" } }, false, "error TypeError: x is not a function"],
  [
    { startFailed: { stage: "exec", errno: 2, code: "ENOENT", message: "no such program: nope" } },
    false,
    "start failed: exec ENOENT: no such program: nope",
  ],
  [{ startFailed: { child: "app/db", stage: "init", message: "no" } }, false, "start failed: app/db: init: no"],
];

for (const [reason, normal, text] of reasons) {
  t.test(`${text} is ${normal ? "" : "not "}a normal exit and prints as such`, async (t) => {
    t.equal(isNormalExit(reason), normal);
    t.equal(formatExit(reason), text);
    t.equal(isExitReason(reason), true);
  });
}

t.test("a printed reason is one line without control characters", async (t) => {
  t.equal(formatExit({ error: { name: "Error", message: "a\nb\u001b[31mc" } }), "error Error: a b [31mc");
  t.ok(formatExit({ error: { name: "Error", message: "x".repeat(9_000) } }).length <= 300);
});

t.test("an error's name, message, code and stack become data", async (t) => {
  const error = Object.assign(new RangeError("too far"), { code: "EFAR" });
  t.match(reasonFromError(error), {
    error: { name: "RangeError", message: "too far", code: "EFAR", stack: /too far/ },
  });
});

const hostile: readonly [name: string, thrown: unknown, message: string, value?: unknown][] = [
  ["undefined", undefined, "undefined"],
  ["null", null, "null", null],
  ["a text", "boom", "boom", "boom"],
  ["a symbol", Symbol("s"), "Symbol(s)"],
  ["a plain object", { a: [1, { b: 2 }] }, '{"a":[1,{"b":2}]}', { a: [1, { b: 2 }] }],
  [
    "an object with a throwing getter",
    {
      get message() {
        throw new Error("no");
      },
      toJSON() {
        throw new Error("no");
      },
    },
    "a value that cannot be printed",
  ],
  ["an object without a prototype", Object.create(null), "{}", {}],
];

for (const [name, thrown, message, value] of hostile) {
  t.test(`${name} thrown becomes an error reason, with its value if that is data`, async (t) => {
    const error = { name: "NonError", message, ...(value !== undefined && { value }) };
    t.strictSame(reasonFromError(thrown), { error });
    t.strictSame(asExitReason({ error }), { error });
  });
}

t.test("a reason is copied once: what lies or changes later decides nothing", async (t) => {
  let reads = 0;
  const fickle = {
    get exit() {
      return ++reads === 1 ? 3 : "x";
    },
  };
  t.strictSame(asExitReason(fickle), { exit: 3 });
  const trap = new Proxy(
    {},
    {
      get: (_target, key) => (key === "stack" ? undefined : trap),
      has: () => {
        throw new Error("no");
      },
    },
  );
  t.strictSame(isNormalExit(reasonFromError(trap)), true);
  t.type(formatExit(reasonFromError({ [exitReason]: trap })), "string");
});

t.test("a revoked proxy thrown becomes an error reason", async (t) => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  t.match(reasonFromError(proxy), { error: { name: "NonError" } });
});

t.test("a thrown value that carries a reason ends with that reason", async (t) => {
  t.strictSame(reasonFromError(Object.assign(new Error("x"), { [exitReason]: { exit: 7 } })), { exit: 7 });
  t.match(reasonFromError(Object.assign(new Error("x"), { [exitReason]: "nonsense" })), { error: { message: "x" } });
});

t.test("what is no reason is taken as if it were thrown, an error with a signal included", async (t) => {
  t.strictSame(asExitReason({ exit: 2 }), { exit: 2 });
  t.match(asExitReason(Object.assign(new Error("x"), { signal: "SIGTERM" })), {
    error: { name: "Error", message: "x" },
  });
  for (const nonsense of [undefined, null, 7, "whatever", {}])
    t.match(asExitReason(nonsense), { error: { name: "NonError" } });
});

t.test("a malformed reason still prints", async (t) => {
  for (const nonsense of [undefined, { error: null }, { startFailed: 1 }])
    t.type(formatExit(nonsense as never), "string");
});
