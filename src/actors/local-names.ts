/**
 * The names of one thread's actors, given and taken after the start: OTP's `register`, `unregister` and `whereis`. The table itself is
 * the runtime's; a name given at the start is in the same one.
 */
import { AlreadyStartedError, NoProcError } from "../errors.js";
import type { ActorRef } from "../ref.js";
import { cellOf } from "./address.js";
import type { Cell } from "./cell.js";
import { onEnd } from "./monitor.js";
import { describeRef, type Runtime, runtimeOfThread } from "./runtime.js";
import { findInTrees } from "./tree-names.js";
import type { ViaRegistry } from "./via.js";

interface Given {
  readonly name: string;
  readonly forget: () => void;
}

const given = new WeakMap<Cell, Given>();

/**
 * Returns the running actor of this name: one registered in this thread, else the node of a tree that `name` is the id of, a path or an unambiguous tail of
 * one, in whatever thread the node lives. (What another thread knows of a restart it may know a moment later.) With `runtime` only names that are registered there.
 */
export function whereis(name: string, runtime?: Runtime): ActorRef | undefined {
  if (runtime) return runtime.whereis(name);
  return runtimeOfThread().whereis(name) ?? findInTrees(name);
}

/**
 * Gives a running actor a name; it is free again when the actor has ended, before anyone hears of that, or after {@link unregister}.
 *
 * @throws {AlreadyStartedError} if the name is taken, also by the same actor; or if the actor has a name, since it has one at most.
 * @throws {NoProcError} if the actor has begun to end.
 * @throws {TypeError} if the name is no text, or an empty one.
 */
export function register(name: string, ref: ActorRef): void {
  if (typeof name !== "string" || name === "") throw new TypeError(`a name is a text, not ${JSON.stringify(name)}`);
  const cell = cellOf(ref);
  const { runtime } = cell;
  const holder = runtime.whereis(name);
  if (holder) throw new AlreadyStartedError(`the name ${name} is taken`, { ref: holder, name });
  const other = nameOf(ref);
  if (other !== undefined) throw new AlreadyStartedError(`the actor is called ${other} already`, { ref, name: other });
  if (cell.isEnding) throw new NoProcError(`cannot name ${describeRef(ref)} ${name}: it has ended`, { ref, name });
  runtime.takeName(name, cell);
  given.set(cell, { name, forget: onEnd(cell, () => runtime.freeName(name, cell)) });
}

/**
 * Takes a name from its actor, also one it was started under.
 *
 * @throws {NoProcError} if no running actor has it.
 */
export function unregister(name: string, runtime: Runtime = runtimeOfThread()): void {
  const ref = runtime.whereis(name);
  if (!ref) throw new NoProcError(`nobody is called ${name}`, { name });
  const cell = cellOf(ref);
  runtime.freeName(name, cell);
  given.get(cell)?.forget();
  given.delete(cell);
}

/** Returns the name that an actor has now, however it came to it. */
export function nameOf(ref: ActorRef): string | undefined {
  const cell = cellOf(ref);
  const name = given.get(cell)?.name ?? ref.name;
  return name !== undefined && cell.runtime.whereis(name) === ref ? name : undefined;
}

/** Returns the names of a thread as a registry for `via`: an address by name that outlives incarnations. */
export function localNames(runtime: Runtime = runtimeOfThread()): ViaRegistry<string> {
  return {
    register,
    unregister: (name) => unregister(name, runtime),
    whereis: (name) => runtime.whereis(name),
    send: (name, message) => {
      const ref = runtime.whereis(name);
      if (!ref) throw new NoProcError(`nobody is called ${name}`, { name });
      ref.send(message);
    },
  };
}
