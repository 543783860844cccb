/**
 * How long is a crashed program away? From `kill -9` to the replacement's own reading of the monotonic clock at its first line.
 *
 * The same program runs under every supervisor at the same time, each as its users would configure it, and each is killed in turn. A program is
 * killed only once it has run for more than a second, since runit and s6 hold a faster one back.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { progress, type Report, report, row, type Samples } from "./report.js";

const ROUNDS = 25;
const SETTLED_MS = 1_200;
const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const clock = join(root, "native/resin/target/release/examples/clock");

/** Begins to supervise `clock`, which appends to `log`; gives what ends the supervisor and everything under it. */
type Begin = (directory: string, log: string) => Promise<() => Promise<void>>;

const contenders: Record<string, { needs?: string; begin: Begin }> = {
  copal: { begin: beginCopal },
  runit: { needs: "runsv", begin: (directory, log) => beginServiceDirectory("runsv", directory, log) },
  s6: { needs: "s6-supervise", begin: (directory, log) => beginServiceDirectory("s6-supervise", directory, log) },
  supervisord: { needs: "supervisord", begin: beginSupervisord },
  pm2: { begin: beginPm2 },
};

/** Measures `crash to replacement running` beside runit, s6, supervisord and pm2. */
export async function measure(): Promise<Report> {
  progress("restart: building the program that tells the time");
  const statically = ["--", "-C", "target-feature=+crt-static"];
  await run("cargo", ["rustc", "--release", "--locked", "--example", "clock", ...statically], {
    cwd: join(root, "native/resin"),
  });
  const home = mkdtempSync(join(tmpdir(), "copal-bench-"));
  const samples: Samples = {};
  const missing: string[] = [];
  const running: Record<string, { log: string; end(): Promise<void> }> = {};
  try {
    for (const [name, { needs, begin }] of Object.entries(contenders)) {
      if (needs !== undefined && !isInstalled(needs)) {
        missing.push(
          `${name}: ${needs} is not installed (Debian: apt-get install ${name === "supervisord" ? "supervisor" : name})`,
        );
        continue;
      }
      progress(`restart: starting ${name}`);
      const directory = join(home, name);
      mkdirSync(directory, { mode: 0o700 });
      const log = join(directory, "clock.log");
      running[name] = { log, end: await begin(directory, log) };
      await readingAfter(log, 0);
    }
    for (let round = -2; round < ROUNDS; round++) {
      if (round % 5 === 0) progress(`restart: round ${round} of ${ROUNDS}`);
      await wait(SETTLED_MS);
      for (const [name, { log }] of Object.entries(running)) {
        const sample = await crash(log);
        if (round < 0) continue;
        samples[name] ??= [];
        samples[name].push(sample);
      }
    }
  } finally {
    for (const { end } of Object.values(running)) await end();
    rmSync(home, { recursive: true, force: true });
  }
  return report("restart", [row("crash to replacement running", "ms", "lower", samples)], missing);
}

/** Kills the program that runs now and gives the milliseconds until its replacement read the clock. */
async function crash(log: string): Promise<number> {
  const before = readings(log);
  const { osPid } = before[before.length - 1] as Reading;
  const killedAt = process.hrtime.bigint();
  process.kill(osPid, "SIGKILL");
  const { at } = await readingAfter(log, before.length);
  return Number(at - killedAt) / 1e6;
}

interface Reading {
  osPid: number;
  at: bigint;
}

function readings(log: string): Reading[] {
  let text = "";
  try {
    text = readFileSync(log, "utf8");
  } catch {
    // The program has not run yet.
  }
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => {
    const [osPid = "", at = ""] = line.split(" ");
    return { osPid: Number(osPid), at: BigInt(at) };
  });
}

async function readingAfter(log: string, count: number): Promise<Reading> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const reading = readings(log)[count];
    if (reading) return reading;
    if (performance.now() > deadline) throw new Error(`no replacement within 20 s: ${log}`);
    await wait(2);
  }
}

async function beginCopal(directory: string, log: string): Promise<() => Promise<void>> {
  const config = join(directory, "copal.json");
  const child = { process: "clock", command: [clock, log] };
  writeFileSync(config, JSON.stringify({ supervisor: "bench", intensity: "unlimited", children: [child] }));
  const up = spawn(
    process.execPath,
    [join(root, "bin/copal.js"), "up", "-c", config, "--socket", join(directory, "bench.sock")],
    {
      stdio: "ignore",
    },
  );
  return () => endByTerm(up);
}

async function beginServiceDirectory(program: string, directory: string, log: string): Promise<() => Promise<void>> {
  writeFileSync(join(directory, "run"), `#!/bin/sh\nexec ${clock} ${log}\n`, { mode: 0o755 });
  const supervisor = spawn(program, [directory], { stdio: "ignore" });
  return () => endByTerm(supervisor);
}

async function beginSupervisord(directory: string, log: string): Promise<() => Promise<void>> {
  const config = join(directory, "supervisord.conf");
  writeFileSync(
    config,
    `[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=${directory}/pid\n[program:clock]\ncommand=${clock} ${log}\nautorestart=true\n`,
  );
  return (
    (supervisor) => () =>
      endByTerm(supervisor)
  )(spawn("supervisord", ["-c", config], { stdio: "ignore" }));
}

async function beginPm2(directory: string, log: string): Promise<() => Promise<void>> {
  const env = { ...process.env, PM2_HOME: join(directory, "home"), PM2_DISABLE_VERSION_CHECK: "true" };
  const pm2 = (...args: string[]) => run(process.execPath, [join(root, "node_modules/pm2/bin/pm2"), ...args], { env });
  await pm2("start", clock, "--interpreter", "none", "--name", "clock", "--", log);
  return async () => void (await pm2("kill"));
}

function endByTerm(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? "").split(":").some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
