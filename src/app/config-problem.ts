/**
 * One thing that is wrong with a config, as data, and the sentence it makes.
 * It does not know how a config is read or checked; readers and checkers collect problems and throw them all at once.
 */

import { ConfigError, type CopalErrorOf } from "../errors.js";

/** Keys from the top of a config's value to one field. */
export type ConfigPath = readonly (string | number)[];

/** Where a config's value stands in its file; lines and columns count from 1. */
export interface ConfigPlace {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with a config. */
export interface ConfigProblem {
  /** The file as the person named it, or undefined for a tree that was given to `start`. */
  readonly file?: string | undefined;
  readonly place?: ConfigPlace | undefined;
  /** The path in the tree, such as `shop/web/api.stop.grace`. */
  readonly path?: string | undefined;
  /** What was got and what is allowed, as the rest of the sentence. */
  readonly text: string;
}

/** Makes a problem's sentence: file, line and column, path in the tree, what was got, what is allowed. */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.place === undefined ? "" : `:${problem.place.line}:${problem.place.column}`;
  const where = problem.file === undefined ? "" : `${problem.file}${place}: `;
  const path = problem.path === undefined || problem.path === "" ? "" : `${problem.path}: `;
  return `${where}${path}${problem.text}`;
}

/** Makes the one error for all `problems`, a sentence on each line of its message. */
export function configError(problems: readonly ConfigProblem[], cause?: unknown): CopalErrorOf<"ERR_CONFIG"> {
  const [first] = problems;
  const fields = { file: first?.file, line: first?.place?.line, column: first?.place?.column, path: first?.path };
  const known = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  const message = problems.map(formatProblem).join("\n");
  return new ConfigError(message, known, cause === undefined ? undefined : { cause });
}

/** Writes keys as they stand behind a node's path: `.stop.steps[0]`. */
export function fieldText(path: ConfigPath): string {
  return path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
}

/** Says what a value is in a few words, for "got …": its own text where that is short, else its kind. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  switch (typeof value) {
    case "string": {
      const text = JSON.stringify(value);
      return text.length > 60 ? `${text.slice(0, 56)}…"` : text;
    }
    case "number":
    case "boolean":
    case "bigint":
      return String(value);
    case "object":
      return "a map";
    default:
      return `a ${typeof value}`;
  }
}

/** Finds the candidate nearest to `word` by edits, or undefined when none is near enough to be a slip of the pen. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Counts the insertions, deletions, replacements and swaps of neighbours between two words. */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      let best = Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (isSwap) best = Math.min(best, (beforePrevious[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[to.length] ?? 0;
}
