/**
 * Reads the text of a YAML or JSON config into a plain value, and finds the line of each field again.
 * It knows the two notations and that some fields are texts taken as written; it does not know what a valid tree is.
 */

import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
} from "yaml";
import { type ConfigPath, type ConfigPlace, type ConfigProblem, configError } from "./config-problem.js";

/** A config that was read but not checked. */
export interface ConfigSource {
  /** The file as errors name it; undefined for a tree given to `start`. */
  readonly file: string | undefined;
  /** The folder that relative paths of the config start from. */
  readonly folder: string;
  readonly value: unknown;
  /** Finds the place of a field, or of its key; of the nearest field around it when it is not in the file. */
  locate(path: ConfigPath, at: "key" | "value"): ConfigPlace | undefined;
}

/** Fields whose plain YAML scalars are texts: `no`, `6380` and `007` mean what is written. */
const writtenFields: ReadonlySet<string> = new Set([
  "supervisor",
  "process",
  "actor",
  "command",
  "cwd",
  "module",
  "restart",
  "to",
  "method",
]);

/**
 * Reads YAML: one document, without custom tags or duplicate keys; anchors and `<<` work.
 *
 * @throws {ConfigError} naming each syntax error with its line and column.
 */
export function readYaml(text: string, file: string, folder: string): ConfigSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false, version: "1.2" });
  const problems = [...document.errors, ...document.warnings].map((fault): ConfigProblem => {
    const place = placeOf(lines, fault.pos[0]);
    return { file, place, text: sentence(fault.code, fault.message) };
  });
  if (problems.length > 0) throw configError(problems);
  if (document.contents === null) throw configError([{ file, text: "is empty; allowed is a supervisor" }]);
  keepWrittenTexts(document);
  return { file, folder, value: plainValue(document, file), locate: locator(document, lines) };
}

/**
 * Reads JSON, strictly; duplicate keys are errors.
 *
 * @throws {ConfigError} naming the syntax error with its line and column.
 */
export function readJson(text: string, file: string, folder: string): ConfigSource {
  if (text.trim() === "") throw configError([{ file, text: "is empty; allowed is a supervisor" }]);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw configError([jsonProblem(error, text, file)], error);
  }
  // The YAML reader finds the places and the texts as written. JSON that it does not take, such as a key of more than
  // 1,024 characters, is still valid: it only loses its line numbers.
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: "1.2" });
  const duplicates = document.errors.filter((fault) => fault.code === "DUPLICATE_KEY");
  if (duplicates.length > 0) {
    throw configError(
      duplicates.map((fault) => ({ file, place: placeOf(lines, fault.pos[0]), text: sentence(fault.code, "") })),
    );
  }
  if (document.errors.length > 0) return { file, folder, value, locate: () => undefined };
  keepWrittenTexts(document);
  return { file, folder, value: plainValue(document, file), locate: locator(document, lines) };
}

function plainValue(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw configError([{ file, text: `cannot be read: ${(error as Error).message}` }], error);
  }
}

function sentence(code: string, message: string): string {
  if (code === "DUPLICATE_KEY") return "the same key stands twice in one map; allowed is once";
  if (code === "MULTIPLE_DOCS") return "more than one YAML document; allowed is one";
  if (code === "TAG_RESOLVE_FAILED") return `${lowerFirst(message)}; allowed are values without a custom tag`;
  return `not valid YAML: ${lowerFirst(message.replace(/\s+/g, " "))}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function jsonProblem(error: unknown, text: string, file: string): ConfigProblem {
  const message = error instanceof Error ? error.message : String(error);
  const reported = /position (\d+)/.exec(message)?.[1];
  const offset = reported === undefined ? text.length : Number(reported);
  const before = text.slice(0, offset).split("\n");
  const place = { line: before.length, column: (before.at(-1) ?? "").length + 1 };
  const shortened = message
    .replace(/ in JSON at position.*$/s, "")
    .replace(/ in JSON$/, "")
    .replace(/, \.*".*$/s, "");
  return { file, place, text: `not valid JSON: ${lowerFirst(shortened)}` };
}

function placeOf(lines: LineCounter, offset: number): ConfigPlace {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/** Turns the plain scalars of text fields into the text that was written. */
function keepWrittenTexts(document: Document): void {
  const asWritten = (node: unknown): void => {
    if (isSeq(node)) for (const item of node.items) asWritten(item);
    else if (isScalar(node) && node.type === "PLAIN" && typeof node.value !== "string") node.value = node.source ?? "";
  };
  visit(document, {
    Pair(_, pair) {
      if (!isScalar(pair.key) || typeof pair.key.value !== "string") return;
      if (writtenFields.has(pair.key.value)) asWritten(pair.value);
      if (pair.key.value === "env" && isMap(pair.value)) {
        for (const item of pair.value.items)
          if (!isScalar(item.value) || item.value.value !== null) asWritten(item.value);
      }
    },
  });
}

function locator(document: Document, lines: LineCounter): ConfigSource["locate"] {
  return (path, at) => {
    let node: unknown = document.contents;
    let offset = isNode(node) ? node.range?.[0] : undefined;
    for (const [index, key] of path.entries()) {
      if (isAlias(node)) node = node.resolve(document);
      let pair: Pair | undefined;
      if (isMap(node)) {
        pair = node.items.find((item) => isPair(item) && keyText(item) === String(key));
        node = pair?.value;
      } else {
        node = isSeq(node) && typeof key === "number" ? node.items[key] : undefined;
      }
      if (pair === undefined && !isNode(node)) break;
      const wantsKey = at === "key" && index === path.length - 1;
      const target = wantsKey || !isNode(node) ? (pair?.key ?? node) : node;
      if (isNode(target)) offset = target.range?.[0] ?? offset;
    }
    return offset === undefined ? undefined : placeOf(lines, offset);
  };
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}
