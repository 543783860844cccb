/**
 * How many short commands can be run to their end, their output gathered?
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { run } from "copal";
import { execa } from "execa";
import { progress, type Report, report, row, type Samples } from "./report.js";

const COMMANDS = 400;
const AT_ONCE = 16;
const ROUNDS = 9;
const PROGRAM = "/bin/echo";
const WANTED = "hello\n";

const execFilePromise = promisify(execFile);

/** Each runs so many commands and refuses one whose output is not whole. */
const contenders: Record<string, (commands: number) => Promise<void>> = {
  copal: (commands) => many(commands, async () => (await run(PROGRAM, ["hello"])).stdout),
  child_process: (commands) => many(commands, async () => (await execFilePromise(PROGRAM, ["hello"])).stdout),
  execa: (commands) => many(commands, async () => `${(await execa(PROGRAM, ["hello"])).stdout}\n`),
  "shell pipeline": async (commands) => {
    const script = `yes hello | head -n ${commands} | xargs -n 1 -P ${AT_ONCE} ${PROGRAM} | wc -c`;
    const shell = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
    const [counted] = (await once(shell.stdout, "data")) as [Buffer];
    if (Number(counted) !== commands * WANTED.length) throw new Error(`the shell gathered ${counted} bytes`);
  },
};

/** Measures `short commands per second, 16 at once` beside `child_process`, `execa` and `xargs`. */
export async function measure(): Promise<Report> {
  const samples: Samples = {};
  for (let round = -1; round < ROUNDS; round++) {
    progress(`run: ${round < 0 ? "warming up" : `round ${round + 1} of ${ROUNDS}`}`);
    for (const [contender, runMany] of Object.entries(contenders)) {
      const began = performance.now();
      await runMany(COMMANDS);
      if (round < 0) continue;
      samples[contender] ??= [];
      samples[contender].push((COMMANDS * 1000) / (performance.now() - began));
    }
  }
  return report("run", [row("short commands per second, 16 at once", "commands/s", "higher", samples)]);
}

async function many(commands: number, one: () => Promise<string>): Promise<void> {
  let left = commands;
  const next = async () => {
    while (left-- > 0) {
      const output = await one();
      if (output !== WANTED) throw new Error(`a command said ${JSON.stringify(output)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}
