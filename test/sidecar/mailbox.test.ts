/**
 * Where a socket is sent that is lent: anybody can knock there, and nobody may do harm by it.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { Worker } from "node:worker_threads";
import t, { type Test } from "tap";
import { open } from "#src/process/open.js";
import { addon } from "#src/sidecar/addon.js";
import { eventually } from "#src/testing/eventually.js";
import { sharesSocket } from "../support/reads-from.js";
import { requireProgram } from "../support/require-program.js";
import { skip } from "../support/skip.js";

/** The kernel has one such name at a time, whoever else runs these tests. */
const mailbox = `copal-test-${process.pid}`;

const descriptors = () => readdirSync("/proc/self/fd").length;

/** Knocks so often, with descriptors or a word or nothing, and leaves. */
const knocks = `
import os, socket, sys
for at in range(int(sys.argv[2])):
    visitor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    visitor.setblocking(False)
    try:
        visitor.connect(b"\\0" + sys.argv[1].encode())
    except BlockingIOError:
        break
    try:
        if at % 3 == 0: socket.send_fds(visitor, [b"x"], [visitor.fileno()] * 20)
        if at % 3 == 1: visitor.send(b"junk")
    except OSError:
        pass # Who is not root may have so many on their way and no more.
    visitor.close()
`;

function native(t: Test): NonNullable<typeof addon> | undefined {
  if (!addon) skip(t, "Copal's native module is not built");
  return addon;
}

t.test("nothing that was sent there is kept but the one that was waited for", async (t) => {
  const [python, module] = [requireProgram(t, "python3", "python3"), native(t)];
  if (!python || !module) return;
  const before = descriptors();
  t.ok(module.openMailbox(mailbox));
  t.notOk(module.openMailbox(mailbox), "a name is one mailbox's");
  execFileSync(python, ["-c", knocks, mailbox, "30"]);
  t.equal(module.emptyMailbox(mailbox, 1), -1);
  t.equal(descriptors(), before);
  t.equal(module.emptyMailbox(mailbox, 1), -1, "it is closed");
});

t.test("a mailbox ends with its thread", async (t) => {
  const module = native(t);
  if (!module) return;
  const url = import.meta.resolve("#src/sidecar/addon.js");
  const code = `import(${JSON.stringify(url)}).then(({ addon }) => addon.openMailbox("${mailbox}") && parentPort.postMessage(1))`;
  // It listens, so that the thread stays.
  const begin = `const { parentPort } = require("worker_threads"); parentPort.on("message", () => {});`;
  const thread = new Worker(`${begin} ${code}`, { eval: true });
  await once(thread, "message");
  t.notOk(module.openMailbox(mailbox));
  await thread.terminate();
  t.ok(module.openMailbox(mailbox));
  t.equal(module.emptyMailbox(mailbox, 1), -1);
});

for (const [howMany, knockers, isLent] of [
  ["a few strangers", 30, true],
  ["too many strangers", 100_000, false],
] as const) {
  t.test(`${howMany} before the sidecar ${isLent ? "are" : "keep it away, and are"} shown the door`, async (t) => {
    const [python, module] = [requireProgram(t, "python3", "python3"), native(t)];
    if (!python || !module) return;
    const openMailbox = module.openMailbox.bind(module);
    t.teardown(() => Object.assign(module, { openMailbox }));
    let lends = 0;
    module.openMailbox = (name) => {
      const isOpen = openMailbox(name);
      execFileSync(python, ["-c", knocks, name, String(knockers)]);
      lends++;
      return isOpen;
    };
    const session = await open("wc", ["-c"], { stdin: "socket" });
    for (let at = 0; at < 64; at++) await session.write(Buffer.alloc(65_536));
    await eventually(() => lends === 1);
    t.equal(sharesSocket(process.pid, session.osPid), isLent);
    const before = descriptors();
    session.stdin.end();
    t.equal(String(await session.read()), `${64 * 65_536}\n`);
    await session.exited;
    t.ok(descriptors() <= before);
  });
}
