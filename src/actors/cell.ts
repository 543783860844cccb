/**
 * The runtime's record of one actor: its state, its mailbox and its turns. One message at a time; an async method holds the
 * mailbox until it settles. How a message is handled is `handling.ts`, how an actor ends `ending.ts`, what a signal does `link.ts`.
 */
import { ActorExitError, CallingSelfError, NoProcError } from "../errors.js";
import { type ExitReason, formatExit } from "../exit.js";
import { ActorRef, floor, type RefPort } from "../ref.js";
import type { Timer } from "./clock.js";
import type { Debug } from "./debug.js";
import type { Detour } from "./detour.js";
import { beginEnd } from "./ending.js";
import { Call, Cast, type Envelope, InfoEnvelope, Submission } from "./envelope.js";
import { handle, startInstance, tellHandled } from "./handling.js";
import type { ActorInstance } from "./instance.js";
import { Mailbox } from "./mailbox.js";
import { MailboxBound, type MailboxLimit } from "./mailbox-bound.js";
import type { MethodTable } from "./methods.js";
import type { ActorMonitor, Monitor } from "./monitor.js";
import { describeRef, type Runtime } from "./runtime.js";
import type { Runnable } from "./scheduler.js";
import { marks, unmarkEnvelope } from "./transfer.js";

/** What makes an actor. */
export interface CellOptions {
  /** Makes the instance; called in the actor's first turn. */
  readonly construct: (cell: Cell) => ActorInstance;
  readonly args: readonly unknown[];
  readonly parent: Cell | null;
  readonly name: string | undefined;
  /** What people call it: a path, an id, a class name. */
  readonly label: string;
  /** How long it may take to end when its parent ends without a plan, in milliseconds; then it is killed. */
  readonly shutdownMs: number;
  readonly onStarted: () => void;
  /** It ended before its `init` had settled well; its reason and cause are in the record. */
  readonly onStartFailed: () => void;
  /** Its address, where that was given out before the actor was made; a new one of this thread unless given. */
  readonly address?: { readonly id: number; readonly thread: number };
  /** How many messages may wait; any number unless given. */
  readonly mailbox?: MailboxLimit | undefined;
  /** Its class is not there yet, or never will be here: it takes no turn until {@link Cell.free}. */
  readonly waits?: boolean;
}

/** What an actor of another thread is told through its stand-in here. */
export interface Remote {
  signal(from: ActorRef, reason: ExitReason, kind: "link" | "order"): void;
  /** `cell`, of this thread, is linked to it from now on. */
  link(cell: Cell): void;
  unlink(cell: Cell): void;
  /** Ends it behind the messages it has. */
  stop(reason: ExitReason): void;
  /** The thread whose end was its end; undefined while it lives, and if it ended by itself. */
  readonly lostThread: number | undefined;
}

