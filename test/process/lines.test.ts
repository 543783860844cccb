import { createHash } from "node:crypto";
import t from "tap";
import { type LinesOptions, lines } from "#src/process/lines.js";
import { run } from "#src/process/run.js";
import { eventually } from "#src/testing/eventually.js";
import { marked } from "../support/marked.js";
import { processesMarked } from "../support/proc.js";

const sh = (script: string, options: LinesOptions = {}) => lines("/bin/sh", ["-c", script], options);

async function all(source: AsyncIterable<string>): Promise<string[]> {
  const seen: string[] = [];
  for await (const line of source) seen.push(line);
  return seen;
}

t.test("lines come without their ends, the last one also if it has none", async (t) => {
  t.strictSame(await all(sh("printf 'a\\nb\\r\\n\\nlast'")), ["a", "b", "", "last"]);
  t.strictSame(await all(lines("true")), []);
});

t.test("a line that is written in parts comes whole", async (t) => {
  t.strictSame(await all(sh("printf 'gr\\303'; sleep 0.05; printf '\\274n\\n'")), ["grün"]);
});

t.test("nothing starts before the first line is asked for", async (t) => {
  const { env, left } = marked(t);
  const source = sh("echo a; sleep 1000", { env });
  // A whole life of another process: what was to come would have come.
  await run("true");
  t.strictSame(left(), []);
  t.strictSame(await source.next(), { done: false, value: "a" });
  await source.return();
});

t.test("leaving the loop kills the whole tree and waits for its end", async (t) => {
  const { env, left } = marked(t);
  for await (const line of sh("trap '' TERM; setsid sleep 1000 & echo a; while :; do sleep 0.1; done", { env })) {
    t.equal(line, "a");
    break;
  }
  t.strictSame(left(), []);
});

t.test("leaving the loop stops the program by the plan that was given", async (t) => {
  const source = sh("trap 'exit 9' TERM; echo a; while :; do sleep 0.01; done", { stop: { signal: "SIGTERM" } });
  for await (const _ of source) break;
  t.match(source.report, { code: 9, stoppedBy: "owner", killed: false });
});

t.test("an exit code is in the report, and an error after all lines if asked for", async (t) => {
  const quiet = sh("echo a; exit 3");
  t.strictSame(await all(quiet), ["a"]);
  t.match(quiet.report, { code: 3 });
  const seen: string[] = [];
  const loud = async () => {
    for await (const line of sh("echo a; echo b; echo why >&2; exit 3", { throws: true })) seen.push(line);
  };
  await t.rejects(loud(), { code: "ERR_PROCESS_EXIT", message: "/bin/sh ended with exit 3: why" });
  t.strictSame(seen, ["a", "b"]);
});

t.test("a program that cannot start throws at the first line", async (t) => {
  await t.rejects(all(lines("/no/such/program")), { code: "ERR_START", failure: { code: "ENOENT" } });
});

t.test("a time-out ends the iteration with its error, after the lines that came", async (t) => {
  const { env, left } = marked(t);
  const source = sh("echo a; sleep 1000", { timeoutMs: 200, env });
  t.strictSame(await source.next(), { done: false, value: "a" });
  await t.rejects(source.next(), { code: "ERR_PROCESS_EXIT", report: { limit: "timeout" } });
  t.strictSame(await source.next(), { done: true, value: undefined });
  t.strictSame(left(), []);
});

t.test("silence while a line is waited for ends the iteration", async (t) => {
  await t.rejects(all(sh("echo a; sleep 1000", { idleTimeoutMs: 100 })), {
    code: "ERR_PROCESS_EXIT",
    report: { limit: "idle" },
  });
});

