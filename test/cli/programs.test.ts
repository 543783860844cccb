/**
 * Between actors and processes, as a person with a config and a terminal has it: programs that answer, output as messages, messages that stop.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { eventually } from "#src/testing/eventually.js";
import { CopalFolder } from "../support/copal.js";
import { isRunning } from "../support/proc.js";

// Many processes are started here, on machines that may be busy.
t.setTimeout(300_000);

const speaks = join(process.cwd(), "test", "fixtures", "programs", "speaks-rpc.mjs");
const config = `
supervisor: world
children:
  - actor: ear
    module: ./ear.mjs#Ear
  - process: lines
    command: [node, ${speaks}]
    stdout: { as: rpc, to: ear }
    stop: { message: { method: quit, params: { file: quit-lines } }, grace: 20s }
  - process: frames
    command: [node, ${speaks}, --frames]
    stdout: { as: rpc, codec: lengthPrefixed }
    stop: { message: { method: quit, params: { file: quit-frames } }, grace: 20s }
  - process: values
    command: 'cat; echo told >told'
    stdout: { to: ear, method: value, as: json, maxSize: 100 }
    stop: { steps: [{ message: '"bye"', closeStdin: true, delay: 20s }] }
  - process: noise
    command: 'while read line; do echo "$line" >&2; done'
    stderr: [{ to: ear, method: line }, { to: ear, method: bytes, as: bytes }]
    tail: 5
  - process: merged
    command: 'while read line; do echo "$line" >&2; done'
    mergeStderr: true
    stdout: { to: ear, method: line }
`;

const ear = `
import { Actor } from "${new URL("../../../dist/index.js", import.meta.url).href}";
export class Ear extends Actor {
  #heard = [];
  heard(...args) { this.#heard.push(args); }
  value(value) { this.#heard.push({ value }); }
  line(line) { this.#heard.push({ line }); }
  bytes(bytes) { this.#heard.push({ bytes: bytes.toString() }); }
  all() { return this.#heard; }
  double(n) { return 2 * n; }
}
`;

const app = new CopalFolder(t, { "copal.yaml": config, "ear.mjs": ear });
const up = await app.up();

/** Calls a method and gives its answer; fails with what `copal call` says. */
async function call(id: string, method: string, ...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await app.run("call", id, method, ...args);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const heardByEar = (wanted: number) =>
  eventually(async () => ((await call("ear", "all")) as unknown[]).length >= wanted && call("ear", "all"));

for (const id of ["lines", "frames"]) {
  t.test(`copal call is answered by the program \`${id}\``, async (t) => {
    t.equal(await call(id, "add", "1", "2"), 3);
    t.strictSame(await call(id, "named", '{"x":1,"y":"z"}'), { x: 1, y: "z" });
    t.match(await app.run("call", id, "fail", "-7", "no such place"), { code: 1, stderr: /no such place/ });
    t.match(await app.run("call", id, "nope"), { code: 1, stderr: /has no method `nope`/ });
    t.match(await call(id, "status"), { openRequests: 0, malformedMessages: 0 });
  });
}

t.test("a program tells an actor, asks it, and is no more than not understood where there is none", async (t) => {
  await call("lines", "tell", "heard", "a");
  t.strictSame(await heardByEar(1), [["a"]]);
  t.equal(await call("lines", "ask", "double", "21"), 42);
  t.match(await call("frames", "ask", "double", "21"), { code: -32_601 });
});

t.test("a program that is killed comes back and answers again", async (t) => {
  const { osPid } = (await call("frames", "status")) as { osPid: number };
  await app.run("signal", "frames", "SIGKILL");
  await eventually(() => !isRunning(osPid));
  await eventually(async () => (await app.run("call", "frames", "add", "2", "3")).code === 0);
  t.equal(await call("frames", "add", "2", "3"), 5);
});

t.test(
  "lines of JSON are values; what is none is counted and in the log; a restarted receiver gets the rest",
  async (t) => {
    t.equal((await app.run("restart", "ear")).code, 0);
    await app.run("send", "values", '{"a":[1]}\nnope');
    await app.run("send", "values", `"${"x".repeat(200)}"\n7`);
    t.strictSame(await heardByEar(2), [{ value: { a: [1] } }, { value: 7 }]);
    t.match(await call("values", "status"), { malformedMessages: 2, droppedMessages: 0 });
    t.match((await app.run("logs", "values")).stdout, /nope/);
  },
);

t.test("stderr goes to several, or with stdout, and its tail is as long as was asked for", async (t) => {
  await app.run("restart", "ear");
  await app.run("send", "noise", "hello");
  t.strictSame(await heardByEar(2), [{ line: "hello" }, { bytes: "hello\n" }]);
  t.equal(await call("noise", "tail", "stderr"), "ello\n");
  await app.run("send", "merged", "both");
  t.match(await heardByEar(3), [{}, {}, { line: "both" }]);
});

t.test("copal down tells each program to quit in its own way, and kills none", async (t) => {
  t.equal((await app.run("down")).code, 0);
  t.equal((await up.finished).code, 0);
  for (const id of ["lines", "frames"]) t.equal(readFileSync(join(app.folder, `quit-${id}`), "utf8"), "told to quit");
  t.ok(existsSync(join(app.folder, "told")));
  t.strictSame(app.left(), []);
});
