import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { open } from "#src/process/open.js";
import { run } from "#src/process/run.js";
import { closeForkServer, forkServer } from "#src/sidecar/fork-server.js";
import { eventually } from "#src/testing/eventually.js";
import { encodeFrame } from "#src/wire/codec.js";
import type { EventBodies } from "#src/wire/messages.js";
import { childrenOf, isRunning } from "../support/proc.js";

t.afterEach(async () => {
  delete process.env.COPAL_RESIN;
  await closeForkServer();
});

t.test("a fork server that was killed is replaced at the next start, and what it held goes on", async (t) => {
  const held = await open("sleep", ["1000"]);
  const first = await forkServer();
  process.kill(first.osPid, "SIGKILL");
  await eventually(() => !isRunning(first.osPid));
  const session = await open("true");
  t.match(await session.exited, { code: 0 });
  t.not((await forkServer()).osPid, first.osPid);
  t.ok(isRunning(held.osPid));
  await held.stop();
  t.notOk(isRunning(held.osPid));
});

t.test("closing it leaves neither it nor a sidecar", async (t) => {
  const session = await open("true");
  await session.exited;
  await closeForkServer();
  t.notOk(isRunning(session.place.sidecarPid));
  t.strictSame(
    childrenOf(process.pid).filter(({ name }) => name === "resin"),
    [],
  );
});

t.test("whoever waits for its end hears of it, whatever it announces meanwhile", async (t) => {
  const path = join(t.testdir(), "resin");
  const announcement = JSON.stringify({ resin: "1.0.0", versions: [1, 1], socket: "x", pid: 1 });
  // More than a pipe takes: when it ends, its owner has heard most of it.
  const announces = `yes '{"swept":1}' | head -n 100000`;
  writeFileSync(path, `#!/bin/sh\necho '${announcement}'\ncat >/dev/null\n${announces}\n`, { mode: 0o755 });
  const owner = `import { closeForkServer, forkServer } from "#src/sidecar/fork-server.js";
    await forkServer();
    await closeForkServer();`;
  const env = { ...process.env, COPAL_RESIN: path, NODE_OPTIONS: "" };
  const child = spawn(process.execPath, ["--input-type=module", "-e", owner], { env, stdio: "ignore" });
  t.strictSame(await once(child, "exit"), [0, null]);
});

t.test("sidecars serve one process after another, and never two at once", async (t) => {
  const first = await open("true");
  await first.exited;
  const second = await open("sleep", ["1000"]);
  t.equal(second.place.sidecarPid, first.place.sidecarPid, "the idle one is taken");
  const third = await open("sleep", ["1000"]);
  t.not(third.place.sidecarPid, second.place.sidecarPid);
  await Promise.all([second.stop(), third.stop()]);
});

t.test("an idle sidecar that was killed is not the next process's loss", async (t) => {
  const first = await open("true");
  await first.exited;
  process.kill(first.place.sidecarPid, "SIGKILL");
  const second = await open("echo", ["still"]);
  t.match(await second.exited, { code: 0 });
});

for (const [what, script, stage, message] of [
  ["a resin that is not there", undefined, "find", /cannot be used: ENOENT/],
  ["a resin that is something else", "#!/bin/sh\necho hello\nsleep 1000\n", "start", /is not resin/],
  ["a resin that ends at once", "#!/bin/sh\nexit 3\n", "start", /ended before it listened, with code 3/],
  [
    "a resin of another protocol",
    `#!/bin/sh\necho '{"resin":"9.0.0","versions":[7,9],"socket":"x","pid":1}'\ncat\n`,
    "hello",
    /9\.0\.0 speaks protocol 7 to 9, this Copal 1 to 1/,
  ],
] as const) {
  t.test(`${what} is one sentence with its stage, and nothing is left`, async (t) => {
    const path = join(t.testdir(), "resin");
    if (script !== undefined) {
      writeFileSync(path, script);
      chmodSync(path, 0o755);
    }
    process.env.COPAL_RESIN = path;
    await t.rejects(open("true"), { code: "ERR_SIDECAR", stage, message });
    await eventually(() => childrenOf(process.pid).length === 0);
  });
}

t.test(
  "a resin is named by an absolute path to a file that can be executed, and nothing else stands in for it",
  async (t) => {
    const folder = t.testdir({ resin: "#!/bin/sh\n" });
    for (const [path, message] of [
      ["native/resin/target/release/resin", /COPAL_RESIN must be an absolute path/],
      [folder, /COPAL_RESIN must be a regular file/],
      [join(folder, "resin"), /COPAL_RESIN cannot be used: EACCES/],
    ] as const) {
      process.env.COPAL_RESIN = path;
      await t.rejects(run("true"), { code: "ERR_SIDECAR", stage: "find", message });
    }
  },
);

t.test("a sidecar that refuses the protocol's version is one sentence, and nothing was started", async (t) => {
  const path = join(t.testdir(), "resin.mjs");
  const announcement = JSON.stringify({
    resin: "1.0.0",
    versions: [1, 1],
    socket: `copal-test-${process.pid}`,
    pid: 1,
  });
  writeFileSync(
    path,
    `#!${process.execPath}
import { createServer } from "node:net";
const refusal = Buffer.from(${JSON.stringify(refusal())}, "hex");
process.stdin.resume().once("end", () => process.exit());
createServer((socket) => socket.once("data", () => socket.end(refusal)))
  .listen("\\0copal-test-${process.pid}", () => console.log(${JSON.stringify(announcement)}));
`,
    { mode: 0o755 },
  );
  process.env.COPAL_RESIN = path;
  await t.rejects(open("true"), {
    code: "ERR_SIDECAR",
    stage: "hello",
    osCode: "ERR_PROTOCOL_VERSION",
    message: /speaks 2 to 3/,
  });
});

function refusal(): string {
  const body = { code: "ERR_PROTOCOL_VERSION", errno: null, message: "this resin speaks 2 to 3, its owner 1 to 1" };
  return encodeFrame<EventBodies, "error">("error", 1, body).toString("hex");
}

t.test("a sidecar that was told to end is not used again, nor waited for", async (t) => {
  const held = await open("sleep", ["1000"]);
  process.kill(held.place.sidecarPid, "SIGTERM");
  t.match(await held.exited, { stoppedBy: "sidecarSignal" });
  t.match(await (await open("true")).exited, { code: 0 });
  // Now one that is told while it waits for its next process, and the next start at the same time.
  const idle = await open("true");
  await idle.exited;
  process.kill(idle.place.sidecarPid, "SIGTERM");
  t.match(await (await open("true")).exited, { code: 0 });
});
