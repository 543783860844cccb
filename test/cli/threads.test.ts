/**
 * Every command that names a child, for children that live in worker threads: actors, a supervisor, processes below it.
 */
import { spawn } from "node:child_process";
import t from "tap";
import { eventually } from "#src/testing/eventually.js";
import { CopalFolder, copalBin } from "../support/copal.js";
import { isRunning } from "../support/proc.js";

t.setTimeout(300_000);

const config = `
supervisor: shop
pool: { size: 1, heap: 64M }
children:
  - { actor: stats, module: ./stats.mjs#Stats, thread: own, heap: 64M, stack: 8M }
  - { actor: pooled, module: ./stats.mjs#Stats, thread: pool }
  - supervisor: web
    thread: own
    children:
      - { actor: inner, module: ./stats.mjs#Stats }
      - process: cat
        command: [cat]
        stdout: { to: stats, method: line }
      - process: api
        command: "trap 'echo usr1' USR1; echo ready; while :; do sleep 0.01; done"
`;

const stats = `
import { Actor } from "${new URL("../../../dist/index.js", import.meta.url).href}";
export class Stats extends Actor {
  n = 0;
  #lines = [];
  line(text) { this.#lines.push(text); }
  lines() { return this.#lines; }
  fail() { throw new TypeError("as asked"); }
  spin() { for (;;); }
}
`;

// One app for all commands: each test leaves it as it was.
const app = new CopalFolder(t, { "copal.yaml": config, "stats.mjs": stats });
const up = await app.up();
t.teardown(async () => {
  up.child.kill("SIGTERM");
  await up.finished;
});

async function row(path: string): Promise<Readonly<Record<string, unknown>>> {
  const found = (await app.ps()).find((one) => one.path === path);
  if (!found) throw new Error(`no row ${path}`);
  return found;
}

t.test("ps shows where everything lives, and measures what runs there", async (t) => {
  const rows = await app.ps();
  t.match(
    rows.map(({ path, thread }) => `${path} ${thread}`),
    [
      "shop main",
      /^shop\/stats own-\d+$/,
      "shop/pooled pool-1",
      /^shop\/web own-\d+$/,
      /^shop\/web\/inner own-\d+$/,
      /^shop\/web\/cat own-\d+$/,
      /^shop\/web\/api own-\d+$/,
    ],
  );
  for (const { path, mailbox } of rows) t.equal(mailbox, 0, `${path} has a mailbox`);
  t.match(await row("shop/web"), { budget: { used: 0, max: 3 } });
  t.match(await row("shop/web/api"), { osPid: Number, sidecarPid: Number, rssBytes: Number, cpuPercent: Number });
});

t.test("tree, logs and the drawing of up have the children of a thread", async (t) => {
  t.match((await app.run("tree")).stdout, /web[\s\S]*inner[\s\S]*cat[\s\S]*api/);
  t.match(up.stdout(), /inner/);
  await eventually(async () => (await app.run("logs", "api")).stdout.includes("ready"));
});

t.test("send and signal reach a process of a thread, and call an actor", async (t) => {
  t.equal((await app.run("send", "cat", "hello there")).code, 0);
  await eventually(async () => (await app.run("call", "stats", "lines")).stdout.includes('"hello there"'));
  t.equal((await app.run("signal", "api", "SIGUSR1")).code, 0);
  await eventually(async () => (await app.run("logs", "api")).stdout.includes("usr1"));
  t.match(await app.run("call", "inner", "nothing"), { code: 1, stderr: /no public method `nothing`/ });
});

t.test("stop, start and restart by id do to children of a thread what they do to others", async (t) => {
  for (const path of ["shop/pooled", "shop/web/inner", "shop/web"]) {
    t.equal((await app.run("stop", path)).code, 0);
    t.match(await row(path), { state: "stopped", thread: null, lastExit: { reason: "shutdown" } });
    t.equal((await app.run("start", path)).code, 0);
    t.equal((await app.run("restart", path)).code, 0);
    t.match(await row(path), { state: "running", thread: String });
  }
});

t.test("a process of a thread that is killed is started again, in the same thread", async (t) => {
  const before = await row("shop/web/api");
  t.equal((await app.run("signal", "api", "SIGKILL")).code, 0);
  const after = await eventually(async () => {
    const now = await row("shop/web/api");
    return now.state === "running" && now.osPid !== before.osPid && now.osPid !== null ? now : undefined;
  });
  t.match(after, { restarts: Number, lastExit: { signal: "SIGKILL" }, thread: before.thread });
  await eventually(() => /web\/api .*exited: signal SIGKILL[\s\S]*web\/api .*restarted pid \d+/.test(up.stdout()));
});

t.test("a crash in a thread is told by up, with what was thrown", async (t) => {
  t.match(await app.run("call", "inner", "fail"), { code: 1, stderr: /as asked/ });
  await eventually(() => /web\/inner .*crashed over call fail: error TypeError: as asked/.test(up.stdout()));
  await eventually(async () => (await row("shop/web/inner")).state === "running");
  t.pass();
});

t.test("inspect shows what is in a thread, and an actor that is stuck with it", async (t) => {
  const { stdout } = await app.run("inspect", "pooled");
  t.match(stdout, /condition .*running[\s\S]*parent .*shop[\s\S]*n: 0/);
  const web = JSON.parse((await app.run("inspect", "web", "--json")).stdout);
  t.match(web, { trapExit: true, parent: "shop" });
  t.strictSame(web.children.sort(), ["shop/web/api", "shop/web/cat", "shop/web/inner"]);
  const spinning = app.run("call", "stats", "spin");
  await eventually(async () => (await app.run("inspect", "stats")).stdout.includes("stuck, with its thread"));
  t.equal((await app.run("restart", "stats")).code, 0);
  t.match(await row("shop/stats"), { state: "running", lastExit: { reason: "killed" } });
  await spinning;
});

t.test("attach talks to a process of a thread", async (t) => {
  const attached = spawn(process.execPath, [copalBin, "attach", "web/cat"], {
    cwd: app.folder,
    env: app.environment,
    stdio: ["pipe", "pipe", "ignore"],
  });
  let seen = "";
  attached.stdout.setEncoding("utf8").on("data", (text: string) => {
    seen += text;
  });
  attached.stdin.write("through the thread\n");
  await eventually(() => seen.includes("through the thread"));
  attached.kill("SIGTERM");
  t.pass();
});

t.test("down stops everything in order, and nothing is left", async (t) => {
  const { osPid } = await row("shop/web/api");
  t.equal((await app.run("down")).code, 0);
  t.match(await up.finished, { code: 0 });
  t.notOk(isRunning(Number(osPid)));
});