/** One incarnation of an actor. */
export class Cell implements RefPort, Runnable {
  readonly ref: ActorRef;
  readonly runtime: Runtime;
  readonly parent: Cell | null;
  readonly label: string;
  readonly shutdownMs: number;
  nextRunnable: Runnable | undefined = undefined;
  instance: ActorInstance | undefined = undefined;
  methods: MethodTable | undefined = undefined;
  readonly mailbox = new Mailbox();
  /** What it is to be made from; gone once it has started, or has failed to. */
  starting: CellOptions | undefined;
  /** How it ends or ended; meaningful once `isEnding`. */
  reason: ExitReason = "normal";
  /** What was thrown, if that is why it ends. */
  cause: unknown = undefined;
  isEnding = false;
  hasEnded = false;
  /** It was killed: nothing of its own code runs any more but `release`. */
  isKilled = false;
  /** `init` has settled without a failure. */
  hasStarted = false;
  /** `terminate` is due, or running. */
  owesTerminate = false;
  /** It ends by its own code or by `terminate`'s rules, so that an abnormal reason is worth a crash report. */
  isReported = false;
  /** It called `exit` itself: a method that still returns answers its caller. */
  endsItself = false;
  trapExit = false;
  /** It has the `release` hook, or the `unwind` hook. */
  holdsProcess = false;
  unwinds = false;
  /** It stands in the run queue or takes its turn; for ever once it has begun to end. */
  isQueued = false;
  /** An async callback holds the mailbox. */
  isBusy = false;
  /** The callback in hand took its reply in hand, so that it does not hold the mailbox. */
  hasLetGo = false;
  /** The envelope being handled, also while its async method waits. */
  current: Envelope | undefined = undefined;
  /** An answer that a method gave after its actor had called `exit`; sent when the end is complete. */
  lastWord: { readonly value: unknown } | undefined = undefined;
  readonly links = new Set<Cell>();
  children: Set<Cell> | undefined = undefined;
  watching: Map<number, ActorMonitor> | undefined = undefined;
  owedCalls: Set<Call> | undefined = undefined;
  timers: Set<Timer> | undefined = undefined;
  /** Ends the functions that run for it on other threads, each resolving when nothing of it runs any more. */
  computing: Set<() => Promise<void>> | undefined = undefined;
  /** What comes before the mailbox, or holds it up; only actors that ever needed it have one. */
  detour: Detour | undefined = undefined;
  /** How many messages may wait; nothing for most. */
  readonly bound: MailboxBound | undefined;
  /** Who looks on; nobody unless asked for. */
  debug: Debug | undefined = undefined;
  /** Actors whose end this one's end waits for. */
  waitingFor: Set<Cell> | undefined = undefined;
  /** Makes an end in progress hurry: set while there is something to cut short. */
  onKill: (() => void) | undefined = undefined;
  #monitors: Set<Monitor> | undefined = undefined;
  #abort: AbortController | undefined = undefined;

  /** Makes the record and puts the first turn, which runs `init`, into the run queue. */
  constructor(runtime: Runtime, options: CellOptions) {
    this.runtime = runtime;
    this.starting = options;
    this.parent = options.parent;
    this.label = options.label;
    this.shutdownMs = options.shutdownMs;
    const { address, mailbox } = options;
    this.bound = mailbox === undefined ? undefined : new MailboxBound(mailbox);
    this.ref =
      address === undefined
        ? new ActorRef(runtime.nextId(), runtime.thread, options.name, this)
        : new ActorRef(address.id, address.thread, options.name, this);
    if (options.name !== undefined) runtime.takeName(options.name, this);
    if (options.waits) this.isBusy = true;
    else this.enqueue();
  }

  /** The way to the actor, if it lives in another thread and this record only stands in for it here. */
  get remote(): Remote | undefined {
    return undefined;
  }

  get mailboxLength(): number {
    return this.mailbox.length;
  }

  get monitors(): Set<Monitor> {
    this.#monitors ??= new Set();
    return this.#monitors;
  }

