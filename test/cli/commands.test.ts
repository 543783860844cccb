import { constants } from "node:os";
import t from "tap";
import { eventually } from "#src/testing/eventually.js";
import { CopalFolder } from "../support/copal.js";
import { isRunning } from "../support/proc.js";

// Many processes are started here, on machines that may be busy.
t.setTimeout(300_000);

const config = `
supervisor: shop
children:
  - actor: stats
    module: ./stats.mjs#Stats
  - process: cat
    command: [cat]
    stdout: { to: stats, method: line }
  - supervisor: web
    children:
      - process: api
        instances: 2
        command: "echo api; exec sleep 1000"
  - supervisor: other
    children:
      - process: cat
        command: "trap 'echo usr1' USR1; echo ready; while :; do sleep 0.01; done"
`;

const stats = `
import { Actor } from "${new URL("../../../dist/index.js", import.meta.url).href}";
export class Stats extends Actor {
  #lines = [];
  open = 1n;
  stick() { this.self.send("stick"); }
  handleInfo(info) { if (info.type === "info") return new Promise(() => {}); }
  line(text) { this.#lines.push(text); }
  lines() { return this.#lines; }
  echo(...args) { return args; }
  big() { return 1n; }
  fail() { throw new TypeError("as asked"); }
}
`;

// One app for all commands: each test leaves it as it was.
const app = new CopalFolder(t, { "copal.yaml": config, "stats.mjs": stats });
const up = await app.up();
t.teardown(async () => {
  up.child.kill("SIGTERM");
  await up.finished;
});

const keys = [
  "path",
  "id",
  "kind",
  "state",
  "osPid",
  "sidecarPid",
  "restarts",
  "budget",
  "lastExit",
  "uptimeMs",
  "thread",
  "containment",
];
const measured = ["mailbox", "rssBytes", "cpuPercent"];

t.test("ps --json has a row for each node, parents first, every key in each", async (t) => {
  const rows = await app.ps();
  t.same(
    rows.map((row) => row.path),
    ["shop", "shop/stats", "shop/cat", "shop/web", "shop/web/api.1", "shop/web/api.2", "shop/other", "shop/other/cat"],
  );
  for (const row of rows) t.same(Object.keys(row), [...keys, ...measured]);
  t.match(rows[0], { kind: "supervisor", state: "running", osPid: null, budget: { used: 0, max: 3 } });
  t.match(rows[2], {
    kind: "process",
    osPid: Number,
    sidecarPid: Number,
    rssBytes: Number,
    containment: /^(cgroup2|tree)$/,
  });
});

t.test("ps and tree are aligned for people, plain on a pipe", async (t) => {
  const { stdout } = await app.run("ps");
  const [header = ""] = stdout.split("\n");
  t.match(header, /^PATH +KIND +STATE +PID +RESTARTS +BUDGET +UPTIME +MEM +CPU +LAST EXIT$/);
  t.notMatch(stdout, "\x1b");
  const { stdout: drawn } = await app.run("tree");
  t.match(drawn, "├─ web");
  t.match(drawn, "│  └─ api.2");
  t.match(drawn, "└─ other");
});

t.test("send writes a line to a process's stdin, and without newline with -n", async (t) => {
  await app.run("send", "shop/cat", "one");
  await app.run("send", "shop/cat", "tw", "-n");
  await app.run("send", "shop/cat", "o");
  const lines = async () => (await app.run("call", "stats", "lines")).stdout;
  t.ok(await eventually(async () => (await lines()) === '["one","two"]\n'));
});

t.test("call passes JSON and texts, and prints JSON", async (t) => {
  const { stdout } = await app.run("call", "stats", "echo", "1", "x y", '{"a":[true]}', "null", "-5");
  t.equal(stdout, '[1,"x y",{"a":[true]},null,-5]\n');
});

t.test("what a call cannot do is one sentence and exit code 1", async (t) => {
  t.match(await app.run("call", "stats", "nope"), { code: 1, stderr: /^copal: .*no public method `nope`\n$/ });
  t.match(await app.run("call", "stats", "init"), { code: 1 });
  t.match(await app.run("call", "stats", "big"), { code: 1, stderr: /^copal: [^\n]*JSON cannot say[^\n]*\n$/ });
  t.match(await app.run("call", "stats", "fail"), { code: 1, stderr: /^copal: [^\n]*as asked\n$/ });
});

