// Runs one command of the set-up or the tests as a process group of its own, so that whatever ends this script ends the command too.
import { spawn } from "node:child_process";

const running = new Set();

for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
  ["SIGHUP", 1],
]) {
  process.on(signal, () => {
    if (running.size === 0) return;
    for (const child of running) killGroup(child, signal);
    process.exitCode = 128 + number;
    stopped = true;
  });
}

let stopped = false;

function killGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has just ended by itself.
  }
}

/** Runs `command` to its end. Gives its exit code; ends this script when a signal stopped it meanwhile. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: "inherit", ...options, detached: true });
  running.add(child);
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === "SIGKILL" ? 9 : 15)));
  }).finally(() => running.delete(child));
  if (stopped) process.exit();
  return code;
}

/** Runs `command` and keeps what it prints, for a step that is silent unless it fails. */
export async function runQuietly(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"], detached: true });
  running.add(child);
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (output += text));
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  }).finally(() => running.delete(child));
  if (stopped) process.exit();
  return { code, output };
}

/** Says one sentence on standard error and ends with 1. */
export function fail(sentence) {
  process.stderr.write(`copal: ${sentence}\n`);
  process.exit(1);
}
