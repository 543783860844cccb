// Signals at random moments of start-up, running and shutdown, in a real terminal and under npm: nothing may be left.
// COPAL_TEST_ROUNDS (default 3) says how often each way is tried.
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import t, { type Test } from "tap";
import { eventually } from "#src/testing/eventually.js";
import { CopalFolder, copalBin } from "../support/copal.js";
import { commandLine } from "../support/proc.js";
import { requireProgram } from "../support/require-program.js";

const rounds = Number(process.env.COPAL_TEST_ROUNDS ?? 3);

// Many processes are started here, on machines that may be busy.
t.setTimeout(100_000 * (rounds + 1));

const files = {
  "package.json": JSON.stringify({
    name: "x",
    private: true,
    scripts: { start: `exec ${process.execPath} ${copalBin} up` },
  }),
  "copal.yaml": `
supervisor: app
children:
  - process: plain
    command: "sleep 1000 & setsid sleep 1000 & exec sleep 1000"
  - process: stubborn
    command: "trap '' TERM INT HUP; sleep 1000 & while :; do sleep 0.05; done"
    stop: { grace: 300ms }
  - process: crashing
    command: "sleep 0.3; exit 1"
  - supervisor: in
    intensity: unlimited
    children:
      - process: restless
        command: "sleep 0.05; exit 1"
`.replace("children:\n  - process: plain", "intensity: unlimited\nchildren:\n  - process: plain"),
};

/** Runs a command in a terminal of its own; what is written to its stdin is typed. */
function inTerminal(app: CopalFolder, command: string): ChildProcess {
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    cwd: app.folder,
    env: app.environment,
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin?.on("error", () => {});
  child.stdout?.resume();
  return child;
}

/** Waits until nothing that carries the folder's mark is left, `script` and npm included. */
async function nothingLeft(t: Test, app: CopalFolder, delayMs: number): Promise<void> {
  const left = () => app.left().map(({ osPid }) => `${osPid} ${commandLine(osPid)}`);
  await eventually(() => left().length === 0, { timeoutMs: 15_000 }).catch(() => {});
  t.same(left(), [], `nothing is left, after a delay of ${Math.round(delayMs)} ms`);
}

const up = `exec ${process.execPath} ${copalBin} up`;

const ways: Readonly<Record<string, (app: CopalFolder, delay: () => Promise<void>) => Promise<unknown>>> = {
  "Ctrl-C in a terminal": async (app, delay) => {
    const terminal = inTerminal(app, up);
    await delay();
    terminal.stdin?.write("\x03");
  },
  "Ctrl-C under npm, which may arrive twice": async (app, delay) => {
    const terminal = inTerminal(app, "npm start");
    await delay();
    terminal.stdin?.write("\x03");
  },
  "the terminal is closed": async (app, delay) => {
    const terminal = inTerminal(app, up);
    await delay();
    terminal.kill("SIGKILL");
  },
  "the terminal is closed under npm": async (app, delay) => {
    const terminal = inTerminal(app, "npm start");
    await delay();
    terminal.kill("SIGKILL");
  },
  "SIGTERM to node": async (app, delay) => {
    const { child } = app.start();
    await delay();
    child.kill("SIGTERM");
  },
  "SIGTERM to npm": async (app, delay) => {
    const npm = spawn("npm", ["start"], { cwd: app.folder, env: app.environment, stdio: "ignore" });
    await delay();
    npm.kill("SIGTERM");
  },
  "SIGTERM, then SIGINT again and again while it stops": async (app, delay) => {
    const { child, finished } = app.start();
    await delay();
    child.kill("SIGTERM");
    const again = setInterval(() => child.kill("SIGINT"), 70);
    await finished;
    clearInterval(again);
  },
  "SIGKILL to node": async (app, delay) => {
    const { child } = app.start();
    await delay();
    child.kill("SIGKILL");
  },
};

for (const [way, act] of Object.entries(ways)) {
  t.test(`${way}, at any moment, leaves nothing`, async (t) => {
    if (requireProgram(t, "script", "bsdutils") === undefined) return;
    for (let round = 0; round < rounds; round++) {
      const app = new CopalFolder(t, files);
      const delayMs = Math.random() * 2_000;
      await act(app, () => wait(delayMs));
      await nothingLeft(t, app, delayMs);
    }
  });
}

t.test("Ctrl-C in a terminal ends with exit code 0 once the tree runs", async (t) => {
  if (requireProgram(t, "script", "bsdutils") === undefined) return;
  const app = new CopalFolder(t, files);
  const terminal = inTerminal(app, up);
  const ended = new Promise((resolve) => terminal.on("close", resolve));
  await eventually(async () => (await app.run("ps")).stdout.includes("restless"), { timeoutMs: 30_000 });
  terminal.stdin?.write("\x03");
  t.equal(await ended, 0);
});
