/**
 * One process that is none: what a test's script says and does in its stead, and what reached it. Decides how a process behaves by default (signals,
 * streams, windows, the stop plan); how that is written on the wire is `fake-sidecar.ts`.
 */
import { basename } from "node:path";
import type { Clock, Timer } from "../actors/clock.js";
import { signalName, signalNumber } from "../sidecar/signal-name.js";
import { type CommandBodies, type EventBodies, STREAM } from "../wire/messages.js";
import type { StopWire } from "../wire/start.js";

/** What a process's end is told with. */
export type FakeExit = EventBodies["exited"];

/** Who carries the fake's words to its owner. */
export interface FakeOwner {
  readonly clock: Clock;
  output(stream: "stdout" | "stderr", bytes: Buffer): void;
  closed(stream: "stdin" | "stdout" | "stderr"): void;
  exited(report: FakeExit): void;
  lose(): void;
}

/** What a handler makes of a signal: nothing more to do, or, with `false`, what the signal does by default. */
export type SignalHandler = (signal: string) => unknown;

type Steps = NonNullable<StopWire["steps"]>;
type StepTaken = NonNullable<FakeExit["steps"]>[number];

const largestOutput = 1024 * 1024;
/** Numbers of Linux. */
const [EPIPE, ENOSYS] = [32, 38];
const ignoredByDefault: ReadonlySet<string> = new Set(["SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH"]);

/**
 * A scripted process.
 *
 * It runs until it is told to end: by the script, by a signal it does not handle, by its owner's stop plan, or with its owner. What it writes beyond the
 * owner's window waits for credit, as with a real one.
 */
export class FakeProcess {
  /** The program and its arguments. */
  readonly argv: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** A number that no process of this machine has. */
  readonly osPid: number;
  /** Signals that reached it, by name, in order; also the one that ended it. */
  readonly signals: string[] = [];
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  readonly #owner: FakeOwner;
  readonly #input: Buffer[] = [];
  readonly #onInput: ((text: string) => void)[] = [];
  readonly #onSignal = new Map<string, SignalHandler>();
  readonly #waiting: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  readonly #windowBytes: Record<"stdout" | "stderr", number>;
  readonly #startedAtMs: number;
  #isStdinClosed = false;
  #readsInput = true;
  #stoppedBy: FakeExit["stoppedBy"] = "itself";
  #deadlineMs = Number.POSITIVE_INFINITY;
  #stopBeganMs: number | undefined;
  #stepsLeft: Steps = [];
  readonly #stopTimers: Timer[] = [];
  readonly #stepsTaken: StepTaken[] = [];
  #state: "running" | "ended" | "lost" = "running";
  #end: () => void = () => {};

