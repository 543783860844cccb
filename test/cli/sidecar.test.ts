// `copal sidecar`: the protocol by hand, recorded and said again.
import { spawnSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { JsonObject } from "#src/app/json-lines.js";
import { copalBin } from "../support/copal.js";
import { marked } from "../support/marked.js";
import { privateFolder } from "../support/private-folder.js";

t.setTimeout(120_000);

/** Gives commands to `copal sidecar`, to its end. */
function byHand(t: Test, lines: readonly unknown[], ...args: readonly string[]) {
  const { env, left } = marked(t);
  const input = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");
  const { status, stdout, stderr } = spawnSync(process.execPath, [copalBin, "sidecar", ...args], {
    input,
    env,
    encoding: "utf8",
  });
  t.strictSame(left(), []);
  const events = stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as JsonObject]));
  return { status, stderr, events };
}

const kinds = (events: readonly JsonObject[]) =>
  events.map(({ id, ...rest }) => `${Object.keys(rest)[0]} ${id}`).join(", ");
const env = { PATH: "/usr/bin:/bin" };
const talk = [
  { start: { argv: ["cat"], env } },
  { wait: "started" },
  { write: { data: "hé\n" } },
  { wait: "output" },
  { credit: { stream: 1, bytes: 4 } },
  { write: { data: { base64: "/wo=" } } },
  { wait: "output" },
  { closeStdin: {} },
];

t.test(
  "a start needs its argv alone, ids are given, and the end of the input waits for the end of the life",
  async (t) => {
    const { status, events, stderr } = byHand(t, [
      { start: { argv: ["sh", "-c", "echo $GREETING; exit 7"], env: { ...env, GREETING: "hi" } } },
    ]);
    t.equal(kinds(events), "hello 1, started 2, output 0, exited 0");
    t.match(events[2], { output: { stream: 1, bytes: "hi\n" } });
    t.match(events[3], { exited: { code: 7, signal: null, stoppedBy: "itself" } });
    t.equal(status, 0);
    t.equal(stderr, "");
  },
);

t.test("bytes are text where they are UTF-8, and base64 where not; `wait` holds back what follows", async (t) => {
  const { events } = byHand(t, talk);
  const outputs = events.flatMap(({ output }) => (output ? [(output as { bytes: unknown }).bytes] : []));
  t.strictSame(outputs, ["hé\n", { base64: "/wo=" }]);
});

t.test("a terminal, a signal by name, an id of one's own", async (t) => {
  const { events } = byHand(t, [
    {
      start: { argv: ["sh", "-c", "stty size; exec sleep 1000"], pty: { rows: 5, cols: 6, echo: true, raw: false } },
      id: 7,
    },
    { wait: "output" },
    { signal: { signal: "SIGINT", target: "group" } },
  ]);
  t.match(events[1], { id: 7, started: {} });
  t.match(events[2], { output: { stream: 1, bytes: "5 6\r\n" } });
  t.match(events.at(-1), { exited: { signal: 2 } });
});

t.test("a socket for its input, which is not lent to nobody", async (t) => {
  const { events } = byHand(t, [
    { start: { argv: ["sh", "-c", "readlink /proc/self/fd/0 | cut -c 1-6; cat >/dev/null"], stdin: "socket", env } },
    { wait: "output" },
    { lend: { to: "copal-test-nobody" } },
    { closeStdin: {} },
  ]);
  t.match(events[2], { output: { stream: 1, bytes: "socket\n" } });
  t.match(events[3], { id: 3, error: { code: "ERR_STATE" } });
  t.match(events.at(-1), { exited: { code: 0 } });
});

t.test("a start that fails is an event like others", async (t) => {
  const { status, events } = byHand(t, [{ start: { argv: ["/nope"] } }]);
  t.match(events[1], { id: 2, startFailed: { stage: "exec", code: "ENOENT" } });
  t.equal(status, 0);
});

t.test("what breaks the protocol is said, and is the end", async (t) => {
  const { status, stderr, events } = byHand(t, [
    { start: { argv: ["cat"], env } },
    { wait: "started" },
    { credit: { stream: 1, bytes: 1 } },
  ]);
  t.match(events, [{}, {}, { id: 0, error: { code: "ERR_WIRE" } }]);
  t.equal(status, 1);
  t.match(stderr, /^copal: [^\n]+\n$/);
});

t.test("a line that is no command is named, nothing of it is sent, and nothing is left", async (t) => {
  for (const wrong of [
    "nope",
    "[]",
    { nope: {} },
    { start: {} },
    { start: { argv: ["x"], stdin: "what" } },
    { signal: { signal: "SIGNOPE" } },
  ]) {
    const { status, stderr } = byHand(t, [{ start: { argv: ["sleep", "1000"] } }, { wait: "started" }, wrong]);
    t.equal(status, 2, JSON.stringify(wrong));
    t.match(stderr, /^copal: line 3: [^\n]+\n$/);
  }
});

t.test("a record has every frame with direction and time, for nobody else to read", async (t) => {
  const file = join(privateFolder(t), "record.jsonl");
  byHand(t, talk, "--record", file);
  const frames = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as JsonObject);
  const sent = frames.filter(({ to }) => to === "resin").map(({ id, start, write }) => [id, start, write]);
  t.match(sent, [[1], [2, { argv: ["cat"], stop: { signal: 15 } }], [3, undefined, { data: "hé\n" }], [0], [4], [5]]);
  const times = frames.map(({ atMs }) => Number(atMs));
  t.strictSame(
    times,
    times.toSorted((a, b) => a - b),
  );
  t.match(frames.at(-1), { to: "owner", exited: { code: 0 } });
  t.equal(statSync(file).mode & 0o777, 0o600);
});

t.test("a replay hears the same, and says where it hears something else", async (t) => {
  const folder = privateFolder(t);
  const file = join(folder, "record.jsonl");
  byHand(t, talk, "--record", file);
  t.match(byHand(t, [], "--replay", file), { status: 0, stderr: "" });
  const other = join(folder, "other.jsonl");
  writeFileSync(other, readFileSync(file, "utf8").replace('"argv":["cat"]', '"argv":["cat","/nope"]'));
  const { status, stderr, events } = byHand(t, [], "--replay", other);
  t.equal(status, 1);
  t.match(stderr, "copal: what was heard differs from the record\n");
  t.match(
    events.find(({ differs }) => (differs as JsonObject | undefined)?.lane === "stdout"),
    {
      differs: { at: 1, expected: ["output", "exited"], got: ["exited"] },
    },
  );
});

t.test("what is no record is refused by its line", async (t) => {
  const file = join(privateFolder(t), "record.jsonl");
  writeFileSync(file, '{"to":"resin","id":1,"hello":{}}\n{"to":"nobody"}\n');
  t.match(byHand(t, [], "--replay", file), { status: 2, stderr: /^copal: [^\n]*line 2: `to`[^\n]*\n$/ });
  t.match(byHand(t, [], "--replay", "/nope"), { status: 2, stderr: /^copal: [^\n]*ENOENT[^\n]*\n$/ });
});
