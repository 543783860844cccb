/**
 * A stream that floods is read from its pipe and no longer through the sidecar. Nobody may notice: not by a byte, not by memory, not at the end.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import t from "tap";
import { open, type Session } from "#src/process/open.js";
import { run } from "#src/process/run.js";
import { eventually } from "#src/testing/eventually.js";
import { isRunning, processOf } from "../support/proc.js";
import { pipesOf, readsFrom } from "../support/reads-from.js";

/** Some hundred megabytes that are nowhere alike, in writes that fill any pipe. */
const NUMBERS = "seq 1 12500000";
const numbers = () => open("sh", ["-c", `${NUMBERS} | dd obs=1M status=none`]);
const wanted = execFileSync("sh", ["-c", `${NUMBERS} | sha256sum`], { encoding: "utf8" }).slice(0, 64);
const zeros = (after = "exit 0") => open("sh", ["-c", `dd if=/dev/zero bs=1M count=32 status=none; ${after}`]);

/** Whether the stream is read by this process itself. */
const isTaken = (session: Session, stream: "stdout" | "stderr" = "stdout") =>
  readsFrom(process.pid, session.osPid, stream);

/** Reads and forgets until the stream is taken. */
async function taken(session: Session): Promise<void> {
  session.stdout.resume();
  await eventually(() => isTaken(session));
}

/** Pauses, and waits until the process cannot write any more. */
async function stalled(session: Session): Promise<void> {
  session.stdout.pause();
  await eventually(async () => {
    if (processOf(session.osPid)?.state !== "S") return false;
    const { userUs, systemUs } = await session.stats();
    await turn();
    const later = await session.stats();
    return later.userUs + later.systemUs === userUs + systemUs;
  });
}

const consumers: Record<string, (session: Session, see: (bytes: Buffer) => void) => Promise<void>> = {
  "that is fast": async (session, see) => {
    session.stdout.on("data", see);
    await session.exited;
  },
  "that is slow": async (session, see) => {
    for await (const bytes of session.stdout) {
      see(bytes);
      for (let turns = 0; turns < 5; turns++) await turn();
    }
  },
  "that takes small pieces": async (session, see) => {
    await new Promise((resolve) => {
      session.stdout.once("end", resolve).on("readable", () => {
        for (let bytes = session.stdout.read(50_000); bytes !== null; bytes = session.stdout.read(50_000)) see(bytes);
      });
    });
  },
  "that stops and goes on": async (session, see) => {
    let bytes = 0;
    let stops = 0;
    session.stdout.on("data", (chunk: Buffer) => {
      see(chunk);
      bytes += chunk.length;
      if (bytes < 20_000_000 * (stops + 1)) return;
      stops++;
      session.stdout.pause();
      setTimeout(() => session.stdout.resume(), 20);
    });
    await new Promise((resolve) => session.stdout.once("end", resolve));
  },
};

for (const [name, consume] of Object.entries(consumers)) {
  t.test(`a hundred megabytes reach a consumer ${name} byte for byte`, async (t) => {
    const session = await numbers();
    const hash = createHash("sha256");
    let wasTaken = false;
    await consume(session, (bytes) => {
      hash.update(bytes);
      wasTaken ||= session.report === undefined && isRunning(session.osPid) && isTaken(session);
    });
    t.match(await session.exited, { code: 0, outputWhole: true });
    t.equal(hash.digest("hex"), wanted);
    t.ok(wasTaken);
  });
}

t.test(
  "a hundred megabytes of stderr arrive byte for byte, and then the end of a program that has left at once",
  async (t) => {
    const session = await open("sh", ["-c", `${NUMBERS} | dd obs=1M status=none >&2`]);
    const hash = createHash("sha256");
    for await (const bytes of session.stderr) hash.update(bytes as Buffer);
    t.equal(hash.digest("hex"), wanted);
    t.match(await session.exited, { code: 0, outputWhole: true });
  },
);