  /** Aborts at the moment the actor begins to end. */
  get endSignal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.isEnding) this.#abort.abort(this.exitError());
    }
    return this.#abort.signal;
  }

  call(method: string, args: readonly unknown[], timeoutMs: number): Promise<unknown> {
    const call = new Call(this.ref, method, args);
    if (this.hasEnded) call.fail(this.#goneError(`call \`${method}\` of`));
    else if (this.runtime.running === this && !this.hasLetGo) call.fail(this.#callingSelf(method));
    else {
      this.runtime.deadlines.add(call, timeoutMs);
      this.push(call);
      // Nothing will run, and so nothing would notice that this call is waiting.
      if (this.isBusy) this.runtime.deadlines.holdPending();
    }
    return call.promise;
  }

  cast(method: string, args: readonly unknown[]): void {
    if (!this.isEnding) this.push(new Cast(method, args));
  }

  send(message: unknown): void {
    if (!this.isEnding) this.push(new InfoEnvelope({ type: "info", message }));
  }

  submit(method: string | undefined, args: readonly unknown[], timeoutMs: number): Promise<unknown> {
    const submission = new Submission(this.ref, method, args);
    if (this.hasEnded) submission.fail(this.#goneError("send to"));
    else this.enter(submission, timeoutMs);
    return submission.promise;
  }

  /** Puts what is submitted into the mailbox, now or when there is room. In an actor that is ending it waits for the end. */
  enter(submission: Submission, timeoutMs: number): void {
    if (marks.count > 0) unmarkEnvelope(submission);
    this.runtime.deadlines.add(submission, timeoutMs);
    if (this.isEnding) this.mailbox.push(submission);
    else if (this.bound === undefined || this.bound.admits(this, submission)) {
      this.push(submission.envelope);
      submission.answer(undefined);
    } else if (this.isBusy) this.runtime.deadlines.holdPending();
  }

  /**
   * What its own code gets if it speaks now: nothing up to the end of `terminate`. A supervisor never speaks, and its code that runs while it ends is
   * the runtime's.
   */
  mute(): Error | undefined {
    return this.isEnding && !this.owesTerminate && !this.unwinds ? this.exitError() : undefined;
  }

  /** Puts `envelope` into the mailbox. In an actor that is ending a call waits for the end, and anything else is dropped. */
  push(envelope: Envelope): void {
    if (marks.count > 0) unmarkEnvelope(envelope);
    if (this.isEnding && (this.hasEnded || (envelope.kind !== "call" && envelope.kind !== "system"))) {
      this.#dropped(envelope);
      return;
    }
    if (this.bound !== undefined && !this.bound.admits(this, envelope)) return;
    this.mailbox.push(envelope);
    if (this.isQueued || this.isBusy || this.isEnding || this.detour?.holdsUp(envelope)) return;
    this.enqueue();
  }

  /** Takes every envelope that `matches` out of the mailbox. */
  drop(matches: (envelope: Envelope) => boolean): void {
    for (const envelope of this.mailbox.remove(matches)) this.#dropped(envelope);
    if (this.bound === undefined) return;
    for (const envelope of this.bound.waiting.remove(matches)) this.#dropped(envelope);
    this.bound.letIn(this);
  }

  /**
   * Begins the end, unless it has begun: from now on no message is handled. `terminate` is called if `withTerminate` and
   * `init` had finished.
   */
  end(reason: ExitReason, withTerminate: boolean, cause?: unknown): void {
    if (this.isEnding) return;
    this.isEnding = true;
    // The rest of the callback in hand is its code as well.
    if (this.runtime.running === this) floor.speaker = this.ref;
    this.reason = reason;
    this.cause = cause;
    this.owesTerminate = withTerminate && this.hasStarted;
    this.isReported ||= this.owesTerminate;
    for (const timer of this.timers ?? []) timer.cancel();
    this.detour?.close();
    this.#abort?.abort(this.exitError());
    if (!this.isQueued) this.enqueue();
  }

  /** Ends it with `"killed"`: without `terminate`, and cutting short an end in progress. What it holds is released all the same. */
  kill(): void {
    if (this.hasEnded) return;
    this.isKilled = true;
    if (this.isEnding) this.overtake("killed");
    else this.end("killed", false);
  }

  /** Lets the end in progress go on with another reason and without `terminate`, whose answers are void as well. */
  overtake(reason: ExitReason): void {
    this.reason = reason;
    this.cause = undefined;
    this.owesTerminate = false;
    this.isReported = false;
    this.endsItself = false;
    this.lastWord = undefined;
    this.onKill?.();
  }

  /** Handles messages until `limit`, an async callback, the end, or nothing is left. */
  turn(limit: number): number {
    // It counts as queued until the turn is over, so that what it does to itself does not queue it twice.
    this.runtime.running = this;
    if (floor.isFollowed) floor.speaker = this.ref;
    if (this.starting && !this.isEnding) startInstance(this, this.starting);
    let handled = 0;
    while (handled < limit && !this.isBusy && !this.isEnding) {
      const envelope = this.detour === undefined ? this.mailbox.shift() : this.detour.next(this);
      if (envelope === undefined) break;
      handled++;
      handle(this, envelope);
    }
    this.runtime.running = undefined;
    if (this.bound !== undefined) this.bound.letIn(this);
    this.runtime.onlooker?.rests();
    if (floor.speaker !== undefined) floor.speaker = undefined;
    // Once the end has begun it stays marked as queued: it never takes another turn.
    if (this.isEnding) beginEnd(this);
    else if (!this.isBusy && this.#hasWork()) this.runtime.queue.push(this);
    else this.isQueued = false;
    return handled + 1;
  }

  /** The error that callers get once this actor has begun to end. */
  exitError(): InstanceType<typeof ActorExitError> {
    const options = this.cause === undefined ? {} : { cause: this.cause };
    const message = `${this.label} ended: ${formatExit(this.reason)}`;
    return new ActorExitError(message, { ref: this.ref, reason: this.reason }, options);
  }

  /** Gives up the mailbox that the callback in hand holds; the calls it owes from now on. */
  letGo(): Set<Call> {
    this.owedCalls ??= new Set();
    if (!this.hasStarted) return this.owedCalls;
    this.hasLetGo = true;
    if (this.isBusy) this.free();
    return this.owedCalls;
  }

  /** The callback in hand is done, or has let go: the next message may come. */
  free(): void {
    this.current = undefined;
    if (!this.isBusy) return;
    this.isBusy = false;
    if (!this.isQueued && this.#hasWork()) this.enqueue();
  }

  /** Takes its place in the run queue; it must not stand there already. */
  enqueue(): void {
    this.isQueued = true;
    this.runtime.queue.push(this);
  }

  /** The last act: everything that waits for this actor is told, in the order of `ending.ts`. */
  settleCalls(): void {
    const current = this.current;
    this.current = undefined;
    if (current?.kind === "call" && !current.owed && this.lastWord) current.answer(this.lastWord.value);
    else if (current) this.#dropped(current);
    for (const call of [...(this.owedCalls ?? [])]) call.fail(this.exitError());
    for (let next = this.mailbox.shift(); next !== undefined; next = this.mailbox.shift()) this.#dropped(next);
    for (const next of this.bound?.waiting.remove(() => true) ?? []) this.#dropped(next);
    const options = this.starting;
    this.starting = undefined;
    if (!this.hasStarted) options?.onStartFailed();
  }

  /** Lets go of what an ended actor needs no more; a supervisor stays readable. */
  forget(): void {
    if (!this.unwinds) this.instance = undefined;
    this.cause = undefined;
    this.methods = undefined;
    this.#monitors = undefined;
    this.children = undefined;
    this.watching = undefined;
    this.timers = undefined;
    this.computing = undefined;
    this.detour = undefined;
    this.debug = undefined;
    this.waitingFor = undefined;
  }

  #hasWork(): boolean {
    if (this.starting) return true;
    return this.detour === undefined ? this.mailbox.length > 0 : this.detour.hasWork(this);
  }

  #dropped(envelope: Envelope): void {
    if (envelope.kind === "call") envelope.fail(this.exitError());
    else if (envelope.kind === "system") envelope.call.fail(this.exitError());
    else if (envelope.kind === "info") tellHandled(this, envelope);
  }

  #goneError(wanted: string): InstanceType<typeof NoProcError> {
    const why = `it has ended: ${formatExit(this.reason)}`;
    return new NoProcError(`cannot ${wanted} ${describeRef(this.ref)} (${this.label}): ${why}`, { ref: this.ref });
  }

  #callingSelf(method: string): InstanceType<typeof CallingSelfError> {
    const message = `${this.label} calls \`${method}\` of itself while it handles a message, and would wait for itself; cast, or call the method directly`;
    return new CallingSelfError(message, { ref: this.ref, method });
  }
}
