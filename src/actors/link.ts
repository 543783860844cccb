/**
 * Links and exit signals: OTP's table of what a signal does to its receiver, and the bookkeeping on both sides. A link is
 * mutual and at most one exists between two actors.
 */
import { channel } from "node:diagnostics_channel";
import { NoProcError } from "../errors.js";
import type { ExitReason } from "../exit.js";
import type { ActorRef } from "../ref.js";
import { cellOf } from "./address.js";
import type { Cell } from "./cell.js";
import { InfoEnvelope } from "./envelope.js";
import { describeRef } from "./runtime.js";

const unhandled = channel("copal:unhandled");

/** Links two actors that have not ended. Linking twice, or to oneself, does nothing. */
export function connect(one: Cell, other: Cell): void {
  if (one === other) return;
  one.links.add(other);
  other.links.add(one);
}

/** Takes a link away on both sides. */
export function disconnect(one: Cell, other: Cell): void {
  one.links.delete(other);
  other.links.delete(one);
}

/**
 * Links `cell` to the actor of `ref`.
 *
 * If that one is gone, an actor that traps exits gets an `EXIT` message with `"noproc"`.
 *
 * @throws {NoProcError} if it is gone and `cell` does not trap exits.
 */
export function link(cell: Cell, ref: ActorRef): void {
  const other = cellOf(ref);
  if (!other.hasEnded) {
    connect(cell, other);
    other.remote?.link(cell);
  } else if (cell.trapExit) pushExit(cell, ref, "noproc", false);
  else throw new NoProcError(`cannot link to ${describeRef(ref)}: it has ended`, { ref });
}

/** Unlinks both and, unless told not to `flush`, takes an `EXIT` of that actor out of the mailbox if it is there already. */
export function unlink(cell: Cell, ref: ActorRef, flush = true): void {
  const other = cellOf(ref);
  if (cell.links.has(other)) other.remote?.unlink(cell);
  disconnect(cell, other);
  if (!flush) return;
  cell.drop(
    (envelope) => envelope.kind === "info" && envelope.message.type === "EXIT" && envelope.message.from === ref,
  );
}

/** Where an exit signal comes from: the end of a linked actor, an explicit order, or a supervisor's stop of its child, which overtakes. */
export type SignalKind = "link" | "order" | "stop";

/**
 * Delivers an exit signal, by OTP's table:
 *
 * - an order `"kill"` ends it with `"killed"`, whether it traps or not; the same reason through a link is an ordinary one;
 * - an actor that traps exits gets an `EXIT` message, behind what is in its mailbox; if the signal is its parent's, that
 *   message ends it when its turn comes, which is the next one if it is a supervisor's stop (a supervisor is ended at once, so that a start in
 *   progress cannot delay it);
 * - `"normal"` is ignored otherwise, unless an actor sends it to itself;
 * - any other reason ends it at once, without `terminate`, even while an async method waits.
 *
 * `from` is who really sends: the caller's own ref, never one that user code names. A supervisor hears of ends alone: an order of
 * anyone but its parent says nothing about any child of it, and is dropped.
 */
export function sendExit(to: Cell, from: ActorRef, reason: ExitReason, kind: SignalKind): void {
  if (to.remote) {
    to.remote.signal(from, reason, kind);
    return;
  }
  if (reason === "kill" && kind !== "link") {
    to.kill();
    return;
  }
  if (to.isEnding) {
    // A `terminate` in progress is code of an actor that does not trap: the signal ends that as well.
    if (to.owesTerminate && !to.trapExit && reason !== "normal") to.overtake(reason);
    return;
  }
  const isParents = from === (to.parent === null ? to.runtime.outside : to.parent.ref);
  if (to.unwinds && isParents) to.end(reason, true);
  else if (to.unwinds && kind !== "link") unhandled.publish({ ref: to.ref, message: { type: "EXIT", from, reason } });
  else if (to.trapExit && isParents && kind === "stop") to.pushFirst(exitOf(to, from, reason, true));
  else if (to.trapExit) pushExit(to, from, reason, isParents);
  else if (reason !== "normal" || from === to.ref) to.end(reason, false);
}

function pushExit(to: Cell, from: ActorRef, reason: ExitReason, endsActor: boolean): void {
  to.push(exitOf(to, from, reason, endsActor));
}

function exitOf(to: Cell, from: ActorRef, reason: ExitReason, endsActor: boolean): InfoEnvelope {
  return new InfoEnvelope({ type: "EXIT", from, reason }, undefined, endsActor, to.runtime.clock.nowMs());
}
