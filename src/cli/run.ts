/**
 * `copal run`: one command, contained, in the place of this one: its standard streams are this process's own, so that no byte of them passes
 * through Node, unless it has a terminal of its own. It knows signals and exit codes; how a tree is held and stopped is elsewhere.
 */
import { subscribe } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { type CopalErrorOf, isCopalError } from "../errors.js";
import { type OpenOptions, open, type Session } from "../process/open.js";
import type { ExitReport } from "../sidecar/exit-report.js";
import { closeForkServer } from "../sidecar/fork-server.js";
import type { UnkeptLimit } from "../sidecar/limits-warning.js";
import type { OsText } from "../sidecar/os-text.js";
import { knownSignal } from "../sidecar/stop-plan.js";
import { fail } from "./fail.js";
import { parseRunWords, type RunWords, runUsage } from "./run-words.js";

/** Exit codes that are Copal's own word, those of timeout(1) and the shell. */
const EXIT = {
  timeout: 124,
  ownFailure: 125,
  notExecutable: 126,
  notFound: 127,
  signalBase: 128,
  memory: 137,
} as const;

/** Signals that ask for the end: the whole tree gets them, and SIGKILL after the grace. */
const ENDING: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP"];

/** Signals that a terminal's keys send: the command's business where it has the terminal, else they ask for the end as well. */
const KEYS: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];

/** Signals that are the command's business. */
const PASSED: readonly NodeJS.Signals[] = ["SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGALRM", "SIGURG", "SIGIO"];

/**
 * Runs the command that `words` name (what stands behind `copal run`) and ends this process as it ended: with its exit code, 128 + n for signal n,
 * 124 when it ran out of its time, 137 when it ran out of its memory, 125 when Copal itself failed, 126 and 127 when it could not be executed or found; 2 for wrong usage. By then
 * nothing of its tree is left.
 */
export async function run(words: readonly string[]): Promise<void> {
  let asked: RunWords | undefined;
  try {
    asked = parseRunWords(words);
  } catch (error) {
    return fail(error);
  }
  if (asked) process.exit(await contained(asked));
  process.stdout.write(runUsage);
}

async function contained(words: RunWords): Promise<number> {
  const hasTerminal = words.pty ?? (isatty(0) && isatty(1));
  const requests = new SignalRequests(words.graceMs, hasTerminal);
  subscribe("copal:limits", (unkept) => void say((unkept as UnkeptLimit).message));
  const [program = "", ...args] = exactly(words.command);
  try {
    if (hasTerminal) return await inTerminal(program, args, words, requests);
    const streams = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;
    const session = await open(program, args, { ...streams, ...limitsOf(words) });
    requests.serve(session);
    return exitCodeOf(await session.exited);
  } catch (error) {
    return failureCode(error);
  } finally {
    // Else a reader of our output would wait for the fork server, which holds it as well.
    await closeForkServer();
  }
}

/** The one case in which the command's bytes come by here: between its terminal and the caller's. */
async function inTerminal(
  program: OsText,
  args: readonly OsText[],
  words: RunWords,
  requests: SignalRequests,
): Promise<number> {
  const { joinTerminals, terminalOptions } = await import("./run-terminal.js");
  const session = await open(program, args, { ...terminalOptions(isatty(2)), ...limitsOf(words) });
  const part = joinTerminals(session);
  requests.serve(session);
  const report = await session.exited;
  await part();
  return exitCodeOf(report);
}

function limitsOf({ timeoutMs = 0, graceMs, requireCgroup = false, contain, user, limits }: RunWords): OpenOptions {
  return {
    ...(timeoutMs > 0 && { timeoutMs }),
    ...(graceMs !== undefined && { stop: { graceMs }, orphanGraceMs: graceMs }),
    ...(limits && { limits }),
    ...(requireCgroup && { required: true }),
    ...(contain && { contain }),
    ...(user !== undefined && { user: /^\d+$/.test(user) ? Number(user) : user }),
  };
}

/** The arguments as they were given: where one is not UTF-8, Node has lost bytes of it, and the kernel still has them. */
function exactly(command: readonly string[]): readonly OsText[] {
  if (!command.some((word) => word.includes("\ufffd"))) return command;
  const raw = readFileSync("/proc/self/cmdline");
  const words: Buffer[] = [];
  for (let from = 0; from < raw.length; ) {
    const end = raw.indexOf(0, from);
    words.push(raw.subarray(from, end));
    from = end + 1;
  }
  return words.slice(-command.length);
}

function exitCodeOf(report: ExitReport): number {
  if (report.stoppedBy === "sidecarLost") return say("the sidecar was lost; nothing of the command is left");
  if (report.limit === "timeout") return EXIT.timeout;
  if (report.oom) {
    say("the command ran out of the memory it was given");
    return EXIT.memory;
  }
  return report.signal === null ? (report.code ?? EXIT.ownFailure) : EXIT.signalBase + knownSignal(report.signal);
}

function failureCode(error: unknown): number {
  const code = say(error instanceof Error ? error.message : String(error));
  if (!isCopalError(error, "ERR_START")) return code;
  const { failure } = error as CopalErrorOf<"ERR_START">;
  if (failure?.stage !== "exec") return code;
  return failure.code === "ENOENT" ? EXIT.notFound : EXIT.notExecutable;
}

function say(message: string): number {
  process.stderr.write(`copal: ${message}\n`);
  return EXIT.ownFailure;
}

/**
 * The signals this process gets, for the command. They are taken from the start on: one that comes before the command runs reaches it when it does.
 */
class SignalRequests {
  readonly #early: NodeJS.Signals[] = [];
  #session: Session | undefined;
  readonly #graceMs: number | undefined;
  readonly #hasTerminal: boolean;
  readonly #changesSize: boolean;

  constructor(graceMs: number | undefined, hasTerminal: boolean) {
    this.#graceMs = graceMs;
    this.#hasTerminal = hasTerminal || isatty(0);
    this.#changesSize = hasTerminal;
    for (const signal of [...ENDING, ...KEYS, ...PASSED]) process.on(signal, () => this.#take(signal));
    process.on("SIGTSTP", () => this.#take("SIGTSTP"));
  }

  serve(session: Session): void {
    this.#session = session;
    for (const signal of this.#early.splice(0)) this.#take(signal);
  }

  #take(signal: NodeJS.Signals): void {
    const session = this.#session;
    if (!session) {
      this.#early.push(signal);
      return;
    }
    // The terminal itself tells its processes of a new size.
    if (signal === "SIGWINCH" && this.#changesSize) return;
    if (signal === "SIGTSTP") void this.#suspend(session);
    else if (PASSED.includes(signal)) void session.signal(signal).catch(gone);
    else if (KEYS.includes(signal) && this.#hasTerminal) void session.signal(signal, "group").catch(gone);
    else void session.stop({ signal, ...(this.#graceMs !== undefined && { graceMs: this.#graceMs }) });
  }

  /** ^Z: the command stops, then this process does, and both go on together. */
  async #suspend(session: Session): Promise<void> {
    await session.signal("SIGSTOP", "tree").catch(gone);
    process.once("SIGCONT", () => void session.signal("SIGCONT", "tree").catch(gone));
    process.kill(process.pid, "SIGSTOP");
  }
}

/** A command that has ended gets no signals. */
function gone(): void {}
