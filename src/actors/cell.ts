/**
 * The runtime's record of one actor: its state, its mailbox and its loop. One message at a time; an async method holds the
 * mailbox until it settles. How an actor ends is `ending.ts`; what a signal does to it is `link.ts`.
 */
import { channel } from "node:diagnostics_channel";
import { ActorExitError, NoMethodError, NoProcError, StartError } from "../errors.js";
import { type ExitReason, formatExit, reasonFromError } from "../exit.js";
import { ActorRef, type RefPort } from "../ref.js";
import type { Timer } from "./clock.js";
import { beginEnd } from "./ending.js";
import { Call, Cast, type Envelope, InfoEnvelope } from "./envelope.js";
import type { Info } from "./info.js";
import { type ActorInstance, release, unwind } from "./instance.js";
import { Mailbox } from "./mailbox.js";
import { type Method, methodsOf } from "./methods.js";
import type { ActorMonitor, Monitor } from "./monitor.js";
import { refusalOf } from "./refusal.js";
import { describeRef, type Runtime } from "./runtime.js";
import type { Runnable } from "./scheduler.js";

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
  readonly onStartFailed: (error: Error) => void;
}

const unhandled = channel("copal:unhandled");

/** One incarnation of an actor. */
export class Cell implements RefPort, Runnable {
  readonly ref: ActorRef;
  readonly runtime: Runtime;
  readonly parent: Cell | null;
  readonly label: string;
  readonly shutdownMs: number;
  nextRunnable: Runnable | undefined = undefined;
  instance: ActorInstance | undefined = undefined;
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
  /** `terminate` is due. */
  owesTerminate = false;
  /** It called `exit` itself: a method that still returns answers its caller. */
  endsItself = false;
  trapExit = false;
  /** It has the `release` hook, or the `unwind` hook. */
  holdsProcess = false;
  unwinds = false;
  /** The envelope being handled, also while its async method waits. */
  current: Envelope | undefined = undefined;
  /** An answer that a method gave after its actor had called `exit`; sent when the end is complete. */
  lastWord: { readonly value: unknown } | undefined = undefined;
  readonly links = new Set<Cell>();
  children: Set<Cell> | undefined = undefined;
  watching: Map<number, ActorMonitor> | undefined = undefined;
  owedCalls: Set<Call> | undefined = undefined;
  timers: Set<Timer> | undefined = undefined;
  /** Actors whose end this one's end waits for. */
  waitingFor: Set<Cell> | undefined = undefined;
  /** Makes an end in progress hurry: set while there is something to cut short. */
  onKill: (() => void) | undefined = undefined;
  readonly #mailbox = new Mailbox();
  #options: CellOptions | undefined;
  #methods: ReadonlyMap<string, Method> | undefined = undefined;
  #monitors: Set<Monitor> | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #isQueued = false;
  /** An async callback holds the mailbox. */
  #isBusy = false;
  /** The callback in hand took its reply in hand, so that it does not hold the mailbox. */
  #letGo = false;

  /** Makes the record and puts the first turn, which runs `init`, into the run queue. */
  constructor(runtime: Runtime, options: CellOptions) {
    this.runtime = runtime;
    this.#options = options;
    this.parent = options.parent;
    this.label = options.label;
    this.shutdownMs = options.shutdownMs;
    this.ref = new ActorRef(runtime.nextId(), runtime.thread, options.name, this);
    if (options.name !== undefined) runtime.takeName(options.name, this);
    this.#enqueue();
  }

