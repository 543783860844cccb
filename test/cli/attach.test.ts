// `copal attach` in a terminal, made by script(1), and on pipes; several at once, slow ones, and through restarts.
import { type ChildProcess, spawn } from "node:child_process";
import t, { type Test } from "tap";
import { ControlClient } from "#src/app/control-client.js";
import { JsonLines } from "#src/app/json-lines.js";
import { eventually } from "#src/testing/eventually.js";
import { CopalFolder, copalBin } from "../support/copal.js";
import { requireProgram } from "../support/require-program.js";

// Many processes are started here, on machines that may be busy.
t.setTimeout(300_000);

const patience = { timeoutMs: 20_000 };

const config = `
supervisor: app
intensity: unlimited
children:
  - process: shell
    pty: { rows: 11, cols: 33 }
    command: "stty -echo; while read -r line; do case $line in end) exit 3;; size) stty size;; *) echo got $line;; esac; done"
  - process: plain
    command: "echo begun; echo oops >&2; while read -r line; do [ $line = end ] && exit 4; echo got $line; done"
  - process: once
    restart: no
    command: "read -r line; echo last $line; exit 5"
  - process: flood
    restart: no
    command: "read -r line; head -c 26214400 /dev/zero"
  - supervisor: below
    children:
      - { process: deaf, command: "exec sleep 1000" }
`;

const app = new CopalFolder(t, { "copal.yaml": config });
const up = await app.up();
t.teardown(async () => {
  up.child.kill("SIGTERM");
  await up.finished;
});

const pidOf = async (path: string) => (await app.ps()).find((row) => row.path === path)?.osPid as number;

/** Collects what a child prints and lets it be typed to. */
function watched(child: ChildProcess) {
  let screen = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      screen += text;
    });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  child.stdin?.on("error", () => {});
  return {
    child,
    ended,
    screen: () => screen,
    shows: (text: string) => eventually(() => screen.includes(text), patience),
    type: (keys: string) => child.stdin?.write(keys),
  };
}

const options = { cwd: app.folder, env: app.environment };
/** Attaches on pipes. */
const attach = (...args: string[]) => watched(spawn(process.execPath, [copalBin, "attach", ...args], options));
/** Runs a command line with `attach` in a terminal. */
const inTerminal = (command: string) =>
  watched(
    spawn(
      "script",
      ["-qec", command.replace("attach", `${process.execPath} ${copalBin} attach`), "/dev/null"],
      options,
    ),
  );
const noScript = (t: Test) => requireProgram(t, "script", "bsdutils") === undefined;

t.test("on pipes: the last lines, then what comes; stderr apart; the process's end for good is the end", async (t) => {
  const { child, type, ended } = attach("once");
  let stdout = "";
  child.stdout?.on("data", (text: string) => {
    stdout += text;
  });
  type("word\n");
  t.equal(await ended, 0);
  t.equal(stdout, "last word\n");
});

t.test("the end of a piped input ends neither the attachment nor the process's input", async (t) => {
  const { child, shows, type, ended } = attach("plain");
  await shows("begun\n");
  await shows("oops\n");
  type("one\n");
  child.stdin?.end();
  await shows("got one\n");
  const second = attach("plain", "-n", "1");
  await second.shows("got one\n");
  second.type("two\n");
  await shows("got two\n");
  t.notMatch(second.screen(), "begun");
  child.kill("SIGINT");
  second.child.kill("SIGINT");
  t.equal(await ended, 0);
  t.equal(await second.ended, 0);
});

t.test("in a terminal keys are raw, sizes are passed on, and Ctrl-P Ctrl-Q detaches", async (t) => {
  if (noScript(t)) return;
  const { shows, type, ended, screen } = inTerminal("stty rows 17 cols 71; stty -a; attach shell; stty -a");
  await shows("Ctrl-P Ctrl-Q detaches");
  await eventually(() => {
    type("size\n");
    return screen().includes("17 71\r\n");
  }, patience);
  type("word\n");
  await shows("got word\r\n");
  const osPid = await pidOf("app/shell");
  type("\x10\x11");
  await shows("detached from app/shell");
  t.equal(await ended, 0);
  t.equal(await pidOf("app/shell"), osPid);
  const settings = [...screen().matchAll(/speed.*?-?echoprt[^\r\n]*/gs)].map(([part]) => part.replace(/\s+/g, " "));
  t.equal(settings.length, 2);
  t.equal(settings[1], settings[0], "the terminal is as it was");
});

