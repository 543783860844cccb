/**
 * Reads and writes values with units: `200ms`, `5s`, `1m`, `2h` and `64K`, `256M`, `1G`.
 * It knows the spelling and the limits of the numbers, not which field they came from.
 */

import { byteSize } from "../sidecar/byte-size.js";

/** The longest duration a field takes: 24 days, the most that a Node.js timer can count. */
export const longestDurationMs = 24 * 86_400_000;

const durationUnitsMs: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** The spelling of a duration as a regular expression, for the schema that editors read. */
export const durationPattern = /^\d+(\.\d+)?(ms|s|m|h)?$/;

/** The spelling of a size as a regular expression, for the schema that editors read. */
export const sizePattern = /^\d+(\.\d+)?[KMG]?$/;

/**
 * Reads a duration in milliseconds, or gives undefined when it is none.
 *
 * A bare number is milliseconds. The result is a whole number between 0 and {@link longestDurationMs}.
 */
export function parseDurationMs(value: string | number): number | undefined {
  return scaled(String(value), durationPattern, durationUnitsMs, longestDurationMs);
}

/** Reads a size in bytes (`K`, `M`, `G` are powers of 1,024), or gives undefined when it is none. */
export function parseSizeBytes(value: string | number): number | undefined {
  return byteSize(value);
}

/** Writes a duration as the config would: `250ms`, `5s`, `1m`, `2h`, the largest unit that leaves no fraction. */
export function formatDuration(durationMs: number): string {
  for (const unit of ["h", "m", "s"]) {
    const unitMs = durationUnitsMs[unit] ?? 1;
    if (durationMs >= unitMs && durationMs % unitMs === 0) return `${durationMs / unitMs}${unit}`;
  }
  return `${durationMs}ms`;
}

/** Writes an age for people: `850ms`, `12s`, `3m05s`, `2h07m`, `4d03h`. */
export function formatAge(ageMs: number): string {
  if (ageMs < 1_000) return `${Math.max(0, Math.round(ageMs))}ms`;
  const seconds = Math.floor(ageMs / 1_000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

/** Writes a size for people: `512`, `64.0K`, `12.5M`, `1.2G`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  for (const unit of ["", "K", "M"]) {
    if (value < 1_024) return unit === "" ? `${Math.round(value)}` : `${value.toFixed(1)}${unit}`;
    value /= 1_024;
  }
  return `${value.toFixed(1)}G`;
}

function scaled(
  text: string,
  pattern: RegExp,
  units: Readonly<Record<string, number>>,
  largest: number,
): number | undefined {
  if (!pattern.test(text)) return undefined;
  const unit = text.replace(/^[\d.]+/, "");
  const result = Math.round(Number.parseFloat(text) * (units[unit] ?? Number.NaN));
  return Number.isFinite(result) && result <= largest ? result : undefined;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
