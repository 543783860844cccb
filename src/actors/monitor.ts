/**
 * Monitors: one actor, or a piece of the runtime, is told once when another actor ends. One-way; each is independent.
 */
import type { ExitReason } from "../exit.js";
import type { ActorRef } from "../ref.js";
import { cellOf } from "./address.js";
import type { Cell } from "./cell.js";
import { InfoEnvelope } from "./envelope.js";

/** A monitor on one actor. Whoever holds it is notified exactly once, unless it is cancelled first. */
export interface Monitor {
  readonly target: Cell;
  /** Called when the target has ended, after its name is free and before its links hear. */
  notify(reason: ExitReason): void;
}

/** A monitor held by an actor: the notice is a `DOWN` message. */
export class ActorMonitor implements Monitor {
  readonly id: number;
  readonly target: Cell;
  readonly #watcher: Cell;
  readonly #name: string | undefined;

  constructor(id: number, target: Cell, watcher: Cell, name: string | undefined) {
    this.id = id;
    this.target = target;
    this.#watcher = watcher;
    this.#name = name;
  }

  notify(reason: ExitReason): void {
    this.#watcher.watching?.delete(this.id);
    pushDown(this.#watcher, this.id, this.target.ref, reason, this.#name);
  }
}

/** Sets a monitor of `watcher` on a ref, or on who bears a name now; of an actor that is not there `DOWN` with `"noproc"` comes at once. */
export function monitor(watcher: Cell, refOrName: ActorRef | string): number {
  const { runtime } = watcher;
  const id = runtime.nextMonitor();
  const name = typeof refOrName === "string" ? refOrName : undefined;
  const ref = typeof refOrName === "string" ? runtime.whereis(refOrName) : refOrName;
  const target = ref && cellOf(ref);
  if (!target || target.hasEnded) {
    pushDown(watcher, id, ref ?? runtime.nobodyNamed(name), "noproc", name);
    return id;
  }
  const made = new ActorMonitor(id, target, watcher, name);
  target.monitors.add(made);
  watcher.watching ??= new Map();
  watcher.watching.set(id, made);
  return id;
}

function pushDown(watcher: Cell, monitor: number, from: ActorRef, reason: ExitReason, name: string | undefined): void {
  watcher.push(new InfoEnvelope({ type: "DOWN", monitor, from, reason, ...(name !== undefined && { name }) }));
}

/** Ends a monitor and, unless told not to `flush`, takes its `DOWN` out of the mailbox if it is there already. */
export function demonitor(watcher: Cell, id: number, flush = true): void {
  const held = watcher.watching?.get(id);
  watcher.watching?.delete(id);
  if (held) held.target.monitors.delete(held);
  else if (flush)
    watcher.drop(
      (envelope) => envelope.kind === "info" && envelope.message.type === "DOWN" && envelope.message.monitor === id,
    );
}

/**
 * Calls `onEnd` once when `target` has ended (at once if it has already), with its reason.
 *
 * @returns a function that calls it off.
 */
export function onEnd(target: Cell, notify: (reason: ExitReason) => void): () => void {
  if (target.hasEnded) {
    notify(target.reason);
    return () => {};
  }
  const made: Monitor = { target, notify };
  target.monitors.add(made);
  return () => target.monitors.delete(made);
}
