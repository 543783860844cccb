/**
 * How a process is to be stopped, as a caller says it, and its checked form as the wire's. Knows no process and no deadline.
 */
import type { StopWire } from "../wire/start.js";
import { type OsText, osBytes, within } from "./os-text.js";
import { signalNumber } from "./signal-name.js";

/** How to end a tree: a signal and a grace, or steps; then SIGKILL for whatever is left. */
export interface StopPlan {
  /** The stop signal, by name or number. Default SIGTERM. With `steps` it is what the tree gets when its owner is gone. */
  signal?: string | number;
  /** Milliseconds the tree has before SIGKILL, 0 to 86,400,000; 0 kills at once. Default 5,000, with `steps` the sum of their delays. */
  graceMs?: number;
  /** Done one after the other instead of sending the signal; at most 64. */
  steps?: readonly StopStep[];
}

/** One step of a stop; whatever it names is done in the order of these fields. A step that cannot be done is noted in the report, and the next comes. */
export interface StopStep {
  /**
   * Written to standard input behind everything that is in the pipe or under way to it. What waits for the process to read comes after it: a write
   * beyond the window, and, unless the plan a process was started with says this, one that the pipe has taken in part.
   */
  stdin?: string | Uint8Array;
  /** Closes standard input; in a terminal, presses the key for that. */
  closeStdin?: boolean;
  /**
   * A program to run beside the process, with its directory, environment and user, connected to nothing; it belongs to the tree and ends with it.
   * Only in the plan a process is started with.
   */
  command?: readonly OsText[];
  /** A signal by name or number, SIGCONT behind it. */
  signal?: string | number;
  /** Who gets the signal. Default: every process of the tree. */
  target?: "leader" | "group" | "tree";
  /** Milliseconds until the next step, or behind the last one until SIGKILL; 0 to 86,400,000. Default 5,000. */
  delayMs?: number;
}

/** The stop plan where none is given. */
export const DEFAULT_STOP = { signal: "SIGTERM", graceMs: 5_000 } as const;

/** The longest grace and delay, in milliseconds. */
export const MAX_GRACE_MS = 86_400_000;

const MAX_STEPS = 64;

/**
 * Checks a stop plan, fills in its defaults, and gives it as the wire writes it.
 *
 * @throws {RangeError} if a signal is unknown, a time out of its range, or there are too many steps.
 */
export function stopBody(plan: StopPlan = {}): StopWire {
  const signal = knownSignal(plan.signal ?? DEFAULT_STOP.signal);
  if (!plan.steps || plan.steps.length === 0) {
    return { signal, graceMs: within("graceMs", plan.graceMs ?? DEFAULT_STOP.graceMs, 0, MAX_GRACE_MS) };
  }
  if (plan.steps.length > MAX_STEPS) {
    throw new RangeError(`a stop has at most ${MAX_STEPS} steps, got ${plan.steps.length}`);
  }
  const steps = plan.steps.map(stepBody);
  const sumMs = Math.min(
    steps.reduce((sum, { delayMs }) => sum + delayMs, 0),
    MAX_GRACE_MS,
  );
  return { signal, graceMs: within("graceMs", plan.graceMs ?? sumMs, 0, MAX_GRACE_MS), steps };
}

function stepBody(step: StopStep, index: number): NonNullable<StopWire["steps"]>[number] {
  const { stdin, closeStdin, command, signal, target, delayMs = DEFAULT_STOP.graceMs } = step;
  const field = `steps[${index}]`;
  if (command?.length === 0) throw new RangeError(`${field}.command must have at least the program, got an empty list`);
  return {
    delayMs: within(`${field}.delayMs`, delayMs, 0, MAX_GRACE_MS),
    ...(stdin !== undefined && { stdin: typeof stdin === "string" ? Buffer.from(stdin) : stdin }),
    ...(closeStdin && { closeStdin }),
    ...(command && { command: command.map((text, at) => osBytes(text, `${field}.command[${at}]`)) }),
    ...(signal !== undefined && { signal: knownSignal(signal) }),
    ...(target && { target }),
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
