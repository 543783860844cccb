/**
 * What a caller says about a process to start, and its checked form as the wire's `start`. Knows nothing of connections.
 */
import type { LifeWire, StartWire, StdioWire } from "../wire/start.js";
import { type EnvironmentOptions, environmentBlock } from "./environment.js";
import { type OsText, osBytes, within } from "./os-text.js";
import { limitsBody, type ResourceLimits } from "./resource-limits.js";
import { type SpawnOptions, spawnBody } from "./spawn-options.js";
import { MAX_GRACE_MS, type StopPlan, stopBody } from "./stop-plan.js";

/**
 * What a standard stream is connected to: a pipe, `/dev/null`, that of this Node process, whose bytes then never pass through it, or a file, which is
 * read for stdin and written for the others.
 */
export type StdioOption = "pipe" | "null" | "inherit" | StdioFile;

/**
 * What standard input is connected to. `socket` is for floods: through a pipe the kernel lets one side copy at a time, and in pages; through a socket both do at
 * once, and a program gets its bytes up to a third faster. It is a pipe to the program otherwise (it cannot write to it), but one that it cannot open
 * again: `/dev/stdin` and `/proc/self/fd/0` fail with ENXIO.
 */
export type StdinOption = StdioOption | "socket";

/** A file as a standard stream: emptied unless `append`, made if it is not there; relative to `cwd`. */
export interface StdioFile {
  file: OsText;
  append?: boolean;
}

/** A terminal to run a process in, as its controlling one. */
export interface PtyOptions {
  /** Its size in characters, 0 to 65,535 each. Default 24 and 80. */
  rows?: number;
  cols?: number;
  /** The `TERM` of the process. Default: what its environment says, else `xterm-256color`. */
  term?: string;
  /** Whether what is written comes back as output, as a person would see it. Default: unless `raw`. */
  echo?: boolean;
  /** Whether bytes pass as they are both ways, keys such as ^C included. Default false. */
  raw?: boolean;
  /** Keeps stderr out of the terminal, in a pipe of its own. Default false. */
  separateStderr?: boolean;
}

/** How to start and hold one process. Every field but `argv` has a default. */
export interface StartOptions extends EnvironmentOptions, SpawnOptions {
  /** The program and its arguments; the program is searched in the environment's `PATH` unless it contains a slash. At least one. */
  argv: readonly OsText[];
  /** Working directory. Default: that of this Node process. */
  cwd?: OsText;
  /** What each standard stream is connected to. Default `pipe`; not to be said of stdin and stdout with a `pty`. */
  stdin?: StdinOption;
  stdout?: StdioOption;
  stderr?: StdioOption;
  /** Makes stderr whatever stdout is, so that both come in the order in which they were written. Default false. */
  mergeStderr?: boolean;
  /** Runs it in a terminal of its own; its stdin and stdout are the keys and the screen. Default false. */
  pty?: PtyOptions | false;
  /** Most bytes of a stream that may be on the way unconsumed; 1 to 16,777,216, default 262,144 each. */
  windowBytes?: { stdin?: number; stdout?: number; stderr?: number };
  /** Stop signal and the milliseconds the tree has before SIGKILL. Default SIGTERM and 5,000. */
  stop?: StopPlan;
  /** Milliseconds between stop signal and SIGKILL when the owner or the leader is gone; 0 kills at once. Default 500. */
  orphanGraceMs?: number;
  /**
   * What holds the tree: a cgroup where one can be made (`auto`, default), a cgroup or nothing, a PID namespace of its own where one can be made (and a
   * cgroup as for `auto`), or the process tree alone.
   */
  contain?: "auto" | "cgroup" | "pidns" | "tree";
  /** What the whole tree may use. Default: as much as this Node process may. */
  limits?: ResourceLimits;
  /** Fails the start where no cgroup (with `pidns`, no PID namespace) can be made or one of `limits` cannot be kept, instead of going on without. Default false. */
  required?: boolean;
  /** Milliseconds from the start after which it is stopped by its stop plan, 1 to 4,294,967,295. Default: none. */
  timeoutMs?: number;
  /**
   * Milliseconds without output (through a pipe or the terminal) after which it is stopped. Does not count while its output waits to be consumed.
   * Default: none.
   */
  idleTimeoutMs?: number;
  /** Bytes of output, both streams together, behind which it is stopped; what is beyond them is dropped. Default: none. */
  outputLimitBytes?: number;
}

/** Milliseconds a tree has to end by itself once its owner or leader is gone, where nothing else is said. */
export const DEFAULT_ORPHAN_GRACE_MS = 500;

/** Bytes of each stream's window where nothing else is said. */
export const DEFAULT_WINDOW_BYTES = 256 * 1024;

const MAX_WINDOW_BYTES = 16 * 1024 * 1024;

const MAX_MS = 0xffff_ffff;

/**
 * Checks `options` and gives the body of the wire's `start`; `env` is the environment they ask for.
 *
 * @throws {RangeError} if a number is out of its range, a name unknown, `argv` empty, a text holds a NUL byte, or streams do not go together.
 * @throws {StartError} with stage `envFile` if a file of variables cannot be read.
 */