t.test("inspect shows an actor from within: for people, and as JSON", async (t) => {
  const { stdout } = await app.run("inspect", "stats");
  t.match(stdout, /^shop\/stats\n {2}condition +running\n {2}mailbox +0\n.*links +shop\n.*open: 1n/s);
  const shown = JSON.parse((await app.run("inspect", "stats", "--json")).stdout);
  t.match(shown, { path: "shop/stats", condition: "running", inHand: null, parent: "shop", state: { open: "1" } });
});

t.test("inspect shows processes and supervisors, and an actor that is stuck without its state", async (t) => {
  const json = async (id: string) => JSON.parse((await app.run("inspect", id, "--json")).stdout);
  t.match(await json("shop/cat"), { state: { argv: ["cat"], osPid: Number, state: "running" } });
  t.match(await json("web"), { children: ["shop/web/api.1", "shop/web/api.2"], state: { budget: { max: 3 } } });
  t.match(await app.run("inspect", "nope"), { code: 1, stderr: /there is no `nope`/ });
  await app.run("call", "stats", "stick");
  t.match(await json("stats"), { condition: "busy", inHand: "info", state: null, stateText: null });
  t.match((await app.run("inspect", "stats")).stdout, /busy, in hand: info.*did not answer within a second/s);
  await app.run("restart", "stats");
});

t.test("a crash is told with what it was over and where", async (t) => {
  await app.run("call", "stats", "fail");
  t.ok(
    await eventually(() =>
      /stats +\* crashed over call fail: error TypeError: as asked at .*stats\.mjs/.test(up.stdout()),
    ),
  );
});

t.test("signal reaches the process, by name or number", async (t) => {
  await eventually(async () => (await app.run("logs", "other/cat")).stdout.includes("ready"));
  t.match(await app.run("signal", "other/cat", "SIGUSR1"), { code: 0, stdout: "", stderr: "" });
  await eventually(async () => (await app.run("logs", "other/cat")).stdout.includes("usr1"));
  const { SIGUSR1 } = constants.signals;
  t.match(await app.run("signal", "other/cat", String(SIGUSR1)), { code: 0, stdout: "", stderr: "" });
  await eventually(async () => (await app.run("logs", "other/cat")).stdout.match(/usr1.*usr1/s));
});

t.test("an ambiguous id lists its candidates, an unknown one what is near", async (t) => {
  t.match(await app.run("stop", "cat"), { code: 1, stderr: "copal: `cat` can be shop/cat or shop/other/cat\n" });
  t.match(await app.run("stop", "api"), { code: 1, stderr: /its instances are shop\/web\/api.1, shop\/web\/api.2/ });
});

t.test("stop, start and restart a child", async (t) => {
  const pidOf = async () => (await app.ps()).find((row) => row.path === "shop/web/api.2")?.osPid as number;
  const first = await pidOf();
  t.match(await app.run("stop", "api.2"), { code: 0, stdout: "shop/web/api.2 stopped\n" });
  t.notOk(isRunning(first));
  t.match(await app.run("start", "api.2"), { code: 0, stdout: /^shop\/web\/api.2 running, pid \d+\n$/ });
  t.match(await app.run("start", "api.2"), { code: 1, stderr: "copal: shop/web/api.2 is already running\n" });
  const second = await pidOf();
  t.match(await app.run("restart", "api.2"), { code: 0 });
  t.notOk(isRunning(second));
  t.ok(isRunning(await pidOf()));
});

t.test("a child that ended for good is shown with its end, and can be started again", async (t) => {
  const once = new CopalFolder(t, {
    "copal.yaml": "supervisor: app\nchildren:\n  - { process: once, command: printf end, restart: no }\n",
  });
  const up = await once.up();
  const row = async () => (await once.ps())[1];
  await eventually(async () => (await row())?.state === "stopped");
  t.match(await row(), { osPid: null, lastExit: { reason: "normal", code: 0, signal: null, oom: false, at: /Z$/ } });
  t.match((await once.run("logs")).stdout, "app/once | end\n", "its last line had no newline");
  t.match(await once.run("start", "once"), { code: 0 });
  await eventually(async () => (await once.run("logs")).stdout === "app/once | end\napp/once | end\n");
  t.match(await once.run("stop", "once"), { code: 0, stdout: "app/once stopped\n" });
  up.child.kill("SIGTERM");
  t.equal((await up.finished).code, 0);
});

