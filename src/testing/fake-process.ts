/**
 * One process that is none: what a test's script says and does in its stead, and what reached it. Decides how a process behaves by default (signals,
 * streams, windows, the stop plan); how that is written on the wire is `fake-sidecar.ts`.
 */
import { basename } from "node:path";
import type { Clock } from "../actors/clock.js";
import { signalNumber } from "../sidecar/signal-name.js";
import { type CommandBodies, type EventBodies, STREAM } from "../wire/messages.js";

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

const largestOutput = 1024 * 1024;
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

  /** @internal Carries a stop plan out: the signal, and SIGKILL when the grace is over. A later plan can only bring that nearer. */
  stop(signal: string, graceMs: number, stoppedBy: FakeExit["stoppedBy"]): void {
    if (!this.isRunning) return;
    if (this.#stoppedBy === "itself") this.#stoppedBy = stoppedBy;
    const { clock } = this.#owner;
    const dueMs = clock.nowMs() + graceMs;
    if (graceMs > 0 && dueMs < this.#deadlineMs) clock.setTimer(graceMs, () => this.receive("SIGKILL"));
    this.#deadlineMs = Math.min(this.#deadlineMs, dueMs);
    this.receive(graceMs === 0 ? "SIGKILL" : signal);
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
    });
    this.#end();
  }
}

/** The name of an output stream by its number on the wire. */
export function outputOf(stream: number): "stdout" | "stderr" {
  return stream === STREAM.stdout ? "stdout" : "stderr";
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
