/**
 * Finds a config file and reads it, whatever its form, into a value with places.
 * It knows names, forms and the failures of the file system; whether the value is a valid tree is not its business.
 */

import { readFile, stat } from "node:fs/promises";
import { dirname, extname, join, relative, resolve } from "node:path";
import { type ConfigProblem, configError } from "./config-problem.js";
import type { ConfigSource } from "./config-source.js";
import { importFailure, importFile } from "./module-loader.js";

/** The names that are looked for in each folder, first to last. */
export const configNames = [
  "copal.config.ts",
  "copal.config.mts",
  "copal.config.js",
  "copal.config.mjs",
  "copal.config.json",
  "copal.yaml",
  "copal.yml",
] as const;

/**
 * Finds the config in `folder` or the nearest folder above it, as an absolute path.
 *
 * @throws {ConfigError} if there is none, or two in one folder.
 */
export async function findConfig(folder: string): Promise<string> {
  for (let current = resolve(folder); ; current = dirname(current)) {
    const found: string[] = [];
    for (const name of configNames) if (await isThere(join(current, name))) found.push(name);
    const [first, second] = found;
    if (second !== undefined) {
      throw configError([{ text: `${shown(current)} has both ${first} and ${second}; choose one with -c FILE` }]);
    }
    if (first !== undefined) return join(current, first);
    if (dirname(current) === current) break;
  }
  throw configError([
    { text: `no copal.yaml or copal.config.* in ${resolve(folder)} or above; name a file with -c FILE` },
  ]);
}

/**
 * Reads the config at `file`, or the one found upwards from the working directory.
 *
 * @throws {ConfigError} in one sentence for a file that is missing, unreadable, empty, a folder, or not well-formed.
 */
export async function loadConfig(file?: string): Promise<ConfigSource> {
  const path = file === undefined ? await findConfig(process.cwd()) : resolve(file);
  const name = shown(path);
  const extension = extname(path);
  const refuse = (text: string, cause?: unknown) => configError([{ file: name, text } satisfies ConfigProblem], cause);
  if (![".ts", ".mts", ".js", ".mjs", ".json", ".yaml", ".yml"].includes(extension)) {
    if ((await isFolder(path)) === true) throw refuse("is a folder, allowed is a file");
    const got = extension === "" ? "a name without an ending" : `a name that ends in ${extension}`;
    throw refuse(`got ${got}, allowed are .yaml, .yml, .json, .ts, .mts, .js and .mjs`);
  }
  const text = await readText(path, refuse);
  if (extension === ".yaml" || extension === ".yml" || extension === ".json") {
    const { readJson, readYaml } = await import("./config-source.js");
    return extension === ".json" ? readJson(text, name, dirname(path)) : readYaml(text, name, dirname(path));
  }
  if (text.trim() === "") throw refuse("is empty, allowed is a module that exports a supervisor");
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await importFile(path);
  } catch (error) {
    throw refuse(`cannot be loaded: ${importFailure(error)}`, error);
  }
  const exported = module.default;
  if (exported === undefined)
    throw refuse("exports no default; allowed is `export default defineTree({ supervisor: … })`");
  const value = typeof exported === "function" ? await exported() : await exported;
  return { file: name, folder: dirname(path), value, locate: () => undefined };
}

/** Makes a source of a tree that was written in code; relative paths start from `folder`. */
export function sourceOf(value: unknown, folder: string): ConfigSource {
  return { file: undefined, folder, value, locate: () => undefined };
}

/** Names a file as a person would: relative to the working directory where it is below it. */
function shown(path: string): string {
  const name = relative(process.cwd(), path);
  return name === "" || name.startsWith("..") ? path : name;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT" && error.code !== "ENOTDIR",
  );
}

async function isFolder(path: string): Promise<boolean | undefined> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => undefined,
  );
}

async function readText(path: string, refuse: (text: string, cause?: unknown) => Error): Promise<string> {
  try {
    const bytes = await readFile(path);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") throw refuse("there is no such file", error);
    if (code === "EISDIR") throw refuse("is a folder, allowed is a file", error);
    if (code === "EACCES" || code === "EPERM") throw refuse("cannot be read: permission denied", error);
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") throw refuse("is not text in UTF-8", error);
    throw refuse(`cannot be read: ${(error as Error).message}`, error);
  }
}
