/**
 * Walks a config's value, checks every node against the schema, and collects everything that is wrong at once.
 * It knows the shape of a tree and the sentences of the errors; it fills no variable and starts nothing.
 */

import type { z } from "zod";
import { wrongCombinations } from "./check-combinations.js";
import {
  type ConfigPath,
  type ConfigProblem,
  configError,
  describeValue,
  fieldText,
  nearest,
} from "./config-problem.js";
import type { ConfigSource } from "./config-source.js";
import { outputKeys } from "./output-fields.js";
import {
  type CheckedFields,
  type NodeKind,
  nodeFields,
  nodeKinds,
  nodeSchemas,
  notYetFields,
  notYetInside,
} from "./schema.js";

/** What every checked node has. */
interface CheckedBase {
  readonly id: string;
  /** Ids from the root, joined by `/`. */
  readonly path: string;
  /** Keys from the top of the config's value. */
  readonly at: ConfigPath;
}

/** A checked supervisor with its checked children. */
export interface CheckedSupervisor extends CheckedBase {
  readonly kind: "supervisor";
  readonly fields: CheckedFields<"supervisor">;
  readonly children: readonly CheckedNode[];
}

/** A checked process, before its instances are told apart. */
export interface CheckedProcess extends CheckedBase {
  readonly kind: "process";
  readonly fields: CheckedFields<"process">;
}

/** A checked actor. */
export interface CheckedActor extends CheckedBase {
  readonly kind: "actor";
  readonly fields: CheckedFields<"actor">;
}

/** A node whose fields the schema has accepted. */
export type CheckedNode = CheckedSupervisor | CheckedProcess | CheckedActor;

/**
 * Checks a whole tree and gives its root.
 *
 * @throws {ConfigError} with a line for each thing that is wrong, in the order of the file.
 */
export function checkTree(source: ConfigSource): CheckedSupervisor {
  const walk = new Walk(source);
  const root = walk.node(source.value, [], "");
  if (root !== undefined && root.kind !== "supervisor") {
    walk.problem([], "key", "", `the root is the ${root.kind} \`${root.id}\`; allowed is a supervisor`);
  }
  walk.combinations(root);
  if (walk.problems.length > 0 || root?.kind !== "supervisor") throw configError(inOrder(walk.problems));
  return root;
}

/** Checks one child by itself, as an actor starts it. @throws {ConfigError} as {@link checkTree}. */
export function checkChild(source: ConfigSource, parentPath: string): CheckedNode {
  const walk = new Walk(source);
  const node = walk.node(source.value, [], parentPath);
  walk.combinations(node);
  if (walk.problems.length > 0 || node === undefined) throw configError(walk.problems);
  return node;
}

function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const rank = ({ place }: ConfigProblem) => (place === undefined ? 0 : place.line * 100_000 + place.column);
  return [...problems].sort((a, b) => rank(a) - rank(b));
}

class Walk {
  readonly problems: ConfigProblem[] = [];
  readonly #source: ConfigSource;

  constructor(source: ConfigSource) {
    this.#source = source;
  }