t.test(
  "in front of a process without a terminal lines are edited, and the same keys detach in the middle of one",
  async (t) => {
    if (noScript(t)) return;
    const { shows, type, ended } = inTerminal("attach plain");
    await shows("Ctrl-P Ctrl-Q detaches");
    // The keys are taken once the terminal is prepared, which what is echoed after a line shows.
    type("abx\x7fc\n");
    await shows("got abc");
    type("\x10\x11");
    await shows("detached from app/plain");
    t.equal(await ended, 0);
  },
);

t.test("two see the same, and both follow a restart", async (t) => {
  const first = attach("shell", "-n", "0");
  const second = attach("shell", "-n", "0");
  for (const one of [first, second]) await one.shows("attached to app/shell, pid");
  first.type("here\n");
  for (const one of [first, second]) await one.shows("got here");
  second.type("end\n");
  for (const one of [first, second]) await one.shows("app/shell ended: exit 3\ncopal: app/shell restarted, pid");
  second.type("again\n");
  for (const one of [first, second]) await one.shows("got again");
  first.child.kill("SIGINT");
  second.child.kill("SIGINT");
  t.equal(await first.ended, 0);
  t.equal(await second.ended, 0);
});

t.test("`copal restart` is followed, also that of the supervisor above; `copal stop` is the end", async (t) => {
  const { shows, ended, screen } = attach("deaf");
  await shows("attached to app/below/deaf");
  await app.run("restart", "deaf");
  await shows("restarted, pid");
  await app.run("restart", "below");
  await eventually(() => screen().split("restarted, pid").length === 3, patience);
  await app.run("stop", "deaf");
  t.equal(await ended, 0);
  t.match(screen(), /ended: shutdown\n$/);
  t.match(await attach("deaf").ended, 1);
});

t.test("one that reads nothing holds nothing up, and is told how much it missed", async (t) => {
  const client = new ControlClient(`${app.folder}/copal/app.sock`);
  const stalled = await client.upgrade("attach?id=flood", "copal-attach");
  stalled.write(`${JSON.stringify({ input: Buffer.from("go\n").toString("base64") })}\n`);
  await eventually(async () => (await app.ps()).some((row) => row.id === "flood" && row.state === "stopped"), patience);
  let outputBytes = 0;
  let droppedBytes = 0;
  const lines = new JsonLines();
  stalled.setEncoding("utf8").on("data", (text: string) => {
    for (const { output, dropped } of lines.push(text)) {
      if (output) outputBytes += Buffer.from((output as { bytes: string }).bytes, "base64").length;
      if (dropped) droppedBytes += (dropped as { bytes: number }).bytes;
    }
  });
  await eventually(() => outputBytes + droppedBytes === 26_214_400, patience);
  t.ok(droppedBytes > 0);
  t.ok(outputBytes < 8_000_000, `${outputBytes} bytes were kept for it`);
  stalled.destroy();
});

t.test("what is no running process is refused in one sentence", async (t) => {
  t.match(await app.run("attach", "below"), {
    code: 1,
    stderr: "copal: app/below is no process, it is a supervisor\n",
  });
  t.match(await app.run("attach", "nope"), { code: 1, stderr: /^copal: there is no `nope`[^\n]*\n$/ });
  t.match(await app.run("attach", "once"), { code: 1, stderr: "copal: app/once is stopped\n" });
  t.match(await app.run("attach", "plain", "-n", "x"), { code: 2, stderr: /^copal: [^\n]*a number of lines\n$/ });
  t.match(await app.run("attach"), { code: 2, stderr: /^copal: [^\n]+\n$/ });
});

t.test("the end of the app ends it in order", async (t) => {
  const other = new CopalFolder(t, {
    "copal.yaml": "supervisor: other\nchildren:\n  - { process: sleeper, command: exec sleep 1000 }\n",
  });
  await other.up();
  const one = watched(
    spawn(process.execPath, [copalBin, "attach", "sleeper"], { cwd: other.folder, env: other.environment }),
  );
  await one.shows("attached to other/sleeper");
  t.match(await other.run("down"), { code: 0 });
  t.equal(await one.ended, 0);
  t.match(one.screen(), /ended: shutdown\n$/);
});
