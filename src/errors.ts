/**
 * Every error that Copal throws to a caller: one class per kind, told apart by `code`, because a structured clone drops
 * prototypes. How an actor ended is not an error but an `ExitReason`; some errors carry one.
 */
import { isNativeError } from "node:util/types";
import { type ExitReason, exitReason, formatExit, reasonFromError, type StartFailure } from "./exit.js";
import { type ActorRef, isActorRef } from "./ref.js";
import type { ExitReport } from "./sidecar/exit-report.js";

/** What each kind of error carries besides `message` and `cause`, by code. */
export interface ErrorFields {
  /** The actor, or the child, was already gone or never there. */
  ERR_NOPROC: { readonly ref?: ActorRef; readonly name?: string };
  /** No answer came in time; the actor may still handle the call. */
  ERR_CALL_TIMEOUT: { readonly ref: ActorRef; readonly method: string; readonly timeoutMs: number };
  /** An actor called a method of its own while it handled a message: it would wait for itself. */
  ERR_CALLING_SELF: { readonly ref: ActorRef; readonly method: string };
  /** The actor ended before it answered; or a helper was used by an actor that has ended. */
  ERR_ACTOR_EXIT: { readonly ref: ActorRef; readonly reason: ExitReason };
  /** An actor or a process did not start; `ignored`: because its `init` said that it is not needed. */
  ERR_START: { readonly reason: ExitReason; readonly failure?: StartFailure; readonly ignored?: true };
  /** The name, or the child id, is taken by a running actor. */
  ERR_ALREADY_STARTED: { readonly ref: ActorRef; readonly name?: string; readonly id?: string };
  /** A child specification, or a supervisor's own, is wrong; nothing was started. */
  ERR_CHILD_SPEC: { readonly field: string; readonly got: unknown; readonly allowed: string };
  /** The child is in no state for the request; `state` is OTP's word. */
  ERR_CHILD_STATE: {
    readonly id: string;
    readonly state: "running" | "restarting" | "already_present" | "not_found" | "max_children" | "simple_one_for_one";
  };
  ERR_CONFIG: { readonly file?: string; readonly line?: number; readonly column?: number; readonly path?: string };
  /** `code` is the system's word (`"EPIPE"`); the error shows it as `osCode`, since its own `code` names the kind. */
  ERR_SIDECAR: {
    readonly stage: "find" | "hello" | "start" | "run";
    readonly code?: string;
    readonly errno?: number;
    readonly path?: string;
  };
  /** A process did not end as asked for; `report` says how it ended, `stderr` has the end of what it said. */
  ERR_PROCESS_EXIT: { readonly report: ExitReport; readonly stderr: string };
  ERR_WIRE: { readonly bytes?: Uint8Array };
  /** The actor has no public method of this name. */
  ERR_NO_METHOD: { readonly ref: ActorRef; readonly method: string };
  /** So many messages wait for the actor that it takes no more. */
  ERR_MAILBOX_FULL: { readonly ref: ActorRef; readonly capacity: number };
  /** The message, or the answer, cannot be cloned, and so not reach an actor of another thread. */
  ERR_NOT_CLONEABLE: { readonly path?: string };
  /** So many functions wait for a thread to run in that no more may. */
  ERR_COMPUTE_FULL: { readonly capacity: number };
  /** The function to run cannot be had: no such module, none that loads, no such export, or it is no function. */
  ERR_COMPUTE_MODULE: { readonly module: string; readonly exportName: string };
  /** The thread that ran the function ended before the function did. */
  ERR_COMPUTE_LOST: { readonly reason: ExitReason };
  /** The function had not come to its end in time; it was ended. */
  ERR_COMPUTE_TIMEOUT: { readonly timeoutMs: number };
  /** A value that is planned but not built. */
  ERR_UNSUPPORTED: { readonly feature: string };
}

/** The stable codes; branch on these. */
export type ErrorCode = keyof ErrorFields;

/** An error of one kind, with its fields. */
export type CopalErrorOf<C extends ErrorCode> = CopalError & { readonly code: C } & Omit<ErrorFields[C], "code"> &
  (ErrorFields[C] extends { readonly code?: string } ? { readonly osCode?: string } : unknown);

/** The class of one kind of error. */
export interface ErrorKind<C extends ErrorCode> {
  new (message: string, fields: ErrorFields[C], options?: { readonly cause?: unknown }): CopalErrorOf<C>;
  readonly prototype: CopalErrorOf<C>;
}

const brand: unique symbol = Symbol.for("copal.error") as never;

