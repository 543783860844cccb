/**
 * The ordered end of an actor. What an actor holds is gone before anyone is told: its own `release`, its computations, the children it started,
 * and linked actors that hold processes come first; names, callers, monitors and links hear after that.
 */
import { channel } from "node:diagnostics_channel";
import { type ExitReason, isNormalExit, reasonFromError } from "../exit.js";
import { floor } from "../ref.js";
import type { Cell } from "./cell.js";
import { reportCrash, reportTerminate } from "./crash-report.js";
import { isThenable, whenSettled } from "./handling.js";
import { type ActorInstance, release, unwind } from "./instance.js";
import { disconnect, sendExit } from "./link.js";
import { onEnd } from "./monitor.js";

const exits = channel("copal:exit");

/**
 * Carries the end of `cell` from its second step to its last:
 *
 * 1. (done by `Cell.end`) no more messages, `endSignal` aborted;
 * 2. `unwind`, or `terminate` if it is due; cut short by a kill, and by a signal that the actor does not trap;
 * 3. `release`, and the ends of its computations, of the children it started and of linked actors that hold processes;
 * 4. name freed, callers rejected, monitors notified, links signalled, the parent last.
 *
 * An actor that holds nothing goes through all of it at once.
 */
export function beginEnd(cell: Cell): void {
  const concluding = cell.endsItself && cell.isBusy ? turnOfEventLoop(cell).then(() => conclude(cell)) : conclude(cell);
  if (concluding) concluding.then(() => letGo(cell));
  else letGo(cell);
}

function letGo(cell: Cell): void {
  if (!holdsAnything(cell)) finish(cell);
  else
    releaseAll(cell).then(
      () => finish(cell),
      (thrown) => finish(cell, thrown),
    );
}

function holdsAnything(cell: Cell): boolean {
  if (cell.holdsProcess || (cell.children !== undefined && cell.children.size > 0)) return true;
  if (cell.computing !== undefined && cell.computing.size > 0) return true;
  for (const linked of cell.links) if (linked.holdsProcess && linked !== cell.parent) return true;
  return false;
}

/** Lets an async method that called `exit` return: what it returns in this turn of the event loop still answers its caller. */
function turnOfEventLoop(cell: Cell): Promise<void> {
  return new Promise((resolve) => cell.runtime.queue.later(resolve));
}

/** The second step; a promise only if something has to be waited for. It never rejects. */
function conclude(cell: Cell): Promise<void> | undefined {
  const { instance } = cell;
  if (!instance || cell.isKilled) return undefined;
  const steps: Promise<void>[] = [];
  if (cell.unwinds) steps.push(attempt(cell, () => instance[unwind]?.(cell.reason)));
  const terminating = cell.owesTerminate ? terminate(cell, instance) : undefined;
  if (terminating) steps.push(terminating);
  if (steps.length === 0) return concluded(cell);
  const cut = new Promise<void>((resolve) => {
    cell.onKill = resolve;
  });
  return Promise.race([Promise.all(steps), cut]).then(() => concluded(cell));
}

function concluded(cell: Cell): undefined {
  cell.onKill = undefined;
  // Who was overtaken by a signal meanwhile owes nothing any more.
  if (cell.owesTerminate) reportTerminate(cell);
  cell.owesTerminate = false;
}

/** What `terminate` throws is what the actor ends with, as in OTP, unless it was cut short. */
function terminate(cell: Cell, instance: ActorInstance): Promise<void> | undefined {
  let terminated: () => void = () => {};
  const failed = (thrown: unknown): void => {
    if (cell.owesTerminate) {
      cell.reason = reasonFromError(thrown);
      cell.cause = thrown;
    }
    terminated();
  };
  try {
    floor.speaker = cell.ref;
    cell.runtime.onlooker?.begins(cell, "terminate");
    const result = instance.terminate(cell.reason);
    if (!isThenable(result)) return undefined;
    whenSettled(result, () => terminated(), failed);
    return new Promise((resolve) => {
      terminated = resolve;
    });
  } catch (thrown) {
    failed(thrown);
    return undefined;
  } finally {
    floor.speaker = undefined;
    cell.runtime.onlooker?.rests();
  }
}

