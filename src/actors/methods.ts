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
const tables = new WeakMap<object, MethodTable>();

/**
 * Returns the messages of an instance: the public methods of the prototypes between it and `Actor.prototype`.
 *
 * Not among them: callbacks, names that begin with `_`, the helpers of `Actor` (a subclass that overrides one does not make
 * it a message), accessors, and everything when the instance is no actor.
 */
export function methodsOf(instance: object): MethodTable {
  const prototype = Object.getPrototypeOf(instance) as object;
  const known = tables.get(prototype);
  if (known) return known;
  const table = collect(prototype);
  tables.set(prototype, table);
  return table;
}

/** The messages of one class. */
export class MethodTable {
  readonly #own: ReadonlyMap<string, Method>;
  /** Takes every other name that can be a message. */
  readonly #others: Method | undefined;
  // Most messages have the name of the one before, and to compare two names takes a tenth of a look into the map.
  #lastName = "";
  #last: Method | undefined = undefined;

  constructor(own: ReadonlyMap<string, Method>, others?: Method) {
    this.#own = own;
    this.#others = others;
  }

  /** Gives the method that handles messages of this name; undefined if there is none. */
  get(name: string): Method | undefined {
    if (name === this.#lastName) return this.#last;
    this.#last = this.#own.get(name) ?? (neverMessages.has(name) || name.startsWith("_") ? undefined : this.#others);
    this.#lastName = name;
    return this.#last;
  }
}

function collect(prototype: object): MethodTable {
  const table = new Map<string, Method>();
  const seen = new Set<string>(neverMessages);
  const takesAll = (prototype as { readonly [everyMethod]?: Method })[everyMethod];
  if (takesAll) return new MethodTable(table, takesAll);
  const layers: object[] = [];
  let layer: object | null = prototype;
  for (; layer !== null && !Object.hasOwn(layer, actorBrand); layer = Object.getPrototypeOf(layer)) layers.push(layer);
  if (layer === null) return new MethodTable(table);
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
  return new MethodTable(table, (prototype as { readonly [otherMethods]?: Method })[otherMethods]);
}
