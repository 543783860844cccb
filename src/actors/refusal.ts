/**
 * A refusal: thrown by a method to reject its caller without crashing its actor.
 */

const brand: unique symbol = Symbol.for("copal.refusal") as never;

/** What `Actor.refuse` throws. Not an `Error`: it means nothing outside an actor's loop. */
export class Refusal {
  readonly error: Error;

  constructor(error: Error) {
    this.error = error;
  }

  get [brand](): true {
    return true;
  }
}

/** Returns what `thrown` carries if it is a refusal, of this or another loaded copy of the package. Never throws. */
export function refusalOf(thrown: unknown): { readonly error: unknown } | undefined {
  if (typeof thrown !== "object" || thrown === null) return undefined;
  try {
    const { [brand]: isRefusal, error } = thrown as { readonly [brand]?: unknown; readonly error?: unknown };
    return isRefusal === true ? { error } : undefined;
  } catch {
    return undefined;
  }
}
