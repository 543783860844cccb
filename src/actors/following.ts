/**
 * Whose code runs after an `await`: while a promise's continuation runs, the floor is that of the actor whose code made the promise. Only threads with
 * an actor that waits for anything pay for that, a tenth of a microsecond for each promise. Knows nothing of what a speaker may say.
 */
import { promiseHooks } from "node:v8";
import { type ActorRef, floor } from "../ref.js";
import { cellOf } from "./address.js";
import type { Cell } from "./cell.js";
import { release, unwind } from "./instance.js";
import { actorBrand } from "./methods.js";

/** On a promise: the actor whose code made it. */
const maker: unique symbol = Symbol("copal.maker") as never;

interface Made extends Promise<unknown> {
  [maker]?: ActorRef | undefined;
}

const withoutAsync = new WeakSet<object>();

/**
 * Follows the code of this thread's actors through its promises from now on, beginning with that of `speaker` if some runs now.
 *
 * Async functions, promises and their `then` are followed. What a plain callback does, of a timer or a listener, is not known to be anybody's.
 */
export function follow(speaker?: ActorRef): void {
  if (floor.isFollowed) return;
  floor.speaker = speaker;
  floor.isFollowed = true;
  promiseHooks.createHook({
    init: (promise: Made) => {
      if (floor.speaker !== undefined) promise[maker] = floor.speaker;
    },
    before: (promise: Made) => {
      floor.speaker = promise[maker];
      if (floor.speaker !== undefined) onlooker?.(cellOf(floor.speaker));
    },
    after: () => {
      if (floor.speaker !== undefined) onlooker?.(undefined);
      floor.speaker = undefined;
    },
  });
}

let onlooker: ((speaker: Cell | undefined) => void) | undefined;

/** Follows, and shows `look` whose code goes on behind an `await`, and then that it has come to the next. */
export function lookOn(look: (speaker: Cell | undefined) => void): void {
  onlooker = look;
  follow();
}

/**
 * Follows `speaker`, if the class of `instance` has anything async.
 *
 * Its text is what tells, since private methods show nowhere else; an async function from outside the class shows when a callback returns its promise.
 * The runtime's own classes do not count: what holds children or a process speaks to nobody after its end.
 */
export function followIfAsync(speaker: ActorRef, instance: object): void {
  if (floor.isFollowed) return;
  const prototype = Object.getPrototypeOf(instance) as object;
  if (withoutAsync.has(prototype)) return;
  if (hasAsync(prototype)) follow(speaker);
  else withoutAsync.add(prototype);
}

function hasAsync(prototype: object): boolean {
  for (
    let layer = prototype;
    layer !== null && !Object.hasOwn(layer, actorBrand);
    layer = Object.getPrototypeOf(layer)
  ) {
    if (Object.hasOwn(layer, release) || Object.hasOwn(layer, unwind)) continue;
    if (/\basync\b/.test(Function.prototype.toString.call(layer.constructor))) return true;
  }
  return false;
}