  problem(at: ConfigPath, part: "key" | "value", path: string, text: string): void {
    this.problems.push({ file: this.#source.file, place: this.#source.locate(at, part), path, text });
  }

  combinations(node: CheckedNode | undefined): void {
    if (node === undefined) return;
    for (const { at, path, text } of wrongCombinations(node)) this.problem(at, "value", path, text);
  }

  node(value: unknown, at: ConfigPath, parentPath: string): CheckedNode | undefined {
    const last = at.at(-1);
    const unnamed = last === undefined ? parentPath : `${parentPath}/children[${last}]`;
    if (!isMap(value)) {
      this.problem(
        at,
        "value",
        unnamed,
        `got ${describeValue(value)}, allowed is a map with supervisor, process or actor`,
      );
      return undefined;
    }
    const kind = this.#kind(value, at, unnamed);
    if (kind === undefined) return undefined;
    const id = typeof value[kind] === "string" ? value[kind] : "";
    const path = id === "" ? unnamed : parentPath === "" ? id : `${parentPath}/${id}`;
    const own = this.#withoutOwnKeys(kind, value, at, path);
    const parsed = nodeSchemas[kind].safeParse(own);
    if (!parsed.success) for (const issue of parsed.error.issues) this.#issue(issue, kind, own, at, path);
    const children = kind === "supervisor" ? this.#children(value.children, at, path) : [];
    if (kind === "actor" && parsed.success) this.#actorClass(value, at, path);
    return parsed.success
      ? ({ kind, id, path, at, fields: parsed.data, children } as unknown as CheckedNode)
      : undefined;
  }

  #kind(value: Readonly<Record<string, unknown>>, at: ConfigPath, path: string): NodeKind | undefined {
    const kinds = nodeKinds.filter((kind) => Object.hasOwn(value, kind));
    if (kinds.length === 1) return kinds[0];
    if (kinds.length > 1) {
      this.problem(
        [...at, kinds[1] ?? ""],
        "key",
        path,
        `got ${kinds.join(" and ")} in one map, allowed is one of them`,
      );
    } else if (Object.hasOwn(value, "module") && !Object.hasOwn(value, "actor") && Object.keys(value).length === 1) {
      this.problem([...at, "module"], "key", path, "`module` without `actor`; allowed is an actor's id beside it");
    } else {
      const keys = Object.keys(value);
      const near = keys.map((key) => [key, nearest(key, nodeKinds)]).find(([, kind]) => kind !== undefined);
      const hint = near === undefined ? "" : ` (did you mean \`${near[1]}\` for \`${near[0]}\`?)`;
      const got = keys.length === 0 ? "an empty map" : `a map of ${keys.slice(0, 5).join(", ")}`;
      this.problem(at, "value", path, `got ${got}, allowed is one of supervisor, process or actor with an id${hint}`);
    }
    return undefined;
  }

  /** Leaves out `x-` keys and what is refused by name, which is reported here once and not again as unknown. */
  #withoutOwnKeys(kind: NodeKind, value: Readonly<Record<string, unknown>>, at: ConfigPath, path: string) {
    const own: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(value)) {
      // Editors find the JSON Schema of a JSON file by this key.
      if (key.startsWith("x-") || (key === "$schema" && at.length === 0)) continue;
      if (notYetFields[kind].includes(key)) {
        this.problem([...at, key], "key", `${path}.${key}`, `\`${key}\` is not supported yet`);
      } else {
        own[key] = this.#withoutNotYetInside(key, field, [...at, key], path);
      }
    }
    return own;
  }

  #withoutNotYetInside(field: string, value: unknown, at: ConfigPath, path: string): unknown {
    const refused = notYetInside[field];
    if (refused === undefined || !isMap(value)) return value;
    const kept: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(value)) {
      const name = `${field}.${key}`;
      if (refused.includes(key)) {
        this.problem([...at, key], "key", `${path}.${name}`, `\`${name}\` is not supported yet`);
      } else kept[key] = inner;
    }
    return kept;
  }

  #children(value: unknown, at: ConfigPath, path: string): CheckedNode[] {
    if (!Array.isArray(value)) return [];
    const seen = new Set<string>();
    const checked: CheckedNode[] = [];
    for (const [index, child] of value.entries()) {
      const childAt = [...at, "children", index];
      const node = this.node(child, childAt, path);
      const kind = isMap(child) ? nodeKinds.find((one) => typeof child[one] === "string") : undefined;
      const id = kind !== undefined && isMap(child) ? String(child[kind]) : "";
      if (kind !== undefined && seen.has(id)) {
        const text = `the id \`${id}\` stands twice under \`${path}\`, allowed is once among siblings`;
        this.problem([...childAt, kind], "value", `${path}/${id}`, text);
      }
      seen.add(id);
      if (node !== undefined) checked.push(node);
    }
    return checked;
  }

  #actorClass(value: Readonly<Record<string, unknown>>, at: ConfigPath, path: string): void {
    const given = ["module", "class"].filter((key) => value[key] !== undefined);
    if (given.length === 1) return;
    const allowed = "allowed is `module` (or `class` in the API)";
    this.problem(
      at,
      "value",
      path,
      given.length === 0 ? `got no class, ${allowed}` : `got both \`module\` and \`class\`, ${allowed}`,
    );
  }

  #issue(issue: z.core.$ZodIssue, kind: NodeKind, value: unknown, at: ConfigPath, path: string): void {
    const inner = issue.path.map((key) => (typeof key === "number" ? key : String(key)));
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) this.#unknownKey(key, kind, inner, at, path);
      return;
    }
    const got = inner.reduce<unknown>(
      (part, key) => (isMap(part) || Array.isArray(part) ? Reflect.get(part, key) : undefined),
      value,
    );
    if (issue.code === "invalid_union" && this.#nestedUnion(issue, kind, value, at, path, got)) return;
    const allowed = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    const name = `${path}${fieldText(inner)}`;
    this.problem([...at, ...inner], "value", name, `got ${describeValue(got)}, allowed is ${allowed}`);
  }

  /** Reports what is wrong inside the one alternative of a union that has the value's shape. */
  #nestedUnion(
    issue: z.core.$ZodIssueInvalidUnion,
    kind: NodeKind,
    value: unknown,
    at: ConfigPath,
    path: string,
    got: unknown,
  ): boolean {
    if (!isMap(got) && !Array.isArray(got)) return false;
    const ofItsShape = issue.errors.filter((issues) =>
      issues.every((one) => one.path.length > 0 || one.code === "unrecognized_keys"),
    );
    // Of several the one all of whose keys it knows.
    const isKnown = (issues: readonly z.core.$ZodIssue[]) => issues.every((one) => one.code !== "unrecognized_keys");
    const fitting = ofItsShape.find(isKnown) ?? ofItsShape[0];
    if (fitting === undefined || fitting.length === 0) return false;
    for (const one of fitting) this.#issue({ ...one, path: [...issue.path, ...one.path] }, kind, value, at, path);
    return true;
  }

  #unknownKey(key: string, kind: NodeKind, inner: ConfigPath, at: ConfigPath, path: string): void {
    const known =
      inner.length === 0
        ? [...Object.keys(nodeFields[kind]), ...notYetFields[kind]]
        : knownInside(kind, String(inner[0]));
    const near = nearest(key, known);
    const hint = near === undefined ? `allowed are ${known.join(", ")}` : `did you mean \`${near}\`?`;
    this.problem(
      [...at, ...inner, key],
      "key",
      `${path}${fieldText([...inner, key])}`,
      `unknown key \`${key}\`; ${hint}`,
    );
  }
}

const insideFields: Readonly<Record<string, readonly string[]>> = {
  backoff: ["initial", "max", "factor", "jitter", "resetAfter", "attempts"],
  intensity: ["max", "within"],
  mailbox: ["capacity", "overflow"],
  pool: ["size", "heap", "stack"],
  heap: ["old", "young"],
  compute: ["threads", "queue", "heap"],
  stop: ["signal", "grace", "steps", "message"],
  onOwnerDeath: ["grace", ...(notYetInside.onOwnerDeath ?? [])],
  stdout: [...outputKeys, "file", "append"],
  stderr: [...outputKeys, "file", "append"],
};

function knownInside(kind: NodeKind, field: string): readonly string[] {
  return insideFields[field] ?? Object.keys(nodeFields[kind]);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
