/**
 * An `init` that says "ignore": the actor is not needed, and its start is no failure.
 */

const brand: unique symbol = Symbol.for("copal.ignore") as never;

/** What `Actor.ignore` throws. Not an `Error`: it means nothing outside an `init`. */
export class Ignore {
  get [brand](): true {
    return true;
  }
}

/** Tells whether `thrown` says "ignore", in this or another loaded copy of the package. Never throws. */
export function isIgnore(thrown: unknown): boolean {
  if (typeof thrown !== "object" || thrown === null) return false;
  try {
    return (thrown as { readonly [brand]?: unknown })[brand] === true;
  } catch {
    return false;
  }
}
