import t from "tap";
import { signalName, signalNumber } from "#src/sidecar/signal-name.js";
import { startBody } from "#src/sidecar/start-options.js";

t.test("a signal is known by its name, its short name and its number", async (t) => {
  t.equal(signalNumber("SIGTERM"), 15);
  t.equal(signalNumber("hup"), 1);
  t.equal(signalNumber(9), 9);
  t.equal(signalNumber("SIGRTMIN+2"), 36);
  t.equal(signalName(36), "SIGRTMIN+2");
  t.equal(signalName(6), "SIGABRT");
});

t.test("what is no signal has no number", async (t) => {
  for (const wrong of ["SIGNOPE", "", 0, 65, 1.5, "SIGRTMAX+1", "constructor"])
    t.equal(signalNumber(wrong), undefined, String(wrong));
});

t.test("the environment is one block of NUL-ended texts without what is undefined", async (t) => {
  const { env } = startBody({ argv: ["x"], env: { A: "1", B: undefined, C: "ü" } });
  t.equal(Buffer.from(env).toString(), "A=1\0C=ü\0");
});

for (const [what, options] of [
  ["no program", { argv: [] }],
  ["a NUL in an argument", { argv: ["a\0b"] }],
  ["a NUL in a variable", { argv: ["x"], env: { A: "1\0B=2" } }],
  ["a variable's name with =", { argv: ["x"], env: { "A=B": "1" } }],
  ["an unknown stop signal", { argv: ["x"], stop: { signal: "SIGNOPE" } }],
  ["a negative grace", { argv: ["x"], stop: { graceMs: -1 } }],
  ["a window of nothing", { argv: ["x"], windowBytes: { stdout: 0 } }],
  ["an orphan grace above a day", { argv: ["x"], orphanGraceMs: 86_400_001 }],
] as const) {
  t.test(`${what} is refused before anything starts`, async (t) => {
    t.throws(() => startBody(options), RangeError);
  });
}
