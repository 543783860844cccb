/**
 * Which methods of an actor are messages, decided once per class from its prototypes alone: no getter is ever called and
 * nothing a constructor puts on the instance counts.
 */

/** A method that is a message. */
export type Method = (...args: readonly unknown[]) => unknown;

/** The key that marks `Actor.prototype`, of this or another loaded copy of the package. */
export const actorBrand: unique symbol = Symbol.for("copal.actor") as never;

/**
 * The key of a static list of names that a class of the runtime gives its subclasses to override as callbacks; they are no messages either.
 */
export const callbacks: unique symbol = Symbol.for("copal.callbacks") as never;

/** The key of a method that takes every call and cast, whatever its name; a class that has it has no other messages. */
export const everyMethod: unique symbol = Symbol.for("copal.everyMethod") as never;

/** The key of a method that takes every call and cast whose name is none of the class's messages. */
export const otherMethods: unique symbol = Symbol.for("copal.otherMethods") as never;

const neverMessages: ReadonlySet<string> = new Set([
  "constructor",
  "init",
  "handleInfo",
  "handleContinue",
  "terminate",
  "then",
]);
const tables = new WeakMap<object, ReadonlyMap<string, Method>>();

/**
 * Returns the messages of an instance: the public methods of the prototypes between it and `Actor.prototype`.
 *
 * Not among them: callbacks, names that begin with `_`, the helpers of `Actor` (a subclass that overrides one does not make
 * it a message), accessors, and everything when the instance is no actor.
 */
export function methodsOf(instance: object): ReadonlyMap<string, Method> {
  const prototype = Object.getPrototypeOf(instance) as object;
  const known = tables.get(prototype);
  if (known) return known;
  const table = collect(prototype);
  tables.set(prototype, table);
  return table;
}

function collect(prototype: object): ReadonlyMap<string, Method> {
  const table = new Map<string, Method>();
  const seen = new Set<string>(neverMessages);
  const takesAll = (prototype as { readonly [everyMethod]?: Method })[everyMethod];
  if (takesAll) return new EveryName(takesAll, table);
  const layers: object[] = [];
  let layer: object | null = prototype;
  for (; layer !== null && !Object.hasOwn(layer, actorBrand); layer = Object.getPrototypeOf(layer)) layers.push(layer);
  if (layer === null) return table;
  for (const name of Object.getOwnPropertyNames(layer)) seen.add(name);
  for (const holder of layers as { constructor: { readonly [callbacks]?: readonly string[] } }[]) {
    for (const name of holder.constructor[callbacks] ?? []) seen.add(name);
  }
  for (const holder of layers) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(holder))) {
      if (!seen.has(name) && !name.startsWith("_") && typeof value === "function") table.set(name, value as Method);
      // What a subclass shadows stays shadowed, even by something that is no method.
      seen.add(name);
    }
  }
  const takesOthers = (prototype as { readonly [otherMethods]?: Method })[otherMethods];
  return takesOthers ? new EveryName(takesOthers, table) : table;
}

/** A table in which every name that can be a message is the same method, but for some that have their own. */
class EveryName extends Map<string, Method> {
  readonly #method: Method;

  constructor(method: Method, own: ReadonlyMap<string, Method>) {
    super(own);
    this.#method = method;
  }

  override get(name: string): Method | undefined {
    return super.get(name) ?? (neverMessages.has(name) || name.startsWith("_") ? undefined : this.#method);
  }
}