  get mailboxLength(): number {
    return this.#mailbox.length;
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
    if (this.hasEnded) return Promise.reject(this.#goneError(`call \`${method}\` of`));
    const call = new Call(this.ref, method, args);
    this.runtime.deadlines.add(call, timeoutMs);
    this.push(call);
    // Nothing will run, and so nothing would notice that this call is waiting.
    if (this.#isBusy) this.runtime.deadlines.holdPending();
    return call.promise;
  }

  cast(method: string, args: readonly unknown[]): void {
    if (!this.isEnding) this.push(new Cast(method, args));
  }

  send(message: unknown): void {
    if (!this.isEnding) this.push(new InfoEnvelope({ type: "info", message }));
  }

  /** Puts `envelope` into the mailbox. In an actor that is ending a call waits for the end, and anything else is dropped. */
  push(envelope: Envelope): void {
    if (this.isEnding && (this.hasEnded || envelope.kind !== "call")) {
      this.#dropped(envelope);
      return;
    }
    this.#mailbox.push(envelope);
    if (!this.#isQueued && !this.#isBusy && !this.isEnding) this.#enqueue();
  }

  /** Takes every envelope that `matches` out of the mailbox. */
  drop(matches: (envelope: Envelope) => boolean): void {
    for (const envelope of this.#mailbox.remove(matches)) this.#dropped(envelope);
  }

  /**
   * Begins the end, unless it has begun: from now on no message is handled. `terminate` is called if `withTerminate` and
   * `init` had finished.
   */
  end(reason: ExitReason, withTerminate: boolean, cause?: unknown): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.reason = reason;
    this.cause = cause;
    this.owesTerminate = withTerminate && this.hasStarted;
    for (const timer of this.timers ?? []) timer.cancel();
    this.#abort?.abort(this.exitError());
    if (!this.#isQueued) this.#enqueue();
  }

  /** Ends it with `"killed"`: without `terminate`, and cutting short an end in progress. What it holds is released all the same. */
  kill(): void {
    if (this.hasEnded) return;
    this.isKilled = true;
    if (!this.isEnding) {
      this.end("killed", false);
      return;
    }
    this.reason = "killed";
    this.owesTerminate = false;
    this.onKill?.();
  }

  /** Handles messages until `limit`, an async callback, the end, or nothing is left. */
  turn(limit: number): number {
    // It counts as queued until the turn is over, so that what it does to itself does not queue it twice.
    if (this.#options && !this.isEnding) this.#start(this.#options);
    let handled = 0;
    while (handled < limit && !this.#isBusy && !this.isEnding) {
      const envelope = this.#mailbox.shift();
      if (envelope === undefined) break;
      handled++;
      this.#handle(envelope);
    }
    // Once the end has begun it stays marked as queued: it never takes another turn.
    if (this.isEnding) beginEnd(this);
    else if (!this.#isBusy && this.#mailbox.length > 0) this.runtime.queue.push(this);
    else this.#isQueued = false;
    return handled + 1;
  }

  /** The error that callers get once this actor has begun to end. */
  exitError(): InstanceType<typeof ActorExitError> {
    const options = this.cause === undefined ? {} : { cause: this.cause };
    const message = `${this.label} ended: ${formatExit(this.reason)}`;
    return new ActorExitError(message, { ref: this.ref, reason: this.reason }, options);
  }

  /** True while a callback waits for something async. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Gives up the mailbox that the callback in hand holds; the calls it owes from now on. */
  letGo(): Set<Call> {
    this.owedCalls ??= new Set();
    this.#letGo = true;
    if (this.#isBusy) this.#free();
    return this.owedCalls;
  }

  /** The last act: everything that waits for this actor is told, in the order of `ending.ts`. */
  settleCalls(): void {
    const current = this.current;
    this.current = undefined;
    if (current?.kind === "call" && !current.owed && this.lastWord) current.answer(this.lastWord.value);
    else if (current) this.#dropped(current);
    for (const call of [...(this.owedCalls ?? [])]) call.fail(this.exitError());
    for (let next = this.#mailbox.shift(); next !== undefined; next = this.#mailbox.shift()) this.#dropped(next);
    const options = this.#options;
    this.#options = undefined;
    if (!options || this.hasStarted) return;
    const { reason, cause } = this;
    const failure = typeof reason === "object" && "startFailed" in reason ? { failure: reason.startFailed } : {};
    const why = cause === undefined ? {} : { cause };
    options.onStartFailed(
      new StartError(`${this.label} did not start: ${formatExit(reason)}`, { reason, ...failure }, why),
    );
  }

  /** Lets go of what an ended actor needs no more; a supervisor stays readable. */
  forget(): void {
    if (!this.unwinds) this.instance = undefined;
    this.cause = undefined;
    this.#methods = undefined;
    this.#monitors = undefined;
    this.children = undefined;
    this.watching = undefined;
    this.timers = undefined;
    this.waitingFor = undefined;
  }

  #enqueue(): void {
    this.#isQueued = true;
    this.runtime.queue.push(this);
  }

  #start({ construct, args }: CellOptions): void {
    try {
      const instance = construct(this);
      this.instance = instance;
      this.#methods = methodsOf(instance);
      this.holdsProcess = typeof instance[release] === "function";
      this.unwinds = typeof instance[unwind] === "function";
      const result = instance.init(...args);
      if (!isThenable(result)) this.#started();
      else {
        this.#isBusy = true;
        Promise.resolve(result).then(
          () => {
            if (this.isEnding) return;
            this.#started();
            this.#free();
          },
          (thrown) => this.end(reasonFromError(thrown), false, thrown),
        );
      }
    } catch (thrown) {
      this.end(reasonFromError(thrown), false, thrown);
    }
  }

  #started(): void {
    if (this.isEnding) return;
    this.hasStarted = true;
    const options = this.#options;
    this.#options = undefined;
    options?.onStarted();
  }

  #handle(envelope: Envelope): void {
    this.current = envelope;
    this.#letGo = false;
    let result: unknown;
    try {
      result = this.#dispatch(envelope);
      if (isThenable(result)) {
        this.#hold(Promise.resolve(result), envelope);
        return;
      }
    } catch (thrown) {
      this.#failed(envelope, thrown);
      return;
    }
    this.#handled(envelope, result);
  }

  #dispatch(envelope: Envelope): unknown {
    const instance = this.instance;
    if (envelope.kind === "info") {
      if (envelope.endsActor) this.#exitOfParent(envelope.message);
      else return instance?.handleInfo(envelope.message);
      return undefined;
    }
    const method = this.#methods?.get(envelope.method);
    if (method) return method.apply(instance, envelope.args as unknown[]);
    this.#unknown(envelope);
    return undefined;
  }

  #exitOfParent(message: Info): void {
    if (message.type === "EXIT") this.end(message.reason, true);
  }

  #unknown(envelope: Call | Cast): void {
    const { method } = envelope;
    if (envelope.kind === "cast") {
      unhandled.publish({ ref: this.ref, message: { type: "cast", method, args: envelope.args } });
      return;
    }
    envelope.fail(new NoMethodError(`${this.label} has no public method \`${method}\``, { ref: this.ref, method }));
  }

  #hold(result: Promise<unknown>, envelope: Envelope): void {
    this.#isBusy = !this.#letGo;
    // A callback that let go of the mailbox is no longer in hand: the next message may already be.
    const letGo = this.#letGo;
    if (letGo) this.current = undefined;
    result.then(
      (value) => this.#handled(envelope, value),
      (thrown) => this.#failed(envelope, thrown),
    );
  }