export function startBody(options: StartOptions, env = startEnvironment(options)): StartWire {
  const { argv, cwd = process.cwd(), windowBytes = {}, pty } = options;
  if (argv.length === 0) throw new RangeError("argv must have at least the program, got an empty list");
  const spawn = spawnBody(options);
  const life = lifeBody(options);
  const limits = limitsBody(options.limits, options.required);
  return {
    argv: argv.map((text, index) => osBytes(text, `argv[${index}]`)),
    cwd: osBytes(cwd, "cwd"),
    env,
    ...stdio(options),
    windowBytes: {
      stdin: within("windowBytes.stdin", windowBytes.stdin ?? DEFAULT_WINDOW_BYTES, 1, MAX_WINDOW_BYTES),
      stdout: within("windowBytes.stdout", windowBytes.stdout ?? DEFAULT_WINDOW_BYTES, 1, MAX_WINDOW_BYTES),
      stderr: within("windowBytes.stderr", windowBytes.stderr ?? DEFAULT_WINDOW_BYTES, 1, MAX_WINDOW_BYTES),
    },
    stop: stopBody(options.stop),
    orphanGraceMs: within("orphanGraceMs", options.orphanGraceMs ?? DEFAULT_ORPHAN_GRACE_MS, 0, MAX_GRACE_MS),
    ...containment(options),
    ...(pty && { pty: { ...size(pty.rows ?? 24, pty.cols ?? 80), echo: pty.echo ?? !pty.raw, raw: pty.raw ?? false } }),
    ...(spawn && { spawn }),
    ...(life && { life }),
    ...(limits && { limits }),
  };
}

function containment({ contain = "auto", limits, required }: StartOptions): Pick<StartWire, "contain" | "required"> {
  if (!["auto", "cgroup", "pidns", "tree"].includes(contain))
    throw new RangeError(`contain must be auto, cgroup, pidns or tree, got ${contain}`);
  if (contain === "tree" && (limits || required))
    throw new RangeError("contain must not be tree together with limits or required: only a cgroup keeps a limit");
  if (contain === "pidns") return required ? { contain, required } : { contain };
  return { contain: required ? "cgroup" : contain };
}

/**
 * Checks the size of a terminal, in characters.
 *
 * @throws {RangeError} if a number is out of its range.
 */
export function size(rows: number, cols: number): { rows: number; cols: number } {
  return { rows: within("rows", rows, 0, 65_535), cols: within("cols", cols, 0, 65_535) };
}

/**
 * Gives the environment of a start as one block of bytes. It is the same object as before where nothing it is made of has changed.
 *
 * @throws {RangeError} and {StartError} as `environmentBlock`.
 */
export function startEnvironment(options: StartOptions): Buffer {
  if (!options.pty) return environmentBlock(options);
  const { term } = options.pty;
  if (term === undefined) return environmentBlock(options, { TERM: "xterm-256color" });
  return environmentBlock({ ...options, addEnv: { ...options.addEnv, TERM: term } });
}

function stdio(options: StartOptions): Record<"stdin" | "stdout" | "stderr", StdioWire> {
  const { stdin = "pipe", stdout = "pipe", stderr, mergeStderr, pty } = options;
  if (mergeStderr && stderr !== undefined) throw new RangeError("stderr must not be given together with mergeStderr");
  if (!pty) {
    const merged = mergeStderr ? "stdout" : stdioWire(stderr ?? "pipe", "stderr");
    return { stdin: stdioWire(stdin, "stdin"), stdout: stdioWire(stdout, "stdout"), stderr: merged };
  }
  if (options.stdin !== undefined || options.stdout !== undefined) {
    throw new RangeError("stdin and stdout are the terminal and must not be given together with pty");
  }
  if (pty.separateStderr && mergeStderr)
    throw new RangeError("pty.separateStderr and mergeStderr contradict each other");
  const separate = stderr === undefined ? "pipe" : stdioWire(stderr, "stderr");
  return { stdin: "pty", stdout: "pty", stderr: pty.separateStderr || stderr !== undefined ? separate : "pty" };
}

function stdioWire(option: StdinOption, stream: "stdin" | "stdout" | "stderr"): StdioWire {
  if (option === "socket" && stream !== "stdin")
    throw new RangeError(`${stream} must not be a socket: stdin alone can be one`);
  if (typeof option === "string") return option;
  const path = osBytes(option.file, `${stream}.file`);
  if (stream === "stdin") return { path, mode: "read" };
  return { path, mode: option.append ? "append" : "truncate" };
}

function lifeBody({ timeoutMs, idleTimeoutMs, outputLimitBytes }: StartOptions): LifeWire | undefined {
  if (timeoutMs === undefined && idleTimeoutMs === undefined && outputLimitBytes === undefined) return undefined;
  return {
    ...(timeoutMs !== undefined && { timeoutMs: within("timeoutMs", timeoutMs, 1, MAX_MS) }),
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs: within("idleTimeoutMs", idleTimeoutMs, 1, MAX_MS) }),
    ...(outputLimitBytes !== undefined && {
      outputLimitBytes: within("outputLimitBytes", outputLimitBytes, 0, Number.MAX_SAFE_INTEGER),
    }),
  };
}
