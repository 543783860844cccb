/**
 * What lies in a mailbox: a call, a cast, an info, a continuation or a system message. An envelope is also its own link in the mailbox, and a call is its own
 * pending record, so that a message costs one object. Knows neither actors nor time.
 */
import type { ActorRef } from "../ref.js";
import type { Cell } from "./cell.js";
import type { DeadlineList } from "./deadlines.js";
import type { Info } from "./info.js";
import { marks, unmark } from "./transfer.js";

/** A call on its way: the message, the promise it must settle, and its place among the deadlines. */
export class Call {
  readonly kind = "call";
  next: Envelope | undefined = undefined;
  readonly target: ActorRef;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Set once its actor has taken the reply in hand: the calls it still owes an answer. */
  owed: Set<Call> | undefined = undefined;
  isSettled = false;
  deadlines: DeadlineList | undefined = undefined;
  /** The calls that were made before and after it, as long as it is among the deadlines. */
  earlier: Call = this;
  later: Call = this;
  /** When it expires, on the runtime's clock, in milliseconds; undefined until the first tick after it was made. */
  dueMs: number | undefined = undefined;
  /** What the caller waits for; never settles if nobody does. */
  readonly promise: Promise<unknown>;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;

  /** `isAwaited`: the caller waits for the promise; else {@link answer} and {@link fail} are a subclass's. */
  constructor(target: ActorRef, method: string, args: readonly unknown[], isAwaited = true) {
    this.target = target;
    this.method = method;
    this.args = args;
    this.promise = isAwaited ? new Promise(captureSettlers) : unawaited;
    this.#resolve = isAwaited ? capturedResolve : ignore;
    this.#reject = isAwaited ? capturedReject : ignore;
  }

  /** The limit that its caller keeps in another thread, in milliseconds; undefined for a call of this thread, whose deadline is here. */
  get farLimitMs(): number | undefined {
    return undefined;
  }

  /** Answers the caller; nothing happens if it has its answer, or has given up. */
  answer(value: unknown): void {
    if (marks.count > 0) unmark(value);
    if (this.#settle()) this.#resolve(value);
  }

  /** What has not happened if the time limit passes. */
  get expected(): string {
    return "did not answer";
  }

  /** Rejects the caller's promise; nothing happens if it has its answer, or has given up. */
  fail(error: unknown): void {
    if (!this.#settle()) return;
    // A caller that never looks at its answer must not bring the program down: the promise counts as looked at.
    this.promise.catch(ignore);
    this.#reject(error);
  }

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.deadlines?.remove(this);
    this.owed?.delete(this);
    return true;
  }
}

const ignore = (): void => {};
const unawaited = new Promise<never>(ignore);

let capturedResolve: (value: unknown) => void;
let capturedReject: (error: unknown) => void;

// One function for all promises instead of a closure for each.
function captureSettlers(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  capturedResolve = resolve;
  capturedReject = reject;
}

/** A cast: a method and its arguments. */
export class Cast {
  readonly kind = "cast";
  next: Envelope | undefined = undefined;
  readonly method: string;
  readonly args: readonly unknown[];

  constructor(method: string, args: readonly unknown[]) {
    this.method = method;
    this.args = args;
  }
}

/** A cast or a sent message whose sender waits until it is in the mailbox; that is all it is answered. */
export class Submission extends Call {
  /** What goes into the mailbox. */
  readonly envelope: Cast | InfoEnvelope;
  readonly isSent: boolean;

  /** Without `method`, `args[0]` is sent. */
  constructor(target: ActorRef, method: string | undefined, args: readonly unknown[]) {
    super(target, method ?? "send", args);
    this.isSent = method === undefined;
    this.envelope =
      method === undefined ? new InfoEnvelope({ type: "info", message: args[0] }) : new Cast(method, args);
  }

  override get expected(): string {
    return "had no room for";
  }
}

/** Anything for `handleInfo`. */
export class InfoEnvelope {
  readonly kind = "info";
  next: Envelope | undefined = undefined;
  readonly message: Info;
  /** Called when the message has been handled or is dropped for ever, and then taken away: it is called once. */
  onHandled: (() => void) | undefined;
  /** True for the exit signal of the actor's parent, which ends it instead of reaching `handleInfo`. */
  readonly endsActor: boolean;
  /** When an exit signal arrived, on the runtime's clock, in milliseconds; 0 for everything else. */
  readonly arrivedMs: number;

  constructor(message: Info, onHandled?: () => void, endsActor = false, arrivedMs = 0) {
    this.message = message;
    this.onHandled = onHandled;
    this.endsActor = endsActor;
    this.arrivedMs = arrivedMs;
  }
}

/** What an actor told itself to go on with, before anything that waits: for `handleContinue`. */
export class Continuation {
  readonly kind = "continue";
  next: Envelope | undefined = undefined;
  readonly message: unknown;

  constructor(message: unknown) {
    this.message = message;
  }
}

/** A request to the runtime's side of an actor, in the order of its messages: it is served, not handled. */
export class SystemEnvelope {
  readonly kind = "system";
  next: Envelope | undefined = undefined;
  /** Who waits for it, and how long. */
  readonly call: Call;
  /** Gives the answer; what it throws rejects the call and harms the actor in no way. */
  readonly serve: (cell: Cell) => unknown;

  constructor(call: Call, serve: (cell: Cell) => unknown) {
    this.call = call;
    this.serve = serve;
  }

  /** Answers its caller for `cell`. */
  answerFor(cell: Cell): void {
    try {
      this.call.answer(this.serve(cell));
    } catch (thrown) {
      this.call.fail(thrown);
    }
  }
}

/** What lies in a mailbox. */
export type Envelope = Call | Cast | InfoEnvelope | Continuation | SystemEnvelope;