  /** @internal */
  constructor(body: CommandBodies["start"], osPid: number, owner: FakeOwner) {
    this.argv = body.argv.map(textOf);
    this.cwd = body.cwd === null ? undefined : textOf(body.cwd);
    this.env = environmentOf(body.env);
    this.osPid = osPid;
    this.#owner = owner;
    this.#windowBytes = { stdout: body.windowBytes.stdout, stderr: body.windowBytes.stderr };
    this.#startedAtMs = owner.clock.nowMs();
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** The program's name without its folder. */
  get program(): string {
    return basename(this.argv[0] ?? "");
  }

  /** Whether it has not ended. */
  get isRunning(): boolean {
    return this.#state === "running";
  }

  /** Everything that was written to its standard input so far. */
  get input(): string {
    return Buffer.concat(this.#input).toString();
  }

  /** Whether its owner has closed its standard input. */
  get isStdinClosed(): boolean {
    return this.#isStdinClosed;
  }

  /** Bytes it has written for which the window had no room yet. */
  get blockedBytes(): number {
    return [...this.#waiting.stdout, ...this.#waiting.stderr].reduce((sum, { length }) => sum + length, 0);
  }

  /** Writes to standard output; nothing once it has ended. */
  stdout(data: string | Uint8Array): void {
    this.#write("stdout", data);
  }

  /** Writes to standard error; nothing once it has ended. */
  stderr(data: string | Uint8Array): void {
    this.#write("stderr", data);
  }

  /** Calls `handle` with each piece of standard input as it arrives. */
  onInput(handle: (text: string) => void): void {
    this.#onInput.push(handle);
  }

  /** Reads no more: whoever writes to it from now on gets `EPIPE`. */
  closeStdin(): void {
    this.#readsInput = false;
    if (this.isRunning) this.#owner.closed("stdin");
  }

  /** Handles a signal instead of what it does by default, unless `handle` returns false. Nothing handles SIGKILL. */
  onSignal(signal: string, handle: SignalHandler): void {
    this.#onSignal.set(signal, handle);
  }

  /** Ignores signals: a stop then takes its whole grace, and SIGKILL. */
  ignore(...signals: readonly string[]): void {
    for (const signal of signals) this.#onSignal.set(signal, () => true);
  }

  /** Does something in `delayMs` milliseconds of its owner's clock, unless it has ended by then. */
  after(delayMs: number, act: () => void): void {
    this.#owner.clock.setTimer(delayMs, () => {
      if (this.isRunning) act();
    });
  }

  /** Ends by itself with an exit code. */
  exit(code = 0): void {
    this.#finish({ code });
  }

  /** Ends by a signal, named as in `SIGSEGV`; with `core: true` it dumps core. */
  die(signal: string, { core = false }: { readonly core?: boolean } = {}): void {
    this.#finish({ signal: numberOf(signal), core });
  }

  /** Its sidecar is gone without a word, as after a `kill -9` of it: the owner hears of a lost process. */
  lose(): void {
    if (!this.isRunning) return;
    this.#state = "lost";
    this.#owner.lose();
    this.#end();
  }

  /** @internal Takes bytes of standard input; false if nobody reads them. */
  take(bytes: Uint8Array): boolean {
    if (!this.#readsInput || this.#isStdinClosed) return false;
    const kept = Buffer.from(bytes);
    this.#input.push(kept);
    for (const handle of this.#onInput) handle(kept.toString());
    return true;
  }

  /** @internal */
  stdinClosed(): void {
    this.#isStdinClosed = true;
  }

  /** @internal Gives room for as many more bytes of output. */
  credit(stream: "stdout" | "stderr", bytes: number): void {
    this.#windowBytes[stream] += bytes;
    this.#flush(stream);
  }

  /** @internal Lets a signal reach it. */
  receive(signal: string): void {
    if (!this.isRunning) return;
    this.signals.push(signal);
    const handle = signal === "SIGKILL" ? undefined : this.#onSignal.get(signal);
    if (handle && handle(signal) !== false) return;
    if (!ignoredByDefault.has(signal)) this.die(signal);
  }

  /**
   * @internal Carries a stop plan out: the signal, or the steps instead of it, and SIGKILL when the grace is over. A later plan can only bring that nearer, and
   * takes the place of steps that are left.
   */
  stop(stoppedBy: FakeExit["stoppedBy"], { signal, graceMs, steps = [] }: StopWire): void {
    if (!this.isRunning) return;
    if (this.#stoppedBy === "itself") this.#stoppedBy = stoppedBy;
    const nowMs = this.#owner.clock.nowMs();
    this.#stopBeganMs ??= nowMs;
    const killInMs = steps.length === 0 ? graceMs : Math.min(graceMs, sum(steps.map(({ delayMs }) => delayMs)));
    if (killInMs > 0 && nowMs + killInMs < this.#deadlineMs) this.#later(killInMs, () => this.receive("SIGKILL"));
    this.#deadlineMs = Math.min(this.#deadlineMs, nowMs + killInMs);
    this.#stepsLeft = steps;
    if (killInMs === 0) this.receive("SIGKILL");
    else if (steps.length === 0) this.receive(signalName(signal));
    else this.#step(steps, 0);
  }

  /** Does something later in a stop; the end calls that off. */
  #later(delayMs: number, act: () => void): void {
    this.#stopTimers.push(this.#owner.clock.setTimer(delayMs, act));
  }

  #step(steps: Steps, index: number): void {
    const step = steps[index];
    if (!this.isRunning || step === undefined || this.#stepsLeft !== steps) return;
    const afterMs = Math.round(this.#owner.clock.nowMs() - (this.#stopBeganMs ?? 0));
    const taken: StepTaken = { step: index, afterMs, errno: null };
    // Before it is done: it may end the process, and then it is in the report.
    this.#stepsTaken.push(taken);
    this.#later(step.delayMs, () => this.#step(steps, index + 1));
    if (step.stdin && !this.take(step.stdin)) taken.errno = EPIPE;
    if (step.closeStdin) this.stdinClosed();
    // A fake has no machine to run commands on.
    if (step.command) taken.errno = ENOSYS;
    if (step.signal !== undefined) this.receive(signalName(step.signal));
  }

  #write(stream: "stdout" | "stderr", data: string | Uint8Array): void {
    if (!this.isRunning) return;
    const bytes = Buffer.from(data as Uint8Array);
    if (bytes.length > 0) this.#waiting[stream].push(bytes);
    this.#flush(stream);
  }

  #flush(stream: "stdout" | "stderr", limitBytes = this.#windowBytes[stream]): void {
    let left = limitBytes;
    for (let bytes = this.#waiting[stream].shift(); bytes !== undefined; bytes = this.#waiting[stream].shift()) {
      const now = bytes.subarray(0, Math.min(left, largestOutput));
      const rest = bytes.subarray(now.length);
      if (rest.length > 0) this.#waiting[stream].unshift(rest);
      if (now.length === 0) break;
      left -= now.length;
      this.#owner.output(stream, now);
    }
    this.#windowBytes[stream] -= limitBytes - left;
  }

  #finish({ code = null, signal = null, core = false }: Partial<Pick<FakeExit, "code" | "signal" | "core">>): void {
    if (!this.isRunning) return;
    this.#state = "ended";
    for (const timer of this.#stopTimers) timer.cancel();
    // What was written before the end arrives, window or not.
    this.#flush("stdout", Number.POSITIVE_INFINITY);
    this.#flush("stderr", Number.POSITIVE_INFINITY);
    this.#owner.exited({
      code,
      signal,
      core,
      stoppedBy: this.#stoppedBy,
      killed: this.#stoppedBy !== "itself" && signal === numberOf("SIGKILL"),
      leftBehind: 0,
      wallUs: Math.round(1_000 * (this.#owner.clock.nowMs() - this.#startedAtMs)),
      userUs: 0,
      systemUs: 0,
      maxRssBytes: 0,
      ...(this.#stepsTaken.length > 0 && { steps: this.#stepsTaken }),
    });
    this.#end();
  }
}

/** The name of an output stream by its number on the wire. */
export function outputOf(stream: number): "stdout" | "stderr" {
  return stream === STREAM.stdout ? "stdout" : "stderr";
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function numberOf(signal: string): number {
  const number = signalNumber(signal);
  if (number === undefined) throw new RangeError(`there is no signal ${signal}`);
  return number;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function environmentOf(block: Uint8Array): Record<string, string> {
  const variables = textOf(block).split("\0").slice(0, -1);
  return Object.fromEntries(variables.map((one) => [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)]));
}