/** What all errors of Copal have in common. */
export class CopalError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, name: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options !== undefined && "cause" in options ? { cause: options.cause } : undefined);
    Object.defineProperty(this, "name", { value: name, configurable: true, writable: true });
    this.code = code;
  }

  get [brand](): true {
    return true;
  }

  /** An actor whose `init` throws a start error ends with the reason that error tells of. */
  get [exitReason](): ExitReason | undefined {
    return isCopalError(this, "ERR_START") ? this.reason : undefined;
  }
}

/** Tells whether `value` is an error of Copal, of this or another loaded copy of the package, and of kind `code` if given. */
export function isCopalError<C extends ErrorCode = ErrorCode>(value: unknown, code?: C): value is CopalErrorOf<C> {
  if (typeof value !== "object" || value === null || (value as { [brand]?: unknown })[brand] !== true) return false;
  return code === undefined || (value as CopalError).code === code;
}

const kinds = new Map<string, ErrorKind<ErrorCode>>();

function kind<C extends ErrorCode>(code: C, name: string): ErrorKind<C> {
  const made = class extends CopalError {
    constructor(message: string, fields: ErrorFields[C], options?: { readonly cause?: unknown }) {
      super(code, name, message, options);
      const { code: osCode, ...rest } = fields as { code?: string };
      Object.assign(this, osCode === undefined ? rest : { ...rest, osCode });
    }
  };
  Object.defineProperty(made, "name", { value: name });
  kinds.set(code, made as unknown as ErrorKind<ErrorCode>);
  return made as unknown as ErrorKind<C>;
}

/** Thrown for an actor, a name or a child that is not there. */
export const NoProcError = kind("ERR_NOPROC", "NoProcError");
/** Rejects a call that got no answer in time. */
export const CallTimeoutError = kind("ERR_CALL_TIMEOUT", "CallTimeoutError");
/** Rejects a call that an actor makes to itself while it handles a message. */
export const CallingSelfError = kind("ERR_CALLING_SELF", "CallingSelfError");
/** Rejects a call whose target ended first; thrown by the helpers of an actor that has ended. */
export const ActorExitError = kind("ERR_ACTOR_EXIT", "ActorExitError");
/** Rejects a start. */
export const StartError = kind("ERR_START", "StartError");
/** Rejects a start under a name or id that is taken. */
export const AlreadyStartedError = kind("ERR_ALREADY_STARTED", "AlreadyStartedError");
/** Thrown for a wrong specification, before anything starts. */
export const ChildSpecError = kind("ERR_CHILD_SPEC", "ChildSpecError");
/** Rejects a request that does not fit the child's state. */
export const ChildStateError = kind("ERR_CHILD_STATE", "ChildStateError");
/** Thrown for a config that cannot be used. */
export const ConfigError = kind("ERR_CONFIG", "ConfigError");
/** Thrown when a sidecar is missing, of the wrong version, refuses a start or is lost. */
export const SidecarError = kind("ERR_SIDECAR", "SidecarError");
/** Rejects a `run` or ends `lines` that were asked to throw, for a process that failed or reached a limit. */
export const ProcessExitError = kind("ERR_PROCESS_EXIT", "ProcessExitError");
/** Thrown for bytes that are not the protocol. */
export const WireError = kind("ERR_WIRE", "WireError");
/** Rejects a call of an unknown or private method; the actor goes on. */
export const NoMethodError = kind("ERR_NO_METHOD", "NoMethodError");
/** Rejects a call to an actor whose mailbox is full. */
export const MailboxFullError = kind("ERR_MAILBOX_FULL", "MailboxFullError");
/** Refuses a message that cannot be cloned to its sender, before it leaves. */
export const NotCloneableError = kind("ERR_NOT_CLONEABLE", "NotCloneableError");
/** Rejects a `compute` while as many functions wait as may. */
export const ComputeFullError = kind("ERR_COMPUTE_FULL", "ComputeFullError");
/** Rejects a `compute` of something that cannot be loaded or is no function. */
export const ComputeModuleError = kind("ERR_COMPUTE_MODULE", "ComputeModuleError");
/** Rejects a `compute` whose thread exited, ran out of memory, or broke over something that nobody caught. */
export const ComputeLostError = kind("ERR_COMPUTE_LOST", "ComputeLostError");
/** Rejects a `compute` that took longer than its `timeoutMs`. */
export const ComputeTimeoutError = kind("ERR_COMPUTE_TIMEOUT", "ComputeTimeoutError");
/** Thrown for a value that is planned but not built. */
export const UnsupportedError = kind("ERR_UNSUPPORTED", "UnsupportedError");

