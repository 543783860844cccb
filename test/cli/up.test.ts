import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { eventually } from "#src/testing/eventually.js";
import { CopalFolder } from "../support/copal.js";

// Many processes are started here, on machines that may be busy.
t.setTimeout(300_000);

const plain =
  'supervisor: app\nchildren:\n  - process: a\n    command: sleep 1000 & exec sleep 1000\n  - process: b\n    command: "echo hello; exec sleep 1000"\n';
const stubborn =
  "supervisor: app\nchildren:\n  - process: a\n    command: \"trap '' TERM INT; echo up; while :; do sleep 0.05; done\"\n    stop: { grace: 1h }\n";

t.test("up draws the tree, says where to look next, and shows output by its id", async (t) => {
  const app = new CopalFolder(t, { "copal.yaml": plain });
  const up = await app.up();
  t.match(up.stdout(), /├─ a +process +running +pid \d+/);
  t.match(up.stdout(), /copal.js ps/);
  t.match(up.stdout(), `socket ${join(app.folder, "copal", "app.sock")}`);
  await eventually(() => up.stdout().includes("b | hello"));
  up.child.kill("SIGTERM");
  t.match(await up.finished, { code: 0, stderr: "", stdout: /app +\* stopped, nothing is left/ });
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  t.test(`${signal} stops everything, exit code 0, and leaves neither process nor socket`, async (t) => {
    const app = new CopalFolder(t, { "copal.yaml": plain });
    const up = await app.up();
    up.child.kill(signal);
    t.equal((await up.finished).code, 0);
    t.same(app.left(), []);
    t.notOk(existsSync(join(app.folder, "copal", "app.sock")));
  });
}

t.test("a second Ctrl-C kills what does not want to stop, exit code 130", async (t) => {
  const app = new CopalFolder(t, { "copal.yaml": stubborn });
  const up = await app.up();
  await eventually(() => up.stdout().includes("a | up"));
  up.child.kill("SIGINT");
  await eventually(() => up.stdout().includes("stopping"));
  // Within half a second it is the same key press; sent again until it is another.
  const again = setInterval(() => up.child.kill("SIGINT"), 50);
  const { code } = await up.finished;
  clearInterval(again);
  t.equal(code, 130);
  t.same(app.left(), []);
  t.match(up.stdout(), "app * killed, nothing is left");
});

t.test("down stops the app in order and returns when its process has ended", async (t) => {
  const app = new CopalFolder(t, { "copal.yaml": plain });
  const up = await app.up();
  t.match(await app.run("down"), { code: 0, stderr: "" });
  t.same(app.left(), []);
  t.equal((await up.finished).code, 0);
  t.match(await app.run("ps"), { code: 1, stderr: /^copal: nothing is running at [^\n]+\n$/ });
});

t.test("SIGHUP without a terminal does not stop, it cannot reload yet", async (t) => {
  const app = new CopalFolder(t, { "copal.yaml": plain });
  const { spawn } = await import("node:child_process");
  const { copalBin } = await import("../support/copal.js");
  // In a session of its own it has no terminal, whatever the tests run in.
  const child = spawn(process.execPath, [copalBin, "up"], {
    cwd: app.folder,
    env: app.environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  await eventually(() => stdout.includes("socket "), { timeoutMs: 30_000 });
  child.kill("SIGHUP");
  await eventually(() => stderr === "copal: reload is not supported yet\n");
  t.equal((await app.ps()).length, 3);
  t.match(await app.run("down"), { code: 0 });
});

t.test("a reader that goes away is no reason to stop", async (t) => {
  const app = new CopalFolder(t, {
    "copal.yaml": 'supervisor: app\nchildren:\n  - process: a\n    command: "while :; do echo x; sleep 0.01; done"\n',
  });
  const up = await app.up();
  up.child.stdout?.destroy();
  await eventually(async () => (await app.run("logs", "-n", "1000000")).stdout.split("\n").length > 50);
  t.equal((await app.ps())[1]?.state, "running");
  t.match(await app.run("down"), { code: 0 });
  t.equal((await up.finished).code, 0);
});

t.test("a reader that stops reading does not stop the supervisor", async (t) => {
  const app = new CopalFolder(t, {
    "copal.yaml": 'supervisor: app\nchildren:\n  - process: a\n    command: "yes 0123456789"\n',
  });
  const up = await app.up();
  up.child.stdout?.pause();
  const before = (await app.run("logs", "-n", "1", "--json")).stdout;
  await eventually(async () => (await app.run("logs", "-n", "1", "--json")).stdout !== before);
  t.match(await app.run("down"), { code: 0 });
  up.child.stdout?.resume();
  t.equal((await up.finished).code, 0);
});

t.test(
  "a child that does not start ends up with exit code 1, naming child, stage and errno; nothing is left",
  async (t) => {
    const app = new CopalFolder(t, {
      "copal.yaml":
        "supervisor: app\nchildren:\n  - { process: a, command: sleep 1000 }\n  - supervisor: in\n    children:\n      - { process: b, command: [/no/such/program] }\n",
    });
    const { code, stderr } = await app.run("up");
    t.equal(code, 1);
    t.match(stderr, /^copal: app\/in\/b did not start: exec ENOENT \(errno 2\)/);
    t.same(app.left(), []);
  },
);

t.test("a root that gives up ends up with exit code 1 and the chain of causes", async (t) => {
  const app = new CopalFolder(t, {
    "copal.yaml":
      "supervisor: app\nintensity: { max: 0 }\nchildren:\n  - { process: a, command: sleep 1000 }\n  - supervisor: in\n    intensity: { max: 1, within: 10s }\n    children:\n      - { process: b, command: exit 3 }\n",
  });
  const { code, stderr } = await app.run("up");
  t.equal(code, 1);
  t.match(stderr, /copal: app gave up: .*app\/in/);
  t.match(
    stderr,
    /copal: app\/in gave up: more than 1 restart within .*app\/in\/b was restarted once, its last exit: exit 3/,
  );
  t.match(stderr, /`intensity` of app\/in/);
  t.same(app.left(), []);
});

t.test("a wrong config is exit code 2 and starts nothing", async (t) => {
  const app = new CopalFolder(t, {
    "copal.yaml": "supervisor: app\nchildren:\n  - { process: a, command: touch started, ready: 1 }\n",
  });
  t.match(await app.run("up"), {
    code: 2,
    stdout: "",
    stderr: /^copal: copal.yaml:3:43: app\/a.ready: `ready` is not supported yet\n$/,
  });
  t.notOk(existsSync(join(app.folder, "started")));
});

t.test("an actor module that cannot be loaded is found before anything starts", async (t) => {
  const app = new CopalFolder(t, {
    "copal.yaml":
      "supervisor: app\nchildren:\n  - { process: a, command: touch started }\n  - { actor: b, module: ./b.mjs#B }\n",
    "b.mjs": "export class C {}\n",
  });
  t.match(await app.run("up"), { code: 2, stderr: /app\/b.module: .\/b.mjs has no export `B`/ });
  t.notOk(existsSync(join(app.folder, "started")));
});

t.test("a TypeScript actor's Actor is the running Copal's", async (t) => {
  const app = new CopalFolder(t, {
    "copal.yaml": "supervisor: app\nchildren:\n  - { actor: a, module: ./a.ts }\n",
    "a.ts":
      'import { Actor } from "copal";\nexport default class A extends Actor {\n  #n: number = 1;\n  isActor(): boolean { return this instanceof Actor && this.#n === 1; }\n}\n',
  });
  const up = await app.up();
  t.match(await app.run("call", "a", "isActor"), { code: 0, stdout: "true\n" });
  up.child.kill("SIGTERM");
  await up.finished;
});

t.test("a config or a module that never finishes loading can be interrupted", async (t) => {
  const waiting =
    'console.error("waiting"); setInterval(() => {}, 1000); await new Promise(() => {}); export default {};';
  const config = new CopalFolder(t, { "copal.config.mjs": waiting });
  const module = new CopalFolder(t, {
    "copal.yaml": "supervisor: app\nchildren:\n  - { actor: a, module: ./a.mjs }\n",
    "a.mjs": waiting,
  });
  for (const app of [config, module]) {
    const up = app.start();
    await eventually(() => up.stderr().includes("waiting"));
    up.child.kill("SIGINT");
    t.equal((await up.finished).code, 0);
    t.same(app.left(), []);
  }
});

t.test("two ups at once: one runs, the other is told", async (t) => {
  const app = new CopalFolder(t, { "copal.yaml": plain });
  for (let round = 0; round < 3; round++) {
    const ups = [app.start(), app.start(), app.start()];
    const loser = await Promise.race(ups.map((up) => up.finished));
    t.match(loser, { code: 1, stderr: /^copal: already running/ });
    await eventually(() => ups.filter((up) => up.child.exitCode === null).length === 1);
    const winner = ups.find((up) => up.child.exitCode === null);
    await eventually(() => winner?.stdout().includes("socket "));
    winner?.child.kill("SIGTERM");
    t.equal((await winner?.finished)?.code, 0);
  }
  t.same(app.left(), []);
});

t.test("one Node.js process: the executable does not start itself again", async (t) => {
  const app = new CopalFolder(t, { "copal.yaml": plain });
  const up = await app.up();
  const nodes = app.left().filter(({ osPid }) => readFileSync(`/proc/${osPid}/cmdline`, "latin1").includes("copal.js"));
  t.same(
    nodes.map(({ osPid }) => osPid),
    [up.child.pid],
  );
  up.child.kill("SIGTERM");
  await up.finished;
});
