import t from "tap";
import { type LogLine, longestLineBytes, OutputLog } from "#src/app/output-log.js";

const all = new Set(["a", "b"]);
const texts = (lines: readonly LogLine[]) => lines.map((line) => line.line);

t.test("chunks are cut into lines wherever they were cut before", async (t) => {
  const log = new OutputLog();
  for (const chunk of ["on", "e\ntw", "o\r\n", "\nthree"]) log.append("a", "stdout", Buffer.from(chunk));
  t.same(texts(log.last(all, 10)), ["one", "two", ""]);
  log.flush("a");
  t.same(texts(log.last(all, 1)), ["three"]);
});

t.test("a character cut in two arrives whole", async (t) => {
  const log = new OutputLog();
  const bytes = Buffer.from("ü€\n");
  log.append("a", "stdout", bytes.subarray(0, 3));
  log.append("a", "stdout", bytes.subarray(3));
  t.same(texts(log.last(all, 1)), ["ü€"]);
});

t.test("the lines of several children come in the order of their time", async (t) => {
  let nowMs = 0;
  const log = new OutputLog({ nowMs: () => nowMs++ });
  log.append("a", "stdout", Buffer.from("1\n"));
  log.append("b", "stderr", Buffer.from("2\n"));
  log.append("a", "stdout", Buffer.from("3\n"));
  t.same(texts(log.last(all, 10)), ["1", "2", "3"]);
  t.same(texts(log.last(all, 2)), ["2", "3"]);
});

t.test("memory stays bounded, and what was forgotten is counted", async (t) => {
  const log = new OutputLog({ bytesPerChild: 10_000 });
  for (let i = 0; i < 5_000; i++) log.append("a", "stdout", Buffer.from(`line ${i}\n`));
  const kept = log.last(all, 1_000_000);
  t.equal(kept.at(-1)?.line, "line 4999");
  t.equal(kept.length + log.dropped("a"), 5_000);
  t.ok(kept.length < 200);
});

t.test("a line without an end is cut, not collected for ever", async (t) => {
  const log = new OutputLog();
  const chunk = Buffer.alloc(longestLineBytes, "x");
  for (let i = 0; i < 4; i++) log.append("a", "stdout", chunk);
  t.same(
    log.last(all, 10).map((line) => line.line.length),
    [longestLineBytes, longestLineBytes, longestLineBytes],
  );
});

t.test("followers hear each line once, until they stop", async (t) => {
  const log = new OutputLog();
  const heard: string[] = [];
  const unfollow = log.follow((line) => heard.push(line.line));
  log.append("a", "stdout", Buffer.from("1\n"));
  unfollow();
  log.append("a", "stdout", Buffer.from("2\n"));
  t.same(heard, ["1"]);
});
