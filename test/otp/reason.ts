/**
 * The one table between Copal's exit reasons and Erlang's. Copal's reasons are a closed union, Erlang's are any term: a term that is
 * no word of Copal's travels as an `{ error }` of the name `Term` with the printed term as its message.
 */
import { isCopalError } from "#src/errors.js";
import { type ExitReason, exitReason, type StartFailure } from "#src/exit.js";
import { print, stack, type Term, Tuple, tuple } from "./term.js";

const words: ReadonlySet<Term> = new Set(["normal", "shutdown", "killed", "kill", "noproc", "noconnection"]);

/** Every term that was ever sent as a reason, by what it prints as. */
const sent = new Map<string, Term>();

/** Erlang's `error(Term)`: an exception with a stack. */
export class ErlangError extends Error {
  override readonly name: string = "ErlangError";

  constructor(term: Term) {
    super(remember(term));
  }
}

/** An exception raised in a start function, not in the child: `{'EXIT',{Reason,Stack}}` to its supervisor. Its stack is empty, as the plan asks. */
export class RaisedError extends ErlangError {
  override readonly name = "RaisedError";

  constructor(term: Term) {
    super(term);
    this.stack = "";
  }
}

/** Erlang's `exit(Term)`: what to throw to end the actor in hand with that reason. */
export function exitWith(term: Term): object {
  return { [exitReason]: toReason(term) };
}

/** Copal's reason for an Erlang one. */
export function toReason(term: Term): ExitReason {
  if (words.has(term)) return term as ExitReason;
  if (term instanceof Tuple && term.items.length === 2 && term.items[0] === "shutdown") {
    return { shutdown: remember(term.items[1]) };
  }
  return { error: { name: "Term", message: remember(term) } };
}

/** The Erlang reason that a Copal one stands for. */
export function fromReason(reason: ExitReason): Term {
  if (typeof reason === "string") return reason;
  if ("shutdown" in reason) return tuple("shutdown", recall(String(reason.shutdown)));
  if ("startFailed" in reason) return tuple("shutdown", fromFailure(reason.startFailed));
  if ("limit" in reason) return reason.limit;
  if (!("error" in reason)) throw new TypeError(`no scenario ends an actor with ${JSON.stringify(reason)}`);
  const { name, message, stack: trace } = reason.error;
  if (name === "Term") return recall(message);
  if (name === "RaisedError") return tuple("EXIT", tuple(recall(message), trace ? stack : []));
  // What is thrown and is no error is Erlang's `throw`, which ends a process only if nobody catches it.
  if (name === "NonError") return tuple(tuple("nocatch", recall(message)), stack);
  return tuple(recall(message), stack);
}

/** The Erlang reason for what a call or a start rejected with. */
export function reasonOfError(error: unknown): Term {
  if (isCopalError(error, "ERR_NOPROC")) return "noproc";
  if (isCopalError(error, "ERR_CALL_TIMEOUT")) return "timeout";
  if (isCopalError(error, "ERR_CALLING_SELF")) return "calling_self";
  if (isCopalError(error, "ERR_NO_METHOD")) return "no_method";
  if (isCopalError(error, "ERR_ACTOR_EXIT") || isCopalError(error, "ERR_START")) return fromReason(error.reason);
  throw error;
}

/**
 * The reason of a child whose start function failed. What that function resolved with and should not have, or threw and was no error, is
 * the reason itself: OTP does not tell the two apart either.
 */
export function startReason(reason: ExitReason): Term {
  const isValue = typeof reason === "object" && "error" in reason && "value" in reason.error;
  return isValue ? revived(reason.error.value) : fromReason(reason);
}

/** `{failed_to_start_child,Id,Reason}`; of nested supervisors each level tells of its own child. */
function fromFailure(failure: StartFailure): Term {
  const { child = "", reason } = failure;
  if (reason === undefined) throw new TypeError(`the failure of ${child} has no reason`);
  return tuple("failed_to_start_child", child.split("/").at(-levels(failure)), startReason(reason));
}

/** A value that travelled as plain data: what was a tuple is one again. */
function revived(value: unknown): Term {
  const { items } = Object(value) as { items?: readonly Term[] };
  return items === undefined ? value : tuple(...items.map(revived));
}

function levels({ reason }: StartFailure): number {
  return typeof reason === "object" && "startFailed" in reason ? levels(reason.startFailed) + 1 : 1;
}

function remember(term: Term): string {
  const printed = print(term);
  sent.set(printed, term);
  return printed;
}

function recall(printed: string): Term {
  return sent.has(printed) ? sent.get(printed) : printed;
}
