/**
 * Texts as the operating system takes them: bytes without NUL, mostly UTF-8, never promised to be.
 */

/** A text of the operating system: UTF-8 as a string, or any bytes but NUL. */
export type OsText = string | Uint8Array;

/**
 * Gives the bytes of a text.
 *
 * @throws {RangeError} naming `field` if there is a NUL byte in it.
 */
export function osBytes(text: OsText, field: string): Uint8Array {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  if (bytes.includes(0)) throw new RangeError(`${field} must not contain a NUL byte`);
  return bytes;
}

/**
 * Gives `value` if it is a whole number from `min` to `max`.
 *
 * @throws {RangeError} naming `field` if it is not.
 */
export function within(field: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${field} must be a whole number from ${min} to ${max}, got ${value}`);
}
