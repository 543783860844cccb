/**
 * The environment of a process to start: what it inherits, what a file adds, what is added and taken away; as the one block of bytes the wire
 * carries. Knows nothing else of the start.
 */
import { readEnvFile } from "./env-file.js";
import { inheritedEnvironment } from "./inherited-environment.js";
import { type OsText, osBytes } from "./os-text.js";

/** Variables by name; null and undefined leave a variable out, or take it away where something was there before. */
export type Variables = Readonly<Record<string, OsText | null | undefined>>;

/** What a process finds in its environment. Built up in the order of the fields; what comes later wins. */
export interface EnvironmentOptions {
  /**
   * The whole environment it begins with, by name, or as `NAME=value` texts where names are not UTF-8. Default: that of this Node process, cut by
   * the next two.
   */
  env?: Variables | readonly OsText[];
  /** Inherits nothing. */
  clearEnv?: boolean;
  /** Inherits only these variables of this Node process; `*` at the end of a name stands for anything. */
  inheritEnv?: readonly string[];
  /** Files of `NAME=value` lines, read at each start; a later file wins. */
  envFile?: string | readonly string[];
  /** Added, or with null taken away, last of all. */
  addEnv?: Variables;
}

/**
 * Builds the environment as one block, each `NAME=value` ended by NUL.
 *
 * `fallback` is added where nothing else says anything about its names.
 *
 * @throws {RangeError} for a name with `=` or NUL or without a character, and for a value with NUL.
 * @throws {StartError} with stage `envFile` for a file that cannot be read or understood.
 */
export function environmentBlock(options: EnvironmentOptions, fallback?: Readonly<Record<string, string>>): Buffer {
  const { env = process.env, clearEnv, inheritEnv, envFile, addEnv } = options;
  const isPlain = !clearEnv && !inheritEnv && envFile === undefined && !addEnv && !fallback;
  const kept = isPlain ? blocks.get(env) : undefined;
  if (kept) return kept;
  if (isPlain && env === process.env) return inheritedEnvironment();
  const ofTexts = isPlain && !isList(env) ? blockOfTexts(env) : undefined;
  if (ofTexts && Object.isFrozen(env)) blocks.set(env, ofTexts);
  if (ofTexts) return ofTexts;
  const block = new Block();
  if (env !== process.env) block.addAll(env);
  else if (inheritEnv) block.addAll(picked(inheritEnv));
  else if (!clearEnv) block.addAll(inheritedEntries());
  for (const file of typeof envFile === "string" ? [envFile] : (envFile ?? [])) block.addAll(readEnvFile(file));
  if (addEnv) block.addAll(addEnv);
  for (const [name, value] of Object.entries(fallback ?? {})) if (!block.has(name)) block.add(name, value);
  return block.bytes();
}

/** The blocks of environments that are frozen, and so the same at every restart. */
const blocks = new WeakMap<object, Buffer>();

/** The block of variables that are texts, in one go; undefined if one of them is bytes. */
function blockOfTexts(variables: Variables): Buffer | undefined {
  let block = "";
  for (const [name, value] of Object.entries(variables)) {
    if (value === null || value === undefined) continue;
    if (typeof value !== "string") return undefined;
    if (name === "" || name.includes("=") || name.includes("\0")) throw wrongName(name);
    if (value.includes("\0")) throw new RangeError(`env.${name} must not contain a NUL byte`);
    block += `${name}=${value}\0`;
  }
  return Buffer.from(block);
}

/** Variables in the order in which they came, by the bytes of their names. */
class Block {
  readonly #entries = new Map<string, Buffer>();

  has(name: string): boolean {
    return this.#entries.has(Buffer.from(name).toString("latin1"));
  }

  add(name: string, value: OsText | null | undefined): void {
    if (name === "" || name.includes("=") || name.includes("\0")) throw wrongName(name);
    const bytes = Buffer.from(name);
    const key = bytes.toString("latin1");
    if (value === null || value === undefined) this.#entries.delete(key);
    else this.#entries.set(key, Buffer.concat([bytes, EQUALS, osBytes(value, `env.${name}`), NUL]));
  }

  addAll(variables: Variables | readonly OsText[]): void {
    if (!isList(variables)) {
      for (const [name, value] of Object.entries(variables)) this.add(name, value);
      return;
    }
    for (const text of variables) {
      const entry = Buffer.from(osBytes(text, "env"));
      const end = entry.indexOf(EQUALS);
      if (end <= 0) throw wrongName(entry.toString());
      this.#entries.set(entry.toString("latin1", 0, end), Buffer.concat([entry, NUL]));
    }
  }

  bytes(): Buffer {
    return Buffer.concat([...this.#entries.values()]);
  }
}

const EQUALS = Buffer.from("=");
const NUL = Buffer.from("\0");

function isList(variables: Variables | readonly OsText[]): variables is readonly OsText[] {
  return Array.isArray(variables);
}

function wrongName(name: string): RangeError {
  return new RangeError(
    `env must have names without = or NUL and values without NUL, got ${JSON.stringify(name.slice(0, 80))}`,
  );
}

function picked(names: readonly string[]): Buffer[] {
  const isWanted = (entry: Buffer) => {
    const name = entry.toString("latin1", 0, entry.indexOf(EQUALS));
    return names.some((one) => (one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : name === one));
  };
  return inheritedEntries().filter(isWanted);
}

/** Node's own environment, entry by entry, as the bytes that they are. What is no variable is left out. */
function inheritedEntries(): Buffer[] {
  const block = inheritedEnvironment();
  const entries: Buffer[] = [];
  for (let at = 0, end = block.indexOf(0); end !== -1; at = end + 1, end = block.indexOf(0, at)) {
    const entry = block.subarray(at, end);
    if (entry.indexOf(EQUALS) > 0) entries.push(entry);
  }
  return entries;
}