/** An error as plain data that survives a structured clone. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  /** The nearest class that every thread has; none for errors of Copal, which are told apart by `code`, and for what was no error. */
  readonly type?: string;
  /** Its own fields besides those above, refs as plain addresses, without what cannot be cloned. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly cause?: PlainError;
  /** What an `AggregateError` gathers. */
  readonly errors?: readonly PlainError[];
  /** What was thrown, if it was no error and can be cloned. */
  readonly value?: unknown;
}

/** Turns anything thrown into plain data, its causes included (at most eight deep). Never throws. */
export function toPlain(thrown: unknown, depth = 8): PlainError {
  const isCopal = isCopalError(thrown);
  const reason = reasonFromError(isCopal ? { ...thrown, ...wordsOf(thrown) } : thrown);
  const { value, ...words } =
    typeof reason === "object" && "error" in reason
      ? reason.error
      : { name: "Error", message: formatExit(reason), value: undefined };
  if (!isError(thrown)) return { ...words, name: words.name || "NonError", ...(value !== undefined && { value }) };
  const { cause, errors } = thrown as { readonly cause?: unknown; readonly errors?: unknown };
  return {
    ...words,
    ...(!isCopal && { type: typeOf(thrown) }),
    fields: plainFields(thrown),
    ...(cause !== undefined && depth > 0 && { cause: toPlain(cause, depth - 1) }),
    ...(thrown instanceof AggregateError &&
      Array.isArray(errors) &&
      depth > 0 && { errors: errors.map((error) => toPlain(error, depth - 1)) }),
  };
}

/**
 * Makes an error again from {@link toPlain}'s data: of its own kind if it was Copal's, else of the nearest class that every thread has, with its own name and
 * fields; or the value itself that was no error. `refOf` makes a ref of an address.
 */
export function fromPlain(plain: PlainError, refOf: RefOf = (address) => address): unknown {
  if ("value" in plain) return plain.value;
  const error = made(plain, refOf);
  const { name, stack, code, fields } = plain;
  if (stack !== undefined) redefine(error, "stack", stack);
  if (error.name !== name) redefine(error, "name", name);
  if (code !== undefined && (error as { code?: unknown }).code === undefined) Object.assign(error, { code });
  Object.assign(error, fields);
  const ref = isCopalError(error) ? (error as { ref?: unknown }).ref : undefined;
  return typeof ref === "object" && ref !== null ? Object.assign(error, { ref: refOf(ref as PlainRef) }) : error;
}

function made({ name, message, code, type, cause, errors }: PlainError, refOf: RefOf): Error {
  const options = cause === undefined ? {} : { cause: fromPlain(cause, refOf) };
  const Kind = type === undefined ? kinds.get(code ?? "") : undefined;
  if (Kind) return new Kind(message, {} as never, options);
  // Its types do not know yet that it takes a cause as well.
  if (type === "DOMException") return new DOMException(message, { name, ...options } as never);
  if (type === "AggregateError")
    return new AggregateError(
      (errors ?? []).map((one) => fromPlain(one, refOf)),
      message,
      options,
    );
  return new (classes.find((one) => one.name === type) ?? Error)(message, options);
}

function redefine(error: Error, key: "name" | "stack", value: string): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true });
}

/** A ref as its kind of error carries it in plain data. */
export type PlainRef = Pick<ActorRef, "id" | "thread" | "name">;
type RefOf = (ref: PlainRef) => unknown;

const classes: readonly ErrorConstructor[] = [TypeError, RangeError, SyntaxError, ReferenceError, URIError, EvalError];

function typeOf(error: Error): string {
  if (error instanceof DOMException) return "DOMException";
  if (error instanceof AggregateError) return "AggregateError";
  return (classes.find((one) => error instanceof one) ?? Error).name;
}

function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || isNativeError(thrown);
}

function wordsOf(error: Error): { name: string; message: string; stack: string | undefined } {
  return { name: error.name, message: error.message, stack: error.stack };
}

const notFields: ReadonlySet<string> = new Set(["name", "message", "stack", "cause"]);

function plainFields(error: Error): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const key of Object.keys(error)) {
    if (notFields.has(key) || (key === "code" && isCopalError(error))) continue;
    try {
      const value: unknown = Reflect.get(error, key);
      fields[key] = isActorRef(value) ? { ...value } : structuredClone(value);
    } catch {
      // What cannot be read or cloned stays behind; the error is worth telling without it.
    }
  }
  return fields;
}