t.test("a program that writes byte by byte is heard whole", async (t) => {
  const session = await open("sh", ["-c", "seq 1 20000 | dd bs=1 status=none"]);
  const all: Buffer[] = [];
  for await (const bytes of session.stdout) all.push(bytes as Buffer);
  t.equal(Buffer.concat(all).toString(), Array.from({ length: 20_000 }, (_, at) => `${at + 1}\n`).join(""));
});

t.test("both streams may flood at once, and a run gathers them whole", async (t) => {
  const { stdout, stderr } = await run(
    "sh",
    [
      "-c",
      `dd if=/dev/zero bs=1M count=30 status=none & yes | dd bs=1M count=30 iflag=fullblock status=none >&2; wait`,
    ],
    { encoding: "buffer" },
  );
  t.equal(stdout.length, 30 << 20);
  t.ok(stdout.equals(Buffer.alloc(30 << 20)));
  t.ok(stderr.equals(Buffer.alloc(30 << 20, "y\n")));
});

t.test("a stop during a flood takes no more than its signal", async (t) => {
  const session = await open("cat", ["/dev/zero"]);
  await taken(session);
  t.match(await session.stop({ graceMs: 5_000 }), { signal: "SIGTERM", killed: false, outputWhole: true });
  t.notOk(isRunning(session.osPid));
});

t.test("a stop during a flood that is not read any more takes no more than its signal", async (t) => {
  const session = await open("cat", ["/dev/zero"]);
  await taken(session);
  await stalled(session);
  t.match(await session.stop({ graceMs: 5_000 }), { signal: "SIGTERM", killed: false });
});

t.test("the output that was in the pipe at the end comes before the end", async (t) => {
  const session = await zeros();
  let bytes = 0;
  session.stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  let bytesAtExit = 0;
  await Promise.all([
    new Promise((resolve) => session.stdout.once("end", resolve)),
    session.exited.then(() => {
      bytesAtExit = bytes;
    }),
  ]);
  t.strictSame([bytesAtExit, bytes], [32 << 20, 32 << 20]);
});

t.test("a flood can end while its process goes on, and become lines before it does", async (t) => {
  const session = await zeros("sleep 0.05; echo one; sleep 0.05; echo two; exec >&-; exec sleep 1000");
  const last: Buffer[] = [];
  for await (const bytes of session.stdout) last.push(bytes.subarray(-8));
  t.match(Buffer.concat(last).toString(), /one\ntwo\n$/);
  t.ok(isRunning(session.osPid));
  await session.stop();
});

t.test("a stalled flood makes neither this process nor its sidecar grow", async (t) => {
  const session = await open("cat", ["/dev/zero"]);
  await taken(session);
  await stalled(session);
  const rss = (osPid: number) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${osPid}/status`, "utf8"))?.[1]) * 1024;
  t.ok(session.stdout.readableLength <= 256 * 1024);
  t.ok(rss(session.place.sidecarPid) < 8_000_000);
  const before = process.memoryUsage().rss;
  // A whole life of another process: what was to come would have come.
  await run("true");
  t.ok(process.memoryUsage().rss - before < 8_000_000);
  await session.stop({ graceMs: 0 });
});

t.test("a reader that leaves a flood does not hold the process up", async (t) => {
  const session = await open("cat", ["/dev/zero"]);
  await taken(session);
  await stalled(session);
  const { systemUs } = await session.stats();
  session.stdout.destroy();
  await eventually(async () => (await session.stats()).systemUs > systemUs + 20_000);
  t.match(await session.stop(), { signal: "SIGTERM" });
});

t.test("a sidecar that is killed in a flood takes the process with it, and the end is told", async (t) => {
  const session = await open("cat", ["/dev/zero"]);
  await taken(session);
  process.kill(session.place.sidecarPid, "SIGKILL");
  t.match(await session.exited, { stoppedBy: "sidecarLost" });
  t.notOk(isRunning(session.osPid));
});

t.test("no descriptor is left of floods that have ended", async (t) => {
  const before = pipesOf(process.pid).length;
  for (let i = 0; i < 5; i++) {
    const session = await zeros();
    session.stdout.resume();
    await session.exited;
  }
  await eventually(() => pipesOf(process.pid).length === before);
  t.pass();
});
