/**
 * Starts as they go over the wire, kept for when the same is said again: a restart, or a command that is run over and over, is neither checked nor
 * encoded anew. Knows neither connection nor process.
 */
import { encodeReusable } from "../wire/codec.js";
import type { CommandBodies } from "../wire/messages.js";
import type { StartWire } from "../wire/start.js";
import { type StartOptions, startBody, startEnvironment } from "./start-options.js";

/** A start, checked and encoded. */
export interface EncodedStart {
  /** The program as a text, for messages about it. */
  readonly program: string;
  readonly body: Readonly<StartWire>;
  /** The frame, which gets its id when it is sent; replaced by a copy while an earlier sending of it waits. */
  frame: Buffer;
}

/** One that was said before, with all that was said. */
interface Kept extends EncodedStart {
  readonly options: StartOptions;
  readonly optionCount: number;
  readonly cwd: unknown;
  readonly env: Buffer;
}

/** By their arguments. When there are too many all are forgotten: who starts as many different ones has others things to wait for. */
const kept = new Map<string, Kept>();
const MAX_KEPT = 64;

/** A longer one, mostly because of its arguments, is not worth its memory. */
const MAX_KEPT_BYTES = 32 * 1024;

/**
 * Checks and encodes a start, unless it was lately.
 *
 * @throws what `startBody` throws.
 */
export function encodedStart(options: StartOptions): EncodedStart {
  const { argv, cwd = process.cwd() } = options;
  const env = startEnvironment(options);
  // With their number: an argument with a NUL byte, which is refused, is not two.
  const key = argv.every(isText) ? [argv.length, ...argv].join("\0") : undefined;
  const before = key === undefined ? undefined : kept.get(key);
  if (before && before.cwd === cwd && before.env === env && saysTheSame(options, before)) return before;
  const body = startBody(options, env);
  const frame = encodeReusable<CommandBodies, "start">("start", body);
  const program = Buffer.from(body.argv[0] as Uint8Array).toString();
  const start = { program, body, frame, options: { ...options }, optionCount: Object.keys(options).length, cwd, env };
  if (key === undefined || frame.length > MAX_KEPT_BYTES || !isFixed(options)) return start;
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(key, start);
  return start;
}

/** Whether two starts differ in nothing but what is compared elsewhere: arguments, directory, environment. */
function saysTheSame(options: StartOptions, { options: before, optionCount }: Kept): boolean {
  let count = 0;
  for (const name in options) {
    count++;
    if (isComparedElsewhere(name)) continue;
    if (options[name as keyof StartOptions] !== before[name as keyof StartOptions]) return false;
  }
  return count === optionCount;
}

/** Whether nothing of what is said can be changed in place by the next time. */
function isFixed(options: StartOptions): boolean {
  return Object.entries(options).every(([name, value]) => isComparedElsewhere(name) || isConstant(value));
}

function isConstant(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isConstant);
}

/** An environment is the same block of bytes if, and only if, nothing that it is made of has changed. */
function isComparedElsewhere(name: string): boolean {
  return name === "argv" || name === "cwd" || name === "env";
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
