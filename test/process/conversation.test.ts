/**
 * A process that is talked with goes on without its sidecar after some turns. Nobody may notice: not by a byte, not by who keeps Node running, not at the
 * end.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import t from "tap";
import { type OpenOptions, open, type Session } from "#src/process/open.js";
import { eventually } from "#src/testing/eventually.js";
import { isRunning } from "../support/proc.js";
import { pipesOf, readsFrom, writesTo } from "../support/reads-from.js";

const sh = (script: string, options: OpenOptions = {}) => open("sh", ["-c", script], options);
const isTaken = (session: Session) => readsFrom(process.pid, session.osPid);
const isLent = (session: Session) => writesTo(process.pid, session.osPid);

/** Says a number and hears it come back, so many times. */
async function talk(session: Session, turns: number): Promise<void> {
  let heard = "";
  const listen = (bytes: Buffer) => {
    heard += bytes;
  };
  session.stdout.on("data", listen);
  let said = "";
  for (let turn = 0; turn < turns; turn++) {
    said += `${turn}\n`;
    session.stdin.write(`${turn}\n`);
    while (heard.length < said.length) await once(session.stdout, "data");
  }
  session.stdout.off("data", listen);
  if (heard !== said) throw new Error(`said ${JSON.stringify(said)}, heard ${JSON.stringify(heard)}`);
}

/** Talks until this process reads and writes the pipes itself. */
async function untilDirect(session: Session): Promise<void> {
  while (!isTaken(session) || !isLent(session)) await talk(session, 10);
}

const sleepsOf = (osPid: number) =>
  Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${osPid}/status`, "utf8"))?.[1]);

t.test("a conversation is whole and in order, and its sidecar sleeps once it has gone on for some time", async (t) => {
  const session = await open("cat");
  await untilDirect(session);
  const before = sleepsOf(session.place.sidecarPid);
  await talk(session, 1_000);
  // It may still have been on its way to sleep, and gives its buffers back once.
  t.ok(sleepsOf(session.place.sidecarPid) - before <= 5);
  session.stdin.end();
  t.match(await session.exited, { code: 0, outputWhole: true });
});

t.test("a program that is asked a few things is not worth two pipes", async (t) => {
  const session = await open("cat");
  await talk(session, 30);
  t.notOk(isTaken(session));
  t.notOk(isLent(session));
  await session.stop();
});

t.test("the last words come whole, and before the end", async (t) => {
  const session = await sh("cat; seq 1 5000");
  await untilDirect(session);
  let last = "";
  session.stdout.on("data", (bytes: Buffer) => {
    last += bytes;
  });
  session.stdin.end("good bye\n");
  const report = await session.exited;
  t.match(report, { code: 0, outputWhole: true });
  t.equal(last, `good bye\n${Array.from({ length: 5_000 }, (_, at) => `${at + 1}\n`).join("")}`);
});

t.test("a window of a few bytes is kept", async (t) => {
  for (const stdout of [1, 3]) {
    const session = await open("cat", [], { windowBytes: { stdout } });
    await untilDirect(session);
    session.stdout.pause();
    await session.write("0123456789");
    await eventually(() => session.stdout.readableLength === stdout);
    t.equal((await session.read())?.length, stdout);
    session.stdin.end();
    let rest = 0;
    for await (const bytes of session.stdout) rest += (bytes as Buffer).length;
    t.equal(rest, 10 - stdout);
  }
});

t.test("many small writes into a pipe that is full wait in order", async (t) => {
  const session = await open("cat");
  await untilDirect(session);
  await session.pause();
  const writes = Array.from({ length: 50_000 }, (_, at) => session.write(`${at}\n`));
  let settled = false;
  void writes.at(-1)?.then(() => {
    settled = true;
  });
  await session.resume();
  session.stdin.end();
  let heard = "";
  t.equal(settled, false);
  for await (const bytes of session.stdout) heard += bytes;
  t.equal(heard, Array.from({ length: 50_000 }, (_, at) => `${at}\n`).join(""));
  await Promise.all(writes);
});

t.test("a stop and a kill take no more than their signal", async (t) => {
  for (const [graceMs, signal] of [
    [5_000, "SIGTERM"],
    [0, "SIGKILL"],
  ] as const) {
    const session = await open("cat");
    await untilDirect(session);
    t.match(await session.stop({ graceMs }), { signal, outputWhole: true });
    t.notOk(isRunning(session.osPid));
    await t.rejects(session.write("late"), { code: "ERR_SIDECAR" });
  }
});

t.test("a program that reads no more fails the next write, and is heard on", async (t) => {
  const session = await sh(
    'while read -r word && [ "$word" != bye ]; do echo "$word"; done; exec 0<&-; echo deaf; exec sleep 1000',
  );
  let heard = "";
  await untilDirect(session);
  session.stdout.on("data", (bytes: Buffer) => {
    heard += bytes;
  });
  await session.write("bye\n");
  await eventually(() => heard === "deaf\n");
  await t.rejects(session.write("x"), { code: "ERR_SIDECAR", osCode: "EPIPE" });
  await session.stop();
});

t.test("silence is still noticed, and output still counted", async (t) => {
  const silent = await open("cat", [], { idleTimeoutMs: 300 });
  await talk(silent, 100);
  t.match(await silent.exited, { limit: "idle" });
  const long = await open("cat", [], { outputLimitBytes: 1_000 });
  await talk(long, 100);
  long.stdin.write("x".repeat(1_000));
  t.match(await long.exited, { limit: "output" });
});

t.test("no descriptor is left of conversations that have ended", async (t) => {
  const before = pipesOf(process.pid).length;
  for (const end of [
    (it: Session) => it.stdin.end(),
    (it: Session) => it.stop(),
    (it: Session) => it.stdin.destroy(),
  ]) {
    const session = await open("cat");
    await untilDirect(session);
    end(session);
    session.stdout.resume();
    await session.exited;
  }
  await eventually(() => pipesOf(process.pid).length === before);
  t.pass();
});
