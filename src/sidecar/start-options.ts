/**
 * What a caller says about a process to start, and its checked form as the wire's `start`. Knows nothing of connections.
 */
import type { CommandBodies } from "../wire/messages.js";
import { signalNumber } from "./signal-name.js";

/** A text of the operating system: UTF-8 as a string, or any bytes but NUL. */
export type OsText = string | Uint8Array;

/** How to start and hold one process. Every field but `argv` has a default. */
export interface StartOptions {
  /** The program and its arguments; the program is searched in the environment's `PATH` unless it contains a slash. At least one. */
  argv: readonly OsText[];
  /** Working directory. Default: that of this Node process. */
  cwd?: OsText;
  /** The whole environment; undefined values are left out. Default: that of this Node process. */
  env?: Readonly<Record<string, string | undefined>>;
  /**
   * What each standard stream is connected to: a pipe, `/dev/null`, or that of this Node process, whose bytes then never pass through it. Default
   * `pipe`.
   */
  stdin?: "pipe" | "null" | "inherit";
  stdout?: "pipe" | "null" | "inherit";
  stderr?: "pipe" | "null" | "inherit";
  /** Most bytes of a stream that may be on the way unconsumed; 1 to 16,777,216, default 262,144 each. */
  windowBytes?: { stdin?: number; stdout?: number; stderr?: number };
  /** Stop signal and the milliseconds the tree has before SIGKILL. Default SIGTERM and 5,000. */
  stop?: StopPlan;
  /** Milliseconds between stop signal and SIGKILL when the owner or the leader is gone; 0 kills at once. Default 500. */
  orphanGraceMs?: number;
  /** What holds the tree: a cgroup where one can be made (`auto`, default), a cgroup or nothing, or the process tree alone. */
  contain?: "auto" | "cgroup" | "tree";
}

/** A stop signal, by name or number, and the milliseconds the tree has before SIGKILL (0 to 86,400,000). */
export interface StopPlan {
  signal?: string | number;
  graceMs?: number;
}

/** The stop plan where none is given. */
export const DEFAULT_STOP = { signal: "SIGTERM", graceMs: 5_000 } as const;

/** Milliseconds a tree has to end by itself once its owner or leader is gone, where nothing else is said. */
export const DEFAULT_ORPHAN_GRACE_MS = 500;

/** Bytes of each stream's window where nothing else is said. */
export const DEFAULT_WINDOW_BYTES = 256 * 1024;

const MAX_GRACE_MS = 86_400_000;
const MAX_WINDOW_BYTES = 16 * 1024 * 1024;

/**
 * Checks `options` and gives the body of the wire's `start`.
 *
 * @throws {RangeError} if a number is out of its range, a signal unknown, `argv` empty or a text holds a NUL byte.
 */
export function startBody(options: StartOptions): CommandBodies["start"] {
  const { argv, cwd = process.cwd(), env = process.env, windowBytes = {} } = options;
  if (argv.length === 0) throw new RangeError("argv must have at least the program, got an empty list");
  return {
    argv: argv.map((text, index) => osBytes(text, `argv[${index}]`)),
    cwd: osBytes(cwd, "cwd"),
    env: environmentBlock(env),
    stdin: options.stdin ?? "pipe",
    stdout: options.stdout ?? "pipe",
    stderr: options.stderr ?? "pipe",
    windowBytes: {
      stdin: within("windowBytes.stdin", windowBytes.stdin ?? DEFAULT_WINDOW_BYTES, 1, MAX_WINDOW_BYTES),
      stdout: within("windowBytes.stdout", windowBytes.stdout ?? DEFAULT_WINDOW_BYTES, 1, MAX_WINDOW_BYTES),
      stderr: within("windowBytes.stderr", windowBytes.stderr ?? DEFAULT_WINDOW_BYTES, 1, MAX_WINDOW_BYTES),
    },
    stop: stopBody(options.stop),
    orphanGraceMs: within("orphanGraceMs", options.orphanGraceMs ?? DEFAULT_ORPHAN_GRACE_MS, 0, MAX_GRACE_MS),
    contain: options.contain ?? "auto",
  };
}

/**
 * Checks a stop plan, fills in its defaults, and gives it as the wire writes it.
 *
 * @throws {RangeError} if the signal is unknown or the grace out of its range.
 */
export function stopBody(plan: StopPlan = {}): CommandBodies["stop"] {
  return {
    signal: knownSignal(plan.signal ?? DEFAULT_STOP.signal),
    graceMs: within("graceMs", plan.graceMs ?? DEFAULT_STOP.graceMs, 0, MAX_GRACE_MS),
  };
}

/**
 * Gives the number of a signal.
 *
 * @throws {RangeError} if this machine has no such signal.
 */
export function knownSignal(signal: string | number): number {
  const number = signalNumber(signal);
  if (number === undefined)
    throw new RangeError(`signal must be a name such as SIGTERM or a number, got ${String(signal)}`);
  return number;
}

/** The environment as one block, each `NAME=value` ended by NUL. */
function environmentBlock(env: Readonly<Record<string, string | undefined>>): Buffer {
  if (env === process.env) return inheritedBlock();
  refuseNul(env);
  return blockOf(Object.entries(env));
}

let inheritedNames: string[] = [];
let inheritedValues: (string | undefined)[] = [];
let inherited: Buffer = Buffer.alloc(0);

/**
 * Node's own environment, read anew at every start, since programs change it, and encoded anew only when it has changed: reading a variable is a
 * call out of JavaScript, and this runs once per start.
 */
function inheritedBlock(): Buffer {
  const { env } = process;
  const names = Object.keys(env);
  let isSame = names.length === inheritedNames.length;
  for (let i = 0; isSame && i < names.length; i++) {
    const name = names[i] as string;
    isSame = name === inheritedNames[i] && env[name] === inheritedValues[i];
  }
  if (isSame) return inherited;
  inheritedNames = names;
  inheritedValues = names.map((name) => env[name]);
  inherited = blockOf(names.map((name, i) => [name, inheritedValues[i]]));
  return inherited;
}

function blockOf(variables: readonly (readonly [name: string, value: string | undefined])[]): Buffer {
  const texts = variables.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${value}\0`);
  return Buffer.from(texts.join(""));
}

function refuseNul(env: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(env)) {
    if (name === "" || name.includes("=") || name.includes("\0") || value?.includes("\0")) {
      throw new RangeError(`env must have names without = or NUL and values without NUL, got ${JSON.stringify(name)}`);
    }
  }
}

function osBytes(text: OsText, field: string): Uint8Array {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  if (bytes.includes(0)) throw new RangeError(`${field} must not contain a NUL byte`);
  return bytes;
}

function within(field: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${field} must be a whole number from ${min} to ${max}, got ${value}`);
}
