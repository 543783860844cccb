/**
 * Reads a number of bytes as people write it. Knows the spelling only; which sizes are allowed is the business of whoever asks.
 */

const UNITS_BYTES: Readonly<Record<string, number>> = { "": 1, K: 1_024, M: 1_048_576, G: 1_073_741_824 };

/** Reads a size in bytes (`64K`, `1.5M`, `1G`: powers of 1,024; a bare number is bytes), or gives undefined when it is none. */
export function byteSize(value: string | number): number | undefined {
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)([KMG]?)$/.exec(String(value)) ?? [];
  const bytes = Math.round(Number.parseFloat(digits) * (UNITS_BYTES[unit] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
