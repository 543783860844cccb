/**
 * A process that gets much input is written to without the sidecar. Nobody may notice: not by a byte, not by memory, not at the end.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import t, { type Test } from "tap";
import { open, type Session } from "#src/process/open.js";
import { run } from "#src/process/run.js";
import { eventually } from "#src/testing/eventually.js";
import { isRunning, processOf } from "../support/proc.js";
import { pipesOf, writesTo } from "../support/reads-from.js";

t.setTimeout(120_000);

const TOTAL_BYTES = 100_000_000;

/** A hundred megabytes that are nowhere alike. */
const numbers = Buffer.alloc(TOTAL_BYTES + 16);
for (let at = 0, seed = 1; at < numbers.length; at += 4) {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  numbers.writeUInt32LE(seed, at);
}
const whole = numbers.subarray(0, TOTAL_BYTES);
const wanted = createHash("sha256").update(whole).digest("hex");

const sh = (script: string, options = {}) => open("sh", ["-c", script], options);
const isLent = (session: Session) => writesTo(process.pid, session.osPid);

function* pieces(bytes: number, of: Buffer = whole): Generator<Buffer> {
  for (let at = 0; at < of.length; at += bytes) yield of.subarray(at, at + bytes);
}

/** Writes a piece and waits for room if there is none. */
async function put(session: Session, piece: Buffer): Promise<void> {
  if (!session.stdin.write(piece)) await once(session.stdin, "drain");
}

/** Writes until this process does so itself; the process must read it. */
async function lent(session: Session): Promise<void> {
  while (!isLent(session)) await put(session, numbers.subarray(0, 65_536));
}

/** Has a session written to by its sidecar, as one is that does not keep Node running; the test itself does. */
function byItsSidecar(t: Test, session: Session): void {
  session.unref();
  const running = setInterval(() => {}, 1_000);
  t.teardown(() => clearInterval(running));
}

/** Writes as long as there is room. */
function top(session: Session): void {
  while (!session.stdin.writableNeedDrain && !session.stdin.destroyed) session.stdin.write(numbers.subarray(0, 65_536));
}

/** Writes until the process, which has become a sleeper, takes no more. */
async function fill(session: Session): Promise<void> {
  await eventually(() => {
    top(session);
    return processOf(session.osPid)?.name === "sleep";
  });
  do {
    top(session);
    // A whole life of another process: what was to be taken would have been.
    await run("true");
  } while (!session.stdin.writableNeedDrain);
}

/** A write whose reader has ended: what is heard first is the end of the pipe, or that of the process. */
const unread = { code: "ERR_SIDECAR" };

