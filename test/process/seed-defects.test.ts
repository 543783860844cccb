// What earlier systems of this kind got wrong, each as the claim that Copal gets it right. Bytes and streams here; ends in seed-defects-ends.
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import t from "tap";
import { lines } from "#src/process/lines.js";
import { open } from "#src/process/open.js";
import { run } from "#src/process/run.js";
import { eventually } from "#src/testing/eventually.js";
import { privateFolder } from "../support/private-folder.js";

const every = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 7 + (i >> 8)) & 255));
const sh = (script: string, options = {}) => open("/bin/sh", ["-c", script], options);

t.test("every byte value goes in and out as it is", async (t) => {
  t.ok((await run("cat", [], { input: every, encoding: "buffer" })).stdout.equals(every));
});

t.test("bytes take no more room on the wire than they have", async (t) => {
  const session = await open("cat", [], { windowBytes: { stdin: 65_536 } });
  await session.write(every);
  t.equal((await session.read())?.length, 65_536, "one frame, within a window of as many bytes");
  await session.stop();
});

t.test("output in pieces of one byte arrives whole, and before the end", async (t) => {
  for (let i = 0; i < 20; i++) {
    const result = await run("head", ["-c", "3000"], { input: every, windowBytes: { stdout: 1 }, encoding: "buffer" });
    t.ok(result.stdout.equals(every.subarray(0, 3000)));
  }
});

t.test("a program that writes on standard error alone never runs dry", async (t) => {
  const result = await run("sh", ["-c", "head -c 5000000 /dev/zero >&2; echo done"]);
  t.strictSame([result.stderr.length, result.stdout], [5_000_000, "done\n"]);
});

t.test("one stream that nobody reads does not hold up the other", async (t) => {
  const session = await sh("yes >&2 & head -c 5000000 /dev/zero; echo; echo done; wait");
  t.equal((await session.lines().next()).value?.length, 1_048_576);
  let last = "";
  for await (const line of lines("sh", ["-c", "yes >&2 & seq 1 100000; kill $!"])) last = line;
  t.equal(last, "100000");
  await session.stop({ graceMs: 0 });
});

t.test("a program that writes before it reads, and reads before it ends, meets no deadlock", async (t) => {
  const script = "head -c 2000000 /dev/zero; cat >/dev/null; head -c 2000000 /dev/zero; echo end";
  const { stdout } = await run("sh", ["-c", script], { input: Buffer.alloc(5_000_000) });
  t.equal(stdout.length, 4_000_004);
});

t.test("closing the input lets a program that waits for its end answer", async (t) => {
  t.equal((await run("wc", ["-c"], { input: every })).stdout.trim(), "65536");
  t.equal((await run("sort", ["-r"], { input: "a\nb\n" })).stdout, "b\na\n");
});

t.test("a program that reads to the end does not wait for input that nobody gives", async (t) => {
  t.match(await run("cat"), { code: 0, stdout: "" });
  t.strictSame(await lines("cat").next(), { done: true, value: undefined });
});

t.test("the last words before the input's end are not lost", async (t) => {
  for (let i = 0; i < 50; i++) {
    const session = await open("cat");
    const all = text(session.stdout);
    void session.write("first ");
    void session.write("last");
    void session.closeStdin();
    t.equal(await all, "first last");
  }
});

t.test("a stream that a program closes early ends early, and the program lives on", async (t) => {
  const session = await sh("exec >&-; read line; exit 5");
  t.equal(await text(session.stdout), "");
  t.equal(session.report, undefined);
  await session.closeStdin();
  t.match(await session.exited, { code: 5 });
});

t.test("what was read is not taken away from who reads later", async (t) => {
  const session = await sh("echo early");
  await session.exited;
  t.equal(await text(session.stdout), "early\n", "it waited, within the window");
});

t.test("a reader that never comes costs no more than the window", async (t) => {
  const session = await open("yes", [], { windowBytes: { stdout: 65_536 } });
  await eventually(() => session.stats().then(({ processes }) => processes === 1));
  let bytes = 0;
  session.stdout.on("readable", () => {
    bytes = session.stdout.readableLength;
  });
  await eventually(() => bytes > 0);
  t.ok(bytes <= 65_536);
  await session.stop({ graceMs: 0 });
});

t.test("arguments are passed as bytes, not as text", async (t) => {
  const argument = Buffer.from([0x61, 0xff, 0x80, 0x0a, 0xc3]);
  const { stdout } = await run("printf", ["%s", argument], { encoding: "buffer" });
  t.ok(stdout.equals(argument));
  await t.rejects(run("echo", ["a\0b"]), { name: "RangeError" });
});

t.test("a directory whose name is not UTF-8 can be worked in", async (t) => {
  const folder = Buffer.concat([Buffer.from(`${privateFolder(t)}/`), Buffer.from([0xff, 0xfe])]);
  mkdirSync(folder);
  const { stdout } = await run("/bin/pwd", [], { cwd: folder, encoding: "buffer" });
  t.ok(stdout.subarray(0, -1).equals(folder));
});

t.test("spaces in a program's path mean nothing", async (t) => {
  const folder = join(privateFolder(t), "a folder with spaces");
  mkdirSync(folder);
  const program = join(folder, "a program");
  writeFileSync(program, '#!/bin/sh\necho "$0|$1"\n');
  chmodSync(program, 0o755);
  t.equal((await run(program, ["one arg"])).stdout, `${program}|one arg\n`);
});

t.test("a variable that is undefined is not there at all", async (t) => {
  const env = { ...process.env, HERE: "", GONE: undefined };
  const { stdout } = await run("sh", ["-c", 'echo "$HERE $(printenv GONE || echo none)"'], { env });
  t.equal(stdout, " none\n");
});

t.test("output cut inside a character is put together again", async (t) => {
  const script = "printf '\\342'; sleep 0.02; printf '\\202'; sleep 0.02; printf '\\254'";
  t.equal((await run("sh", ["-c", script])).stdout, "€");
});

t.test("megabytes of random bytes go through the smallest windows", async (t) => {
  const data = randomBytes(200_000);
  const windowBytes = { stdin: 16, stdout: 16, stderr: 16 };
  t.ok((await run("cat", [], { input: data, windowBytes, encoding: "buffer" })).stdout.equals(data));
});
