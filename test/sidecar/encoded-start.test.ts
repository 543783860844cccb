import t from "tap";
import { encodedStart } from "#src/sidecar/encoded-start.js";
import { commandShapes, decodePayload, setId } from "#src/wire/codec.js";
import { HEADER_BYTES } from "#src/wire/frame.js";

/** What the sidecar will read of a start. */
function said(options: Parameters<typeof encodedStart>[0]) {
  return decodePayload(commandShapes, encodedStart(options).frame.subarray(HEADER_BYTES)).body;
}

t.test("what is said again is neither checked nor encoded again", async (t) => {
  const options = () => ({ argv: ["true", "again"], stdin: "null" as const, stop: Object.freeze({ graceMs: 1 }) });
  const { stop } = options();
  const [first, second] = [encodedStart({ ...options(), stop }), encodedStart({ ...options(), stop })];
  t.equal(first, second);
});

for (const [what, one, other] of [
  ["another argument", { argv: ["true", "1"] }, { argv: ["true", "2"] }],
  ["arguments cut elsewhere", { argv: ["true", "a b"] }, { argv: ["true", "a", "b"] }],
  ["another directory", { argv: ["true"], cwd: "/" }, { argv: ["true"], cwd: "/tmp" }],
  ["one option more", { argv: ["true"] }, { argv: ["true"], stdin: "null" }],
  ["one option less", { argv: ["true"], mergeStderr: true }, { argv: ["true"] }],
  ["a variable more", { argv: ["true"] }, { argv: ["true"], addEnv: { MORE: "1" } }],
] as const) {
  t.test(`${what} makes another start`, async (t) => {
    const before = said(one);
    t.notSame(said(other), before);
    t.same(said(one), before);
  });
}

t.test("an argument with a NUL byte is refused, also where another start had two arguments there", async (t) => {
  said({ argv: ["true", "a", "b"] });
  t.throws(() => encodedStart({ argv: ["true", "a\0b"] }), { name: "RangeError", message: /NUL/ });
});

t.test("an object that was changed in place since is read again", async (t) => {
  const windowBytes = { stdout: 1_000 };
  t.match(said({ argv: ["true"], windowBytes }), { windowBytes: { stdout: 1_000 } });
  windowBytes.stdout = 2_000;
  t.match(said({ argv: ["true"], windowBytes }), { windowBytes: { stdout: 2_000 } });
});

t.test("a variable that Node has got since is there", async (t) => {
  const before = said({ argv: ["true"] });
  process.env.COPAL_TEST_LATER = "1";
  t.teardown(() => delete process.env.COPAL_TEST_LATER);
  t.notSame(said({ argv: ["true"] }), before);
});

t.test("a frame gets its id when it is sent, however large that is", async (t) => {
  const { frame } = encodedStart({ argv: ["true"] });
  for (const id of [2, 0x80, 0x1234, 0xffff_fffe]) {
    setId(frame, "start", id);
    t.match(decodePayload(commandShapes, frame.subarray(HEADER_BYTES)), { name: "start", id });
  }
});

t.test("ever new arguments are forgotten in time, and a mistake is told each time", async (t) => {
  for (let i = 0; i < 200; i++) t.match(said({ argv: ["true", String(i)] }), { cwd: Buffer.from(process.cwd()) });
  for (let i = 0; i < 2; i++) t.throws(() => encodedStart({ argv: ["true"], stop: { graceMs: -1 } }), RangeError);
});
