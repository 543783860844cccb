/**
 * Runs an actor's callbacks: makes the instance, hands it one envelope, and turns whatever comes of that into an answer or into the actor's
 * end. User code runs inside these functions and nothing it throws, rejects or returns gets past them. Knows no order of messages: `cell.ts`.
 */
import { channel } from "node:diagnostics_channel";
import { NoMethodError } from "../errors.js";
import { reasonFromError } from "../exit.js";
import type { Cell, CellOptions } from "./cell.js";
import type { Call, Cast, Envelope, InfoEnvelope, SystemEnvelope } from "./envelope.js";
import { Use } from "./exposure.js";
import { follow, followIfAsync } from "./following.js";
import { isIgnore } from "./ignore.js";
import { type ActorInstance, release, unwind } from "./instance.js";
import { type Method, methodsOf } from "./methods.js";
import { refusalOf } from "./refusal.js";

const unhandled = channel("copal:unhandled");

/** Makes the instance and runs `init`; the actor has started when that has settled, and ends if it fails. */
export function startInstance(cell: Cell, { construct, args }: CellOptions): void {
  try {
    cell.runtime.onlooker?.begins(cell, "init");
    const instance = construct(cell);
    cell.instance = instance;
    cell.methods = methodsOf(instance);
    cell.holdsProcess = typeof instance[release] === "function";
    cell.unwinds = typeof instance[unwind] === "function";
    followIfAsync(cell.ref, instance);
    const result = instance.init(...args);
    if (!isThenable(result)) started(cell);
    else {
      cell.isBusy = true;
      followWaiting(cell);
      const onInit = (): void => {
        if (cell.isEnding) return;
        started(cell);
        cell.free();
      };
      whenSettled(result, onInit, (thrown) => startFailed(cell, thrown));
    }
  } catch (thrown) {
    startFailed(cell, thrown);
  }
}

function started(cell: Cell): void {
  if (cell.isEnding) return;
  cell.hasStarted = true;
  const options = cell.starting;
  cell.starting = undefined;
  options?.onStarted();
}

function startFailed(cell: Cell, thrown: unknown): void {
  if (cell.isEnding) return;
  cell.isReported = !isIgnore(thrown);
  cell.end(cell.isReported ? reasonFromError(thrown) : "normal", false, thrown);
}

/** Hands one envelope to the instance. Returns when the callback has; an async one holds the mailbox until it settles. */
export function handle(cell: Cell, envelope: Envelope): void {
  if (envelope.kind === "system") {
    envelope.answerFor(cell);
    return;
  }
  cell.current = envelope;
  cell.hasLetGo = false;
  cell.runtime.onlooker?.begins(cell, callbackOf(envelope));
  cell.debug?.received(cell, envelope);
  let result: unknown;
  try {
    result = dispatch(cell, envelope);
    if (isThenable(result)) {
      hold(cell, result, envelope);
      return;
    }
  } catch (thrown) {
    failed(cell, envelope, thrown);
    return;
  }
  handled(cell, envelope, result);
}

/** Names the method or callback that handles `envelope`, or none if there is none. */
export function callbackOf(envelope: Envelope | undefined): string {
  switch (envelope?.kind) {
    case "call":
    case "cast":
      return envelope.method;
    case "info":
      return "handleInfo";
    case "continue":
      return "handleContinue";
    default:
      return "";
  }
}

/** Tells whoever waits for it that `envelope` is handled, or dropped for ever; once. */
export function tellHandled(cell: Cell, envelope: InfoEnvelope): void {
  const { onHandled } = envelope;
  envelope.onHandled = undefined;
  try {
    onHandled?.();
  } catch (thrown) {
    unhandled.publish({ ref: cell.ref, message: envelope.message, error: thrown });
  }
}

function dispatch(cell: Cell, envelope: Exclude<Envelope, SystemEnvelope>): unknown {
  const instance = cell.instance;
  if (envelope.kind === "info") {
    const { message } = envelope;
    if (!envelope.endsActor) return instance?.handleInfo(message);
    if (message.type === "EXIT") cell.end(message.reason, true);
    return undefined;
  }
  if (envelope.kind === "continue") return instance?.handleContinue(envelope.message);
  const method = cell.methods?.get(envelope.method);
  if (method) return run(method, instance, envelope.args);
  if (envelope instanceof Use) return envelope.run();
  unknown(cell, envelope);
  return undefined;
}

/** Most methods take few arguments, and a plain call of a method takes less than one with a list. */
function run(method: Method, instance: ActorInstance | undefined, args: readonly unknown[]): unknown {
  switch (args.length) {
    case 0:
      return method.call(instance);
    case 1:
      return method.call(instance, args[0]);
    case 2:
      return method.call(instance, args[0], args[1]);
    default:
      return method.apply(instance, args as unknown[]);
  }
}

function unknown(cell: Cell, envelope: Call | Cast): void {
  const { method } = envelope;
  if (envelope.kind === "cast") {
    unhandled.publish({ ref: cell.ref, message: { type: "cast", method, args: envelope.args } });
    return;
  }
  envelope.fail(new NoMethodError(`${cell.label} has no public method \`${method}\``, { ref: cell.ref, method }));
}

function hold(cell: Cell, result: PromiseLike<unknown>, envelope: Envelope): void {
  followWaiting(cell);
  cell.isBusy = !cell.hasLetGo;
  // A callback that let go of the mailbox is no longer in hand: the next message may already be.
  if (cell.hasLetGo) cell.current = undefined;
  whenSettled(
    result,
    (value) => handled(cell, envelope, value),
    (thrown) => failed(cell, envelope, thrown),
  );
}

function handled(cell: Cell, envelope: Envelope, value: unknown): void {
  if (envelope.kind === "info") tellHandled(cell, envelope);
  if (envelope !== cell.current || cell.hasEnded) return;
  if (cell.isEnding) {
    // Somebody ended it meanwhile: then what its abandoned method came up with is not an answer.
    if (cell.endsItself) cell.lastWord = { value };
    return;
  }
  if (envelope.kind === "call" && envelope.owed === undefined) {
    if (!envelope.isSettled) cell.debug?.answered(cell, envelope, value);
    envelope.answer(value);
  }
  cell.debug?.handled(cell);
  cell.free();
}

function failed(cell: Cell, envelope: Envelope, thrown: unknown): void {
  const refused = refusalOf(thrown);
  if (!refused) {
    if (!cell.hasEnded) cell.end(reasonFromError(thrown), true, thrown);
    if (envelope.kind === "info") tellHandled(cell, envelope);
    return;
  }
  if (envelope.kind === "call") {
    cell.debug?.refused(cell, envelope, refused.error);
    envelope.fail(refused.error);
  } else unhandled.publish({ ref: cell.ref, message: envelope, error: refused.error });
  handled(cell, envelope, undefined);
}

/** A callback that waits although its class has nothing async waits for code from elsewhere. */
function followWaiting(cell: Cell): void {
  if (!cell.holdsProcess && !cell.unwinds) follow(cell.ref);
}

/** Tells whether `value` has to be waited for. Throws what its `then` throws when it is read. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== "object" || value === null) && typeof value !== "function") return false;
  return typeof (value as { then?: unknown }).then === "function";
}

const nativeThen = Promise.prototype.then;

/** Calls one of the two once, later, whatever `then` a thenable has, and even if a promise has one of its own. */
export function whenSettled(
  result: PromiseLike<unknown>,
  onValue: (value: unknown) => void,
  onThrown: (thrown: unknown) => void,
): void {
  nativeThen.call(Promise.resolve(result), onValue, onThrown);
}
