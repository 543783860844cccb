import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { eventually } from "#src/testing/eventually.js";
import { CopalFolder } from "../support/copal.js";
import { freePort } from "../support/free-port.js";

t.setTimeout(300_000);

const root = process.cwd();
const jiti = join(root, "node_modules", "jiti", "lib", "jiti-cli.mjs");

/** Runs an example as its first lines say and gives what it prints. */
async function output(t: Test, name: string): Promise<string> {
  const app = new CopalFolder(t, {});
  const child = spawn(process.execPath, [jiti, join(root, "examples", name)], {
    cwd: root,
    env: app.environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  t.equal(code, 0);
  t.same(app.left(), []);
  return stdout;
}

const printed: Readonly<Record<string, string>> = {
  "counter.ts": "5\n12\nERR_ACTOR_EXIT: the counter crashed, and a new one counts from 0\n",
  "hold-a-process.ts": "it runs, as 4 processes\nit ended: true\nits whole tree is gone: true\n",
  "crash-and-restart.ts": "app/shaky was restarted 2 times, its last exit: 3\napp ended: shutdown\n",
  "lines-to-an-actor.ts": "3 lines, 6 in all\n",
  "traffic-light.ts": "red\ngreen\nyellow\nred\n2 have crossed\n",
  "plain-code.ts": "2 3 5 7 11 13 17 19\n25% 50% 75%\n168 primes\nERR_ACTOR_EXIT\n",
  "compute.ts": "20 %\n40 %\n60 %\n80 %\n669 primes\nit is gone, and what it had asked for\n95 primes\n",
  "task.ts": "1\n4\n9\nit went on meanwhile\nslow: done\n",
};
for (const [name, text] of Object.entries(printed)) {
  t.test(`${name} prints what it says and is no longer than 60 lines`, async (t) => {
    t.equal(await output(t, name), text);
    t.ok(readFileSync(join(root, "examples", name), "utf8").split("\n").length <= 61);
  });
}

t.test("the shop runs: its servers answer, its actor counts, its flaky child comes back", async (t) => {
  const app = new CopalFolder(t, {});
  const file = join(root, "examples", "shop", "copal.yaml");
  // Ports that are taken are replaced by free ones, so any prefix will do.
  app.environment.SHOP_PORT = String(Math.floor((await freePort()) / 10));
  const up = await app.up("-c", file);
  const url = await eventually(() => /api 1 is at (\S+)/.exec(up.stdout())?.[1]);
  t.match(await (await fetch(url)).text(), /^Hello from api 1, /);
  const { stdout } = await app.run("call", "-c", file, "stats", "total");
  t.type(JSON.parse(stdout).orders, "number");
  await eventually(() => up.stdout().includes("stats says: 3 orders, 25 EUR"), { timeoutMs: 30_000 });
  await eventually(() => /flaky +\* restarted pid \d+ \(1 of 10 within 10s\)/.test(up.stdout()), { timeoutMs: 30_000 });
  up.child.kill("SIGINT");
  t.equal((await up.finished).code, 0);
  t.same(app.left(), []);
});
