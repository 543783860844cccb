/**
 * A process whose standard input is a socket: a program sees no pipe, but nobody else may notice, in whichever way the bytes go.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import t from "tap";
import { lines } from "#src/process/lines.js";
import { type OpenOptions, open, type Session } from "#src/process/open.js";
import { run } from "#src/process/run.js";
import type { Started } from "#src/sidecar/started.js";
import { eventually } from "#src/testing/eventually.js";
import { isRunning } from "../support/proc.js";
import { sharesSocket, socketsOf } from "../support/reads-from.js";

t.setTimeout(120_000);

const programs = fileURLToPath(new URL("../../../test/fixtures/programs", import.meta.url));
const sh = (script: string, options: OpenOptions = {}) => open("sh", ["-c", script], { stdin: "socket", ...options });
const isLent = (session: Session) => sharesSocket(process.pid, session.osPid);
const chunk = Buffer.alloc(65_536, 7);
const sumOf = (bytes: number) => createHash("sha256").update(Buffer.alloc(bytes, 7)).digest("hex");
const unread = { code: "ERR_SIDECAR", osCode: "EPIPE" };

/** Writes a chunk and waits for room if there is none. */
async function put(session: Session): Promise<void> {
  if (!session.stdin.write(chunk)) await once(session.stdin, "drain");
}

/** Writes until this process does so itself; gives how many bytes that took. The process must read them. */
async function lent(session: Session): Promise<number> {
  let bytes = 0;
  for (; !isLent(session); bytes += chunk.length) {
    if (bytes > 100_000_000) throw new Error("the socket was not lent");
    await put(session);
  }
  return bytes;
}

t.test("a program finds a socket, hears what is said, and is heard after the end of its input", async (t) => {
  const session = await sh("while read -r word; do echo $word; done; echo end");
  t.match(readlinkSync(`/proc/${session.osPid}/fd/0`), /^socket:/);
  await session.write("one\n");
  t.equal(String(await session.read()), "one\n");
  session.stdin.end("two\n");
  t.equal(await text(session.stdout), "two\nend\n");
  t.match(await session.exited, { code: 0 });
});

t.test("run and lines give their input through one", async (t) => {
  const options = { input: "a\nb\n", stdin: "socket" } as const;
  const script = "readlink /proc/self/fd/0 | cut -c 1-6; cat";
  t.match(await run("sh", ["-c", script], options), { stdout: "socket\na\nb\n", ok: true });
  const said = [];
  for await (const line of lines("sh", ["-c", script], options)) said.push(line);
  t.strictSame(said, ["socket", "a", "b"]);
});

t.test("a flood goes past the sidecar and is whole", async (t) => {
  const session = await open("sha256sum", [], { stdin: "socket" });
  const sum = text(session.stdout);
  let bytes = await lent(session);
  for (; bytes < 100_000_000; bytes += chunk.length) await put(session);
  session.stdin.end();
  t.equal((await sum).slice(0, 64), sumOf(bytes));
  t.match(await session.exited, { code: 0 });
});

t.test("the first large write goes past the sidecar already", async (t) => {
  const session = await open("wc", ["-c"], { stdin: "socket" });
  t.notOk(isLent(session));
  await session.write(chunk);
  t.ok(isLent(session));
  session.stdin.end();
  t.equal(await text(session.stdout), `${chunk.length}\n`);
  t.match(await session.exited, { code: 0 });
});

t.test("a conversation goes past the sidecar after some turns", async (t) => {
  const session = await open("cat", [], { stdin: "socket" });
  for (let turn = 0; turn < 200; turn++) {
    session.stdin.write(`${turn}\n`);
    t.equal(String(await session.read()), `${turn}\n`);
  }
  t.ok(isLent(session));
  session.stdin.end();
  t.match(await session.exited, { code: 0 });
});

t.test("what the input of run and lines comes through is a pipe or a socket, and nothing else", async (t) => {
  for (const stdin of ["inherit", "null", { file: "/dev/null" }]) {
    const options = { input: "x", stdin } as { input: string; stdin: "pipe" };
    await t.rejects(run("cat", [], options), { name: "RangeError", message: /^stdin must be "pipe" or "socket", got/ });
    await t.rejects(lines("cat", [], options).next(), RangeError);
  }
});

t.test("only standard input can be one, and no terminal's", async (t) => {
  for (const options of [{ stdout: "socket" }, { stderr: "socket" }, { pty: {} }] as OpenOptions[])
    await t.rejects(sh("true", options), RangeError);
});

t.test("a program that reads no more fails the writing, by whichever way", async (t) => {
  for (const bytes of [0, 3_000_000]) {
    const session = await sh(`head -c ${bytes} >/dev/null; read -r word; exec 0<&-; echo deaf; exec sleep 1000`);
    if (bytes > 0) for (let at = 0; at < bytes; at += chunk.length) await session.write(chunk.subarray(0, bytes - at));
    t.equal(isLent(session), bytes > 0);
    // What it leaves unread is told as a reset by the kernel.
    await session.write("word\nunread");
    t.equal(String(await session.read()), "deaf\n");
    await eventually(() =>
      session.write("late").then(
        () => false,
        (error) => t.match(error, unread),
      ),
    );
    await session.stop({ graceMs: 0 });
  }
});

t.test("words of a stop come behind what was written, and the end of the input behind them", async (t) => {
  for (const isFlood of [false, true]) {
    const session = await sh("tail -c 5; echo end");
    if (isFlood) await lent(session);
    await session.write("text");
    const said = text(session.stdout);
    const steps = [{ stdin: "quit\n", closeStdin: true, delayMs: 20_000 }];
    t.match(await session.stop({ steps, graceMs: 20_000 }), { code: 0, killed: false });
    t.equal(await said, "quit\nend\n");
    await t.rejects(session.write("late"), { code: "ERR_SIDECAR" });
  }
});

t.test("no descriptor is left, whatever ends the writing", async (t) => {
  const before = socketsOf(process.pid).length;
  const ends: Record<string, (session: Session) => unknown> = {
    end: (session) => session.stdin.end(),
    destroy: (session) => session.stdin.destroy(),
    kill: (session) => session.stop({ graceMs: 0 }),
    lost: (session) => process.kill(session.place.sidecarPid, "SIGKILL"),
  };
  for (const [how, end] of Object.entries(ends)) {
    const session = await sh("cat >/dev/null");
    session.stdin.on("error", () => {});
    await lent(session);
    // Amid a flood: more than goes in at once.
    const flood = session.write(Buffer.alloc(10_000_000)).catch(() => {});
    if (how === "end" || how === "destroy") await flood;
    await end(session);
    await session.exited;
    await flood;
    t.notOk(isRunning(session.osPid), how);
  }
  await eventually(() => socketsOf(process.pid).length <= before);
});

t.test("an owner that is killed amid a flood takes the process with it", async (t) => {
  const owner = spawn(process.execPath, [`${programs}/floods.mjs`], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(owner.stdout, "data");
  const { osPid } = JSON.parse(String(line)) as Started;
  await eventually(() => sharesSocket(owner.pid as number, osPid));
  owner.kill("SIGKILL");
  await eventually(() => !isRunning(osPid));
  t.pass();
});

t.test("without the native module the sidecar writes", (t) => {
  const said = execFileSync(process.execPath, ["--no-addons", `${programs}/sums.mjs`], { encoding: "utf8" });
  t.equal(said.slice(0, 64), sumOf(10_000_000));
  t.end();
});