t.test("a whole supervisor is restarted by its id", async (t) => {
  const before = (await app.ps())
    .filter((row) => String(row.path).startsWith("shop/web/"))
    .map((row) => row.osPid as number);
  t.match(await app.run("restart", "web"), { code: 0, stdout: "shop/web running\n" });
  for (const osPid of before) t.notOk(isRunning(osPid));
});

t.test("logs -f goes on with what comes", async (t) => {
  const { child, finished, stdout } = app.follow("shop/other");
  await eventually(() => stdout().includes("ready"));
  await app.run("signal", "other/cat", "SIGUSR1");
  t.ok(await eventually(() => stdout().includes("usr1")));
  child.kill("SIGINT");
  await finished;
});

t.test("a second up is told who runs", async (t) => {
  const { code, stderr } = await app.run("up");
  t.equal(code, 1);
  t.equal(stderr, `copal: already running (pid ${up.child.pid})\n`);
});

t.test("wrong usage is one sentence and exit code 2", async (t) => {
  const wrong = [
    ["nope"],
    ["ps", "--nope"],
    ["ps", "x"],
    ["call"],
    ["logs", "-n", "x"],
    ["signal", "shop/cat", "SIGNOPE"],
    ["ps", "-c", "no.yaml"],
  ];
  for (const args of wrong) {
    const { code, stderr, stdout } = await app.run(...args);
    t.equal(code, 2, args.join(" "));
    t.match(stderr, /^copal: [^\n]+\n$/);
    t.equal(stdout, "");
  }
});

t.test("a command that is not there is named, with the one that was perhaps meant", async (t) => {
  const stderr = "copal: there is no command `tre`, did you mean `tree`?; `copal help` lists the commands\n";
  t.match(await app.run("tre"), { code: 2, stderr });
});

t.test("help says how each command is used, and --version which this is", async (t) => {
  t.match(await app.run("help", "run"), { code: 0, stdout: /--timeout <duration>.*--contain <how>/s });
  t.match(await app.run("help", "attach"), { code: 0, stdout: /--socket <path>/ });
  const { stdout } = await app.run("version");
  t.match(await app.run("--version"), { code: 0, stdout, stderr: "" });
});

t.test("what is planned and not built says so, with exit code 2", async (t) => {
  for (const args of [
    ["reload"],
    ["top"],
    ["init"],
    ["import", "x"],
    ["export"],
    ["doctor"],
    ["up", "--detach"],
    ["up", "--observe", "1"],
  ]) {
    t.match(await app.run(...args), { code: 2, stderr: /^copal: [^\n]*is not supported yet\n$/ }, args.join(" "));
  }
});

t.test("check says how much there is, or what is wrong", async (t) => {
  t.match(await app.run("check"), { code: 0, stdout: "copal.yaml: ok, 3 supervisors, 4 processes, 1 actor\n" });
  t.match((await app.run("check")).stdout, /\nstopping it takes at most 29s\n$/);
  const swallowing =
    "supervisor: a\nchildren: [{ supervisor: b, restart: transient, children: [{ process: p, command: x }] }]\n";
  const warned = new CopalFolder(t, { "copal.yaml": swallowing });
  t.match(await warned.run("check"), { code: 0, stdout: /\nwarning: a\/b: it is transient and gives up/ });
  const asJson = JSON.parse((await warned.run("check", "--json")).stdout);
  t.match(asJson, { ok: true, stopMs: 6_000, warnings: [{ path: "a/b" }] });
  const broken = new CopalFolder(t, { "copal.yaml": "supervisor: a\nchildren: 7\n" });
  t.match(await broken.run("check"), {
    code: 2,
    stderr: /^copal: copal.yaml:2:11: a.children: got 7, allowed is a list/,
  });
});