  #handled(envelope: Envelope, value: unknown): void {
    if (envelope.kind === "info") this.#tellHandled(envelope);
    if (envelope !== this.current || this.hasEnded) return;
    if (this.isEnding) {
      // Somebody ended it meanwhile: then what its abandoned method came up with is not an answer.
      if (this.endsItself) this.lastWord = { value };
      return;
    }
    if (envelope.kind === "call" && envelope.owed === undefined) envelope.answer(value);
    this.#free();
  }

  #failed(envelope: Envelope, thrown: unknown): void {
    const refused = refusalOf(thrown);
    if (!refused) {
      if (!this.hasEnded) this.end(reasonFromError(thrown), true, thrown);
      if (envelope.kind === "info") this.#tellHandled(envelope);
      return;
    }
    if (envelope.kind === "call") envelope.fail(refused.error);
    else unhandled.publish({ ref: this.ref, message: envelope, error: refused.error });
    this.#handled(envelope, undefined);
  }

  /** The callback in hand is done, or has let go: the next message may come. */
  #free(): void {
    this.current = undefined;
    if (!this.#isBusy) return;
    this.#isBusy = false;
    if (!this.#isQueued && this.#mailbox.length > 0) this.#enqueue();
  }

  #dropped(envelope: Envelope): void {
    if (envelope.kind === "call") envelope.fail(this.exitError());
    else if (envelope.kind === "info") this.#tellHandled(envelope);
  }

  #tellHandled(envelope: InfoEnvelope): void {
    const { onHandled } = envelope;
    envelope.onHandled = undefined;
    try {
      onHandled?.();
    } catch (thrown) {
      unhandled.publish({ ref: this.ref, message: envelope.message, error: thrown });
    }
  }

  #goneError(wanted: string): InstanceType<typeof NoProcError> {
    const why = `it has ended: ${formatExit(this.reason)}`;
    return new NoProcError(`cannot ${wanted} ${describeRef(this.ref)} (${this.label}): ${why}`, { ref: this.ref });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== "object" || value === null) && typeof value !== "function") return false;
  return typeof (value as { then?: unknown }).then === "function";
}
