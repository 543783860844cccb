/**
 * How long does a process take to answer? 64 bytes through `cat` and back, one at a time.
 */
import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { open } from "copal";
import { execa } from "execa";
import { type Report, report, row } from "./report.js";
import { inRounds } from "./rounds.js";

const TURNS = 500;
const ROUNDS = 60;
const MESSAGE = Buffer.from(`${"x".repeat(63)}\n`);

/** Does its turns and gives the microseconds of one. */
type Echo = () => Promise<number>;

interface Ends {
  readonly stdin: Writable;
  readonly stdout: Readable;
}

function echoOf({ stdin, stdout }: Ends): Echo {
  let back = 0;
  let answer = () => {};
  stdout.on("data", (bytes: Buffer) => {
    back += bytes.length;
    if (back % MESSAGE.length === 0) answer();
  });
  return async () => {
    const began = performance.now();
    for (let turn = 0; turn < TURNS; turn++) {
      const answered = new Promise<void>((resolve) => {
        answer = resolve;
      });
      stdin.write(MESSAGE);
      await answered;
    }
    return ((performance.now() - began) * 1000) / TURNS;
  };
}

/** The shell's own way to talk with a program. */
const shell: Echo = async () => {
  const script = `coproc cat; began=$EPOCHREALTIME; for ((i = 0; i < ${TURNS}; i++)); do echo ${"x".repeat(63)} >&"\${COPROC[1]}"; read -r line <&"\${COPROC[0]}"; done; ended=$EPOCHREALTIME; echo $((\${ended/./} - \${began/./}))`;
  const bash = spawn("bash", ["-c", script], {
    env: { ...process.env, LC_ALL: "C" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return Number(await text(bash.stdout)) / TURNS;
};

/** Measures `64-byte echo through cat, one at a time` beside `child_process`, `execa` and a shell's coprocess. */
export async function measure(): Promise<Report> {
  const held = await open("cat");
  const child = spawn("cat");
  const other = execa("cat", { buffer: false });
  const contenders: Record<string, Echo> = {
    copal: echoOf(held),
    child_process: echoOf(child),
    execa: echoOf(other as unknown as Ends),
    "shell pipeline": shell,
  };
  const samples = await inRounds("echo", ROUNDS, contenders);
  held.stdin.end();
  child.stdin.end();
  other.stdin.end();
  await Promise.all([held.exited, other]);
  return report("echo", [row("64-byte echo through cat, one at a time", "us", "lower", samples)]);
}
