/**
 * Exit reasons: how an actor ended, as plain data that travels in signals and decides restarts. Knows neither actors nor
 * errors; an error class that wants to end an actor with a reason of its own says so under the {@link exitReason} symbol.
 */

/** How far a start got and why it went no further. */
export interface StartFailure {
  /** Path of the child that failed, where a supervisor knows it. */
  readonly child?: string;
  /** The step that failed: `"init"` for an actor; for a process one of the protocol's stages (`"exec"`, `"cwd"`, …). */
  readonly stage: string;
  readonly errno?: number;
  /** The errno's name (`"ENOENT"`), or an error's `code`. */
  readonly code?: string;
  readonly message: string;
  /** The reason of the child's own start, where a supervisor tells of it; of a nested supervisor that tells of its child again. */
  readonly reason?: ExitReason;
}

/** An error as data: what is left of it once its prototype is gone. */
export interface ErrorReason {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  /** What was thrown, or given as a reason, if that was neither an error nor a reason, so that any data can be told: a structured clone. */
  readonly value?: unknown;
}

/** How an actor ended. `"kill"` is the untrappable order, `"killed"` what its victim ends with. */
export type ExitReason =
  | "normal"
  | "shutdown"
  | "killed"
  | "kill"
  | "noproc"
  | "noconnection"
  | { readonly shutdown: unknown }
  | { readonly error: ErrorReason }
  | { readonly exit: number }
  | { readonly signal: string }
  | { readonly startFailed: StartFailure }
  | { readonly limit: string };

/** The key under which a thrown value carries the exit reason it stands for, instead of `{ error }`. */
export const exitReason: unique symbol = Symbol.for("copal.exitReason") as never;

/** Tells whether `reason` is an orderly end: `"normal"`, `"shutdown"` or `{ shutdown }`. */
export function isNormalExit(reason: ExitReason): boolean {
  return reason === "normal" || reason === "shutdown" || (typeof reason === "object" && "shutdown" in reason);
}

/** Returns `reason` as one short line for people: `exit 3`, `signal SIGKILL`, `error TypeError: …`. Never throws. */
export function formatExit(reason: ExitReason): string {
  try {
    return oneLine(describe(reason));
  } catch {
    return oneLine(text(reason));
  }
}

/**
 * Returns `value` as an exit reason of its own: if it is one a copy, if not what it would stand for if it were thrown. Never throws.
 */
export function asExitReason(value: unknown): ExitReason {
  return copyOf(value) ?? reasonFromError(value);
}

/**
 * Returns the exit reason that something thrown stands for.
 *
 * A value that carries a reason under {@link exitReason} gives that one; everything else becomes `{ error }`. Never throws,
 * whatever was thrown: `undefined`, a getter that throws, a revoked proxy.
 */
export function reasonFromError(thrown: unknown): ExitReason {
  if (!isObject(thrown)) return { error: { name: "NonError", message: text(thrown), ...valueIn(thrown) } };
  const own = copyOf(read(thrown, exitReason));
  if (own !== undefined) return own;
  const name = readText(thrown, "name") ?? "NonError";
  const message = readText(thrown, "message") ?? text(thrown);
  const code = readText(thrown, "code");
  const stack = readText(thrown, "stack");
  const more = stack === undefined ? valueIn(thrown) : { stack };
  return { error: { name, message, ...(code !== undefined && { code }), ...more } };
}

/** Tells whether `value` has the shape of an exit reason. An error never is one. Never throws. */
export function isExitReason(value: unknown): value is ExitReason {
  return copyOf(value) !== undefined;
}

/** Reads a reason once and for all: what decides about restarts and is printed must not be able to change, or to throw. */
function copyOf(value: unknown, depth = 16): ExitReason | undefined {
  if (typeof value === "string") return words.has(value) ? (value as ExitReason) : undefined;
  if (!isObject(value) || read(value, "stack") !== undefined) return undefined;
  const shutdown = read(value, "shutdown");
  if (shutdown !== undefined) return { shutdown };
  const error = read(value, "error");
  if (isObject(error)) return { error: errorReason(error) };
  const exit = read(value, "exit");
  if (typeof exit === "number") return { exit };
  const startFailed = read(value, "startFailed");
  if (isObject(startFailed)) return { startFailed: startFailure(startFailed, depth) };
  for (const key of ["signal", "limit"] as const) {
    const word = read(value, key);
    if (typeof word === "string") return { [key]: word } as { signal: string } | { limit: string };
  }
  return undefined;
}

function errorReason(error: object): ErrorReason {
  return {
    name: readText(error, "name") ?? "Error",
    message: readText(error, "message") ?? "",
    ...textsOf(error, ["code", "stack"]),
    ...valueIn(read(error, "value")),
  };
}

function startFailure(failure: object, depth: number): StartFailure {
  const errno = read(failure, "errno");
  const reason = depth > 0 ? copyOf(read(failure, "reason"), depth - 1) : undefined;
  return {
    ...textsOf(failure, ["child"]),
    stage: readText(failure, "stage") ?? "",
    ...(typeof errno === "number" && { errno }),
    ...textsOf(failure, ["code"]),
    message: readText(failure, "message") ?? "",
    ...(reason !== undefined && { reason }),
  };
}

function textsOf<K extends string>(holder: object, keys: readonly K[]): { readonly [P in K]?: string } {
  const texts: { [P in K]?: string } = {};
  for (const key of keys) {
    const value = readText(holder, key);
    if (value !== undefined) texts[key] = value;
  }
  return texts;
}

function valueIn(thrown: unknown): { readonly value?: unknown } {
  try {
    return thrown === undefined ? {} : { value: structuredClone(thrown) };
  } catch {
    return {};
  }
}

const words: ReadonlySet<string> = new Set(["normal", "shutdown", "killed", "kill", "noproc", "noconnection"]);

function describe(reason: ExitReason): string {
  if (typeof reason === "string") return reason;
  if (!isObject(reason)) return text(reason);
  if ("exit" in reason) return `exit ${reason.exit}`;
  if ("signal" in reason) return `signal ${reason.signal}`;
  if ("limit" in reason) return `limit ${reason.limit}`;
  if ("error" in reason) return `error ${reason.error.name}: ${reason.error.message}`;
  if ("startFailed" in reason) {
    const { child, stage, code, message } = reason.startFailed;
    const where = child === undefined ? "" : `${child}: `;
    return `start failed: ${where}${stage}${code === undefined ? "" : ` ${code}`}: ${message}`;
  }
  if ("shutdown" in reason) return `shutdown: ${text(reason.shutdown)}`;
  return text(reason);
}

function oneLine(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a terminal.
  const flat = line.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return flat.length > 300 ? `${flat.slice(0, 299)}…` : flat;
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function read(holder: object, key: PropertyKey): unknown {
  try {
    return Reflect.get(holder, key);
  } catch {
    return undefined;
  }
}

function readText(holder: object, key: PropertyKey): string | undefined {
  const value = read(holder, key);
  return value === undefined ? undefined : text(value);
}

function text(value: unknown): string {
  try {
    if (typeof value === "string") return value;
    if (isObject(value) && typeof value !== "function") return JSON.stringify(value) ?? String(value);
    return String(value);
  } catch {
    return "a value that cannot be printed";
  }
}