t.test("silence that the reader causes by being slow does not count", async (t) => {
  const seen: string[] = [];
  const script = "for i in 1 2 3; do head -c 100000 /dev/zero; echo $i; done";
  const options = { idleTimeoutMs: 100, windowBytes: { stdout: 4096 } };
  for await (const line of sh(script, options)) {
    seen.push(line.slice(-1));
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  t.strictSame(seen, ["1", "2", "3"]);
});

t.test("a reader that takes no lines makes the program wait, and loses nothing", async (t) => {
  const { env, left } = marked(t);
  const source = sh("seq 1 500000; echo end >&2", { windowBytes: { stdout: 4096 }, env });
  await source.next();
  const written = () => {
    const seq = left().find(({ name }) => name === "seq");
    return seq ? seq.state : "gone";
  };
  await eventually(() => written() === "S", { timeoutMs: 5_000 });
  const hash = createHash("sha256").update("1\n");
  let count = 1;
  for await (const line of source) {
    hash.update(`${line}\n`);
    count++;
  }
  const wanted = createHash("sha256");
  for (let i = 1; i <= 500_000; i++) wanted.update(`${i}\n`);
  t.equal(count, 500_000);
  t.equal(hash.digest("hex"), wanted.digest("hex"));
});

t.test("a line longer than the limit comes in pieces that cut no character", async (t) => {
  const pieces = await all(lines("cat", [], { input: "ü€😀".repeat(50), maxLineBytes: 10 }));
  t.ok(pieces.every((piece) => Buffer.byteLength(piece) <= 10 && !piece.includes("\ufffd")));
  t.equal(pieces.join(""), "ü€😀".repeat(50));
});

t.test("a line of 64 MB without an end comes in pieces of a mebibyte, or whole where that is allowed", async (t) => {
  const args = ["-c", "head -c 64000000 /dev/zero | tr '\\0' x"];
  const pieces = await all(lines("sh", args));
  t.strictSame([pieces.length, new Set(pieces.map((piece) => piece.length)).size], [62, 2]);
  t.equal(pieces.join("").length, 64_000_000);
  const whole = await all(lines("sh", args, { maxLineBytes: 128 * 1024 * 1024 }));
  t.strictSame([whole.length, whole[0]?.length], [1, 64_000_000]);
});

t.test("bytes that are not UTF-8, and NUL, do not disturb the lines around them", async (t) => {
  t.strictSame(await all(sh("printf 'a\\n\\377\\000\\200x\\nb\\n'")), ["a", "\ufffd\0\ufffdx", "b"]);
});

t.test("standard error is seen by its observer and does not hold up the lines", async (t) => {
  let bytes = 0;
  const onStderr = (chunk: Buffer) => {
    bytes += chunk.length;
  };
  t.strictSame(await all(sh("head -c 1000000 /dev/zero >&2; echo a", { onStderr })), ["a"]);
  t.equal(bytes, 1_000_000);
});

t.test("an abort ends the iteration with its reason once nothing is left", async (t) => {
  const { env, left } = marked(t);
  const controller = new AbortController();
  const reading = all(sh("sleep 1000 & echo a; wait", { signal: controller.signal, env }));
  await eventually(() => left().length >= 2);
  controller.abort(new Error("enough"));
  await t.rejects(reading, { message: "enough" });
  t.strictSame(left(), []);
});

t.test("several lines may be asked for at once and come in order", async (t) => {
  const source = sh("echo a; echo b; sleep 0.05; echo c");
  const results = await Promise.all([source.next(), source.next(), source.next(), source.next()]);
  t.strictSame(
    results.map(({ value }) => value),
    ["a", "b", "c", undefined],
  );
});

t.test("an end asked for while a line is waited for ends both", async (t) => {
  const { env, left } = marked(t);
  const source = sh("echo a; sleep 1000", { env });
  await source.next();
  const waiting = source.next();
  await source.return();
  t.strictSame(await waiting, { done: true, value: undefined });
  t.strictSame(left(), []);
});

t.test("a program that closes its output and lives on is waited for", async (t) => {
  const source = sh("echo a; exec >&-; sleep 0.2; exit 6");
  t.strictSame(await all(source), ["a"]);
  t.match(source.report, { code: 6 });
});

t.test("input is fed while lines are read", async (t) => {
  const input = Array.from({ length: 200_000 }, (_, i) => `${i}\n`).join("");
  let sum = 0;
  for await (const line of lines("cat", [], { input })) sum += Number(line);
  t.equal(sum, (200_000 * 199_999) / 2);
});

t.test("a lost sidecar ends the iteration with an error", async (t) => {
  const { env } = marked(t);
  const source = sh("echo $PPID; sleep 1000", { env });
  process.kill(Number((await source.next()).value), "SIGKILL");
  await t.rejects(source.next(), { code: "ERR_PROCESS_EXIT", report: { stoppedBy: "sidecarLost" } });
  t.strictSame(processesMarked(`COPAL_TEST_MARK=${env.COPAL_TEST_MARK}`), []);
});

t.test("a wrong longest line is refused", async (t) => {
  t.throws(() => lines("true", [], { maxLineBytes: 0 }), { name: "RangeError" });
});