const kilobytes = (osPid: number, what: string) =>
  Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${osPid}/status`, "utf8"))?.[1]);

const writers: Record<string, (session: Session, see: () => void) => Promise<void>> = {
  "in writes of a megabyte": async (session, see) => {
    for (const piece of pieces(1_000_000)) {
      await put(session, piece);
      see();
    }
    session.stdin.end();
  },
  "in writes of 64 KiB, each waited for": async (session, see) => {
    for (const piece of pieces(65_536)) {
      await session.write(piece);
      see();
    }
    await session.closeStdin();
  },
  "in one write": async (session, see) => {
    const written = session.write(whole);
    await eventually(() => isLent(session));
    see();
    await written;
    await session.closeStdin();
  },
  "in small writes between large ones": async (session, see) => {
    const sizes = [1, 70_000, 10, 4_096, 300_000, 0, 16_384, 4_097];
    for (let at = 0, turns = 0; at < whole.length; turns++) {
      const piece = whole.subarray(at, at + (sizes[turns % sizes.length] as number));
      at += piece.length;
      await put(session, piece);
      see();
    }
    session.stdin.end();
  },
  "although it stops reading now and then": async (session, see) => {
    let turns = 0;
    for (const piece of pieces(65_536)) {
      if (turns++ % 160 === 0) await session.pause();
      see();
      if (session.stdin.write(piece)) continue;
      const drained = once(session.stdin, "drain");
      await session.resume();
      await drained;
    }
    session.stdin.end();
  },
};

for (const [how, write] of Object.entries(writers)) {
  t.test(`a hundred megabytes reach a process byte for byte ${how}`, async (t) => {
    const session = await open("sha256sum");
    const sum = text(session.stdout);
    let wasLent = false;
    await write(session, () => {
      wasLent ||= isLent(session);
    });
    t.equal((await sum).slice(0, 64), wanted);
    t.match(await session.exited, { code: 0 });
    t.ok(wasLent);
  });
}

t.test("a hundred thousand writes of a byte arrive in order", async (t) => {
  const session = await open("sha256sum");
  const sum = text(session.stdout);
  for (const piece of pieces(1, whole.subarray(0, 100_000))) await put(session, piece);
  session.stdin.end();
  t.equal((await sum).slice(0, 64), createHash("sha256").update(whole.subarray(0, 100_000)).digest("hex"));
});

t.test("a hundred megabytes come back through a terminal byte for byte", async (t) => {
  const session = await open("cat", [], { pty: { rows: 24, cols: 80, raw: true, echo: false } });
  const hash = createHash("sha256");
  const back = (async () => {
    let bytes = 0;
    for await (const chunk of session.stdout) {
      hash.update(chunk);
      bytes += chunk.length;
      if (bytes === TOTAL_BYTES) break;
    }
  })();
  for (const piece of pieces(1_000_000)) await put(session, piece);
  await back;
  t.equal(hash.digest("hex"), wanted);
  t.notOk(isLent(session));
  await session.stop({ graceMs: 0 });
});

for (const [how, wantsLent] of [
  ["from here", true],
  ["by its sidecar", false],
] as const) {
  t.test(
    `a process that does not read and is written to ${how} makes neither this process nor its sidecar grow`,
    async (t) => {
      const session = await sh("head -c 5000000 >/dev/null; exec sleep 1000");
      if (!wantsLent) byItsSidecar(t, session);
      session.stdin.once("error", () => {});
      const before = process.memoryUsage().rss;
      await fill(session);
      t.equal(isLent(session), wantsLent);
      t.ok(session.stdin.writableLength <= 2 * 65_536);
      t.ok(process.memoryUsage().rss - before < 8_000_000);
      t.ok(kilobytes(session.place.sidecarPid, "VmHWM") < 8_000);
      await session.stop({ graceMs: 0 });
    },
  );
}

t.test("a full pipe does not hold up a stop, a kill, or who waits for a write", async (t) => {
  for (const [graceMs, signal] of [
    [5_000, "SIGTERM"],
    [0, "SIGKILL"],
  ] as const) {
    const session = await sh("head -c 5000000 >/dev/null; exec sleep 1000");
    await lent(session);
    const writes = [session.write(whole), session.write(Buffer.alloc(1))].map((write) => t.rejects(write, unread));
    t.match(await session.stop({ graceMs }), { signal });
    await Promise.all(writes);
  }
});

t.test("a process that ends at once, or reads no more, ends the writing", async (t) => {
  for (const script of [
    "exit 3",
    "head -c 3000000 >/dev/null; exit 3",
    "head -c 30000000 >/dev/null; exec 0<&-; sleep 0.05; exit 3",
  ]) {
    const session = await sh(script);
    const failed = once(session.stdin, "error").then(([error]) => error as NodeJS.ErrnoException);
    for (const piece of pieces(65_536)) {
      if (session.stdin.destroyed) break;
      await Promise.race([put(session, piece).catch(() => {}), failed]);
    }
    t.equal((await failed).code, "EPIPE");
    t.match(await session.exited, { code: 3 });
    t.match(await run("sh", ["-c", script], { input: whole }), { code: 3 });
  }
});

t.test("a stop that closes standard input reaches a process that is written to from here", async (t) => {
  const session = await sh("cat >/dev/null; echo end");
  await lent(session);
  const said = text(session.stdout);
  const steps = [{ stdin: "quit\n", closeStdin: true, delayMs: 20_000 }];
  t.match(await session.stop({ steps, graceMs: 20_000 }), { code: 0, killed: false });
  t.equal(await said, "end\n");
  await t.rejects(session.write("late"), unread);
});

t.test(
  "a process whose plan of a stop has words for it is written to by its sidecar, which puts them behind",
  async (t) => {
    const session = await sh("tail -c 5", {
      stop: { signal: "SIGTERM", graceMs: 20_000, steps: [{ stdin: "quit\n", closeStdin: true, delayMs: 20_000 }] },
    });
    for (const piece of pieces(65_536, whole.subarray(0, 5_000_000))) await session.write(piece);
    t.notOk(isLent(session));
    const said = text(session.stdout);
    t.match(await session.stop(), { code: 0, killed: false });
    t.equal(await said, "quit\n");
  },
);

t.test("a sidecar that is killed while this process writes takes the process with it", async (t) => {
  const session = await open("sha256sum");
  await lent(session);
  process.kill(session.place.sidecarPid, "SIGKILL");
  t.match(await session.exited, { stoppedBy: "sidecarLost" });
  t.notOk(isRunning(session.osPid));
  await t.rejects(session.write("late"), unread);
});

t.test("a process that does not keep Node running is written to by its sidecar", async (t) => {
  const session = await open("sha256sum");
  byItsSidecar(t, session);
  const sum = text(session.stdout);
  for (const piece of pieces(65_536)) await put(session, piece);
  t.notOk(isLent(session));
  session.stdin.end();
  t.equal((await sum).slice(0, 64), wanted);
});

t.test("no descriptor is left of pipes that were lent", async (t) => {
  const before = pipesOf(process.pid).length;
  for (const end of ["end", "destroy"] as const) {
    const session = await sh("cat >/dev/null");
    await lent(session);
    session.stdin[end]();
    t.match(await session.exited, { code: 0 });
  }
  t.equal(pipesOf(process.pid).length, before);
});
