/**
 * What can be told in another thread of a value that nobody promised to be cloneable: the value itself where it can be, and a text where not. For those who
 * look on; what actors send each other is refused instead.
 */
import { inspect } from "node:util";

/** So deep plain objects are looked into; what is deeper is told as a whole. */
const DEPTH = 4;

/** Gives `value`, or one like it in which what cannot be cloned is `{ failed, text }`. Never throws. */
export function cloneable<T>(value: T, depth = DEPTH): T {
  if (canBeCloned(value)) return value;
  const isPlain = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  if (isPlain && depth > 0)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, cloneable(one, depth - 1)])) as T;
  return { failed: "it cannot be cloned", text: asText(value) } as T;
}

function canBeCloned(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

function asText(value: unknown): string {
  try {
    return inspect(value, { customInspect: false, maxArrayLength: 100, maxStringLength: 1_000 });
  } catch {
    return "a value that cannot be printed";
  }
}
