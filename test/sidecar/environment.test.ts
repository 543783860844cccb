import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { environmentBlock } from "#src/sidecar/environment.js";

/** A block as its entries. */
const entries = (block: Buffer) => block.toString("latin1").split("\0").slice(0, -1);

t.test("the whole environment is inherited unless something is said", async (t) => {
  t.strictSame(
    entries(environmentBlock({})).sort(),
    Object.entries(process.env)
      .map(([k, v]) => `${k}=${v}`)
      .sort(),
  );
  t.strictSame(entries(environmentBlock({ clearEnv: true })), []);
  t.strictSame(entries(environmentBlock({ env: { A: "1", B: undefined, C: null } })), ["A=1"]);
});

t.test("variables are added last, and null takes one away", async (t) => {
  const block = environmentBlock({ env: { A: "1", B: "2" }, addEnv: { B: null, A: "3", C: "x=y" } });
  t.strictSame(entries(block), ["A=3", "C=x=y"]);
});

t.test("an allow-list inherits what it names and no more", async (t) => {
  process.env.COPAL_TEST_ONE = "1";
  process.env.COPAL_TEST_TWO = "2";
  t.strictSame(entries(environmentBlock({ inheritEnv: ["COPAL_TEST_ONE"] })), ["COPAL_TEST_ONE=1"]);
  const both = environmentBlock({ inheritEnv: ["COPAL_TEST_*"], addEnv: { COPAL_TEST_ONE: null } });
  t.strictSame(entries(both), ["COPAL_TEST_TWO=2"]);
});

t.test("bytes that are not UTF-8 stay what they are", async (t) => {
  const value = Buffer.from([0xff, 0x80]);
  t.strictSame(entries(environmentBlock({ env: { A: value } })), ["A=\xff\x80"]);
  t.strictSame(entries(environmentBlock({ env: [Buffer.from([0xfe, 0x3d, 0xff]), "B=ü"] })), ["\xfe=\xff", "B=Ã¼"]);
});

t.test("what was inherited and is not UTF-8 is passed on as it came", async (t) => {
  const module = new URL("../../../dist/sidecar/environment.js", import.meta.url);
  const script = `import { environmentBlock } from ${JSON.stringify(module.href)}; process.stdout.write(environmentBlock({}));`;
  const shell = 'export RAW=$(printf \'a\\377b\'); exec "$0" --input-type=module -e "$1"';
  const { stdout } = spawnSync("sh", ["-c", shell, process.execPath, script]);
  t.ok(entries(stdout).includes("RAW=a\xffb"));
});

t.test("names and values that no environment can hold are refused", async (t) => {
  for (const env of [{ "": "x" }, { "A=": "x" }, { "A\0": "x" }, { A: "x\0" }]) {
    t.throws(() => environmentBlock({ env }), RangeError);
    t.throws(() => environmentBlock({ addEnv: env }), RangeError);
  }
  t.throws(() => environmentBlock({ env: ["no equals sign"] }), RangeError);
});

t.test("a file adds what it says, a later one wins, and addEnv wins over both", async (t) => {
  const folder = t.testdir({
    one: '# a comment\n\nA=plain # behind\nexport B=\'single # \\n\'\nC="double\\n\\"q\\" \\\\" # c\nD=\nE=1\n',
    two: "E = 2\r\nF=x\n",
  });
  const envFile = [join(folder, "one"), join(folder, "two")];
  const block = environmentBlock({ env: { A: "before", G: "stays" }, envFile, addEnv: { F: "y" } });
  const expected = ["A=plain", "G=stays", "B=single # \\n", 'C=double\n"q" \\', "D=", "E=2", "F=y"];
  t.strictSame(entries(block).sort(), expected.sort());
});

t.test("a file that is not there, or is none, fails the start with its line", async (t) => {
  const file = join(t.testdir(), "env");
  const missing = { code: "ERR_START", failure: { stage: "envFile", code: "ENOENT", errno: 2 } };
  t.throws(() => environmentBlock({ envFile: file }), missing);
  for (const line of ["no assignment", "A='open", '"A"=1', "1A=1"]) {
    writeFileSync(file, `GOOD=1\n${line}\n`);
    const wrong = { code: "ERR_START", message: /line 2/, failure: { stage: "envFile", code: "EINVAL" } };
    t.throws(() => environmentBlock({ envFile: file }), wrong, line);
  }
});