async function releaseAll(cell: Cell): Promise<void> {
  const { instance, reason } = cell;
  const waits: Promise<void>[] = [];
  const kills: (() => void)[] = [];
  const releaseOwn = (why: ExitReason): Promise<void> => attempt(cell, () => instance?.[release]?.(why));
  if (cell.holdsProcess) {
    waits.push(releaseOwn(reason));
    kills.push(() => waits.push(releaseOwn("killed")));
  }
  for (const abandon of cell.computing ?? []) waits.push(attempt(cell, abandon));
  for (const child of [...(cell.children ?? [])]) {
    // One that does not trap would not mind a `normal` and live on.
    sendExit(child, cell.ref, reason === "normal" && !child.trapExit ? "shutdown" : reason, "link");
    kills.push(() => child.kill());
    waits.push(childEnd(cell, child));
  }
  for (const linked of [...cell.links]) {
    if (!linked.holdsProcess || linked.parent === cell || linked === cell.parent) continue;
    sendExit(linked, cell.ref, reason, "link");
    if (!linked.isEnding) continue;
    disconnect(cell, linked);
    kills.push(() => linked.kill());
    waits.push(endOf(cell, linked));
  }
  cell.onKill = () => {
    for (const kill of kills) kill();
  };
  // A kill adds to the list while we wait.
  for (let i = 0; i < waits.length; i++) await waits[i];
  cell.onKill = undefined;
}

/** Waits for a child; it gets the time it was started with, and then it is killed. */
function childEnd(cell: Cell, child: Cell): Promise<void> {
  if (child.shutdownMs === Number.POSITIVE_INFINITY) return endOf(cell, child);
  const timer = cell.runtime.clock.setTimer(child.shutdownMs, () => child.kill());
  return endOf(cell, child).finally(() => timer.cancel());
}

/**
 * Waits for the end of `other`, unless that end waits, directly or through others, for the end of `cell`: of two linked actors
 * that end at the same time, the second does not wait for the first.
 */
function endOf(cell: Cell, other: Cell): Promise<void> {
  if (waitsFor(other, cell, new Set())) return Promise.resolve();
  cell.waitingFor ??= new Set();
  cell.waitingFor.add(other);
  return new Promise((resolve) => {
    onEnd(other, () => resolve());
  });
}

function waitsFor(from: Cell, wanted: Cell, seen: Set<Cell>): boolean {
  if (from === wanted) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  for (const next of from.waitingFor ?? []) if (waitsFor(next, wanted, seen)) return true;
  return false;
}

function finish(cell: Cell, defect?: unknown): void {
  if (cell.hasEnded) return;
  const { ref, reason, runtime, parent } = cell;
  if (cell.isReported) reportCrash(cell);
  const watchers = [...cell.monitors];
  const linked = [...cell.links];
  cell.hasEnded = true;
  if (ref.name !== undefined) runtime.freeName(ref.name, cell);
  for (const other of linked) disconnect(cell, other);
  for (const [, held] of cell.watching ?? []) held.target.monitors.delete(held);
  parent?.children?.delete(cell);
  cell.settleCalls();
  cell.monitors.clear();
  for (const watcher of watchers) watcher.notify(reason);
  for (const other of linked) if (other !== parent) sendExit(other, ref, reason, "link");
  if (parent && linked.includes(parent)) tellParent(cell, parent);
  if (exits.hasSubscribers && !isNormalExit(reason)) exits.publish({ ref, label: cell.label, reason, defect });
  cell.forget();
}

/** A parent that waits for the start hears of its failure by that; as in OTP it gets an `EXIT` as well, but only if it can bear it. */
function tellParent(cell: Cell, parent: Cell): void {
  if (cell.hasStarted || (parent.trapExit && !parent.unwinds)) sendExit(parent, cell.ref, cell.reason, "link");
}

async function attempt(cell: Cell, act: () => unknown): Promise<void> {
  try {
    await act();
  } catch (thrown) {
    exits.publish({ ref: cell.ref, label: cell.label, reason: cell.reason, thrown });
  }
}
