import t from "tap";
import { checkTree } from "#src/app/check-tree.js";
import { sourceOf } from "#src/app/load.js";
import { type PlannedProcess, planTree } from "#src/app/plan.js";

/** Plans a tree of two actors and a process `p` with these fields. */
function planned(fields: object): PlannedProcess {
  const actor = (id: string) => ({ actor: id, module: "./a.js" });
  const process = { process: "p", command: "x", ...fields };
  const source = sourceOf({ supervisor: "s", children: [actor("a"), actor("b"), process] }, "/");
  return planTree(checkTree(source), source, {}).children[2] as PlannedProcess;
}

function sentenceOf(fields: object): string {
  try {
    planned(fields);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it was accepted");
}

t.test("output has a form, a longest line and a tail, in bytes", async (t) => {
  const { outputs, tailBytes } = planned({ stdout: { to: "a", as: "json", maxSize: "64K" }, tail: "1M" });
  t.match(outputs, [{ stream: "stdout", to: "s/a", as: "json", maxBytes: 65_536 }]);
  t.equal(tailBytes, 1_048_576);
});

t.test("a stream goes to several, each in its own form", async (t) => {
  const { outputs } = planned({ stderr: [{ to: "a" }, { to: "b", as: "bytes", method: "take" }] });
  t.match(outputs, [
    { stream: "stderr", to: "s/a", as: "lines" },
    { stream: "stderr", to: "s/b", as: "bytes", method: "take" },
  ]);
});

t.test("a method may be written behind its actor, and the number of an instance is none", async (t) => {
  t.match(planned({ stdout: { to: "a.take" } }).outputs, [{ to: "s/a", method: "take" }]);
  t.match(planned({ stdout: { to: "s/b.take", as: "json" } }).outputs, [{ to: "s/b", method: "take" }]);
  t.ok(sentenceOf({ stdout: { to: "a.1" } }).startsWith("s/p.stdout.to: `a.1` names no child of the tree"));
});

t.test("a program that is spoken with can be listened to besides", async (t) => {
  const { rpc, outputs } = planned({ stdout: [{ as: "rpc", codec: "lengthPrefixed", to: "a" }, { to: "b" }] });
  t.strictSame(rpc, { codec: "lengthPrefixed", maxBytes: undefined, to: "s/a" });
  t.match(outputs, [{ to: "s/b", as: "lines" }]);
});

t.test("a message alone is one step with the grace behind it", async (t) => {
  const { stop, shutdown } = planned({ stop: { message: "quit", grace: "2s" } });
  t.match(stop, { graceMs: 2_000, steps: [{ stdin: Buffer.from("quit\n"), delayMs: 2_000 }] });
  t.equal(shutdown, 3_000);
  t.match(planned({ stop: { message: "quit\n" } }).stop, { graceMs: 5_000, steps: [{ stdin: Buffer.from("quit\n") }] });
});

t.test("a message to a program that is spoken with is one of its methods", async (t) => {
  const steps = [{ message: { method: "save", params: [{ all: true }] }, delay: 10 }, { message: "quit" }];
  const { stop } = planned({ stdout: { as: "rpc" }, stop: { steps } });
  t.match(stop.steps, [
    { stdin: Buffer.from('{"jsonrpc":"2.0","method":"save","params":[{"all":true}]}\n') },
    { stdin: Buffer.from('{"jsonrpc":"2.0","method":"quit"}\n') },
  ]);
});

const rpc = { as: "rpc" };
const refused: readonly [string, object, string][] = [
  ["a form without a receiver", { stdout: { as: "json" } }, "s/p.stdout: got no `to`, allowed is an actor's id"],
  [
    "a form that is none",
    { stdout: { to: "a", as: "xml" } },
    's/p.stdout.as: got "xml", allowed is lines, bytes, json',
  ],
  [
    "a codec for lines",
    { stdout: { to: "a", codec: "json" } },
    "s/p.stdout.codec: got json, allowed with `as: rpc` only",
  ],
  [
    "a longest chunk",
    { stderr: { to: "a", as: "bytes", maxSize: 9 } },
    "s/p.stderr.maxSize: got a size, allowed for lines",
  ],
  [
    "a line of 1G",
    { stdout: { to: "a", maxSize: "1G" } },
    's/p.stdout.maxSize: got "1G", allowed is a size from 1 to 256M',
  ],
  ["a tail of 1G", { tail: "1G" }, 's/p.tail: got "1G", allowed is a size up to 16M'],
  ["nobody in a list", { stdout: [{ to: "a" }, { to: "c" }] }, "s/p.stdout[1].to: `c` names no child of the tree"],
  ["a list of nobody", { stdout: [] }, "s/p.stdout: got an empty list, allowed is"],
  [
    "a misspelt key in a list",
    { stdout: [{ to: "a", metod: "b" }] },
    "s/p.stdout[0].metod: unknown key `metod`; did you mean `method`?",
  ],
  ["answers on stderr", { stderr: rpc }, "s/p.stderr.as: got rpc, allowed on stdout"],
  ["two conversations", { stdout: [rpc, rpc] }, "s/p.stdout[1].as: got rpc twice"],
  [
    "a method of a program's",
    { stdout: { ...rpc, to: "a", method: "b" } },
    "s/p.stdout.method: got a name, allowed without",
  ],
  [
    "a method beside a method",
    { stdout: { to: "a.b", method: "c" } },
    "s/p.stdout.to: `a.b` names no child of the tree",
  ],
  [
    "a program's method behind its actor",
    { stdout: { ...rpc, to: "a.b" } },
    "s/p.stdout.method: got a name, allowed without",
  ],
  ["questions to a socket", { stdout: rpc, stdin: "socket" }, "s/p.stdin: got something else, allowed is pipe"],
  ["questions to a file", { stdout: rpc, stdin: { file: "x" } }, "s/p.stdin: got something else, allowed is pipe"],
  ["a conversation in a terminal", { stdout: rpc, pty: true }, "s/p.pty: got a terminal, allowed is none"],
  ["stderr among answers", { stdout: rpc, mergeStderr: true }, "s/p.mergeStderr: got true, allowed is false"],
  [
    "two places for stderr",
    { mergeStderr: true, stderr: { to: "a" } },
    "s/p.stderr: got a place for it, allowed is none",
  ],
  ["stderr of a terminal", { pty: true, stderr: { to: "a" } }, "s/p.stderr: got a target, allowed with `pty: {"],
  ["a message and steps", { stop: { message: "x", steps: [{}] } }, "s/p.stop.message: got a message beside `steps`"],
  [
    "a message and a text in a step",
    { stop: { steps: [{ message: "x", stdin: "y" }] } },
    "s/p.stop.steps[0].message: got a message beside `stdin`",
  ],
  [
    "a message to nobody",
    { stop: { message: "x" }, stdin: null },
    "s/p.stop.message: got a message, allowed while stdin is a pipe",
  ],
  [
    "a method of a program that has none",
    { stop: { message: { method: "x" } } },
    "s/p.stop.message: got a map, allowed is a text",
  ],
  [
    "a text that is no method",
    { stdout: rpc, stop: { message: "quit\n" } },
    "s/p.stop.message: got a text with blanks",
  ],
];
for (const [vice, fields, sentence] of refused) {
  t.test(`${vice} is refused in one sentence`, async (t) => {
    const message = sentenceOf(fields);
    t.ok(message.startsWith(sentence), message);
    t.notMatch(message, "\n");
  });
}
