/**
 * Imports a person's module, JavaScript or TypeScript, so that its `import … from "copal"` is the running Copal itself.
 * It knows the two ways of importing, not what the module is for.
 */

import { extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const typeScriptExtensions: ReadonlySet<string> = new Set([".ts", ".mts", ".cts"]);
let importTypeScript: Promise<(file: string) => Promise<unknown>> | undefined;

/**
 * Imports the module at an absolute path and gives its exports.
 *
 * A module is loaded once per Node.js process: a restarted actor runs the same code. TypeScript is transpiled, not checked,
 * and nothing is written to disk.
 */
export async function importFile(file: string): Promise<Readonly<Record<string, unknown>>> {
  if (!typeScriptExtensions.has(extname(file))) return import(pathToFileURL(file).href);
  importTypeScript ??= typeScriptImporter();
  return (await (
    await importTypeScript
  )(file)) as Readonly<Record<string, unknown>>;
}

/** Imports a package, a file of one, or a module of Node's own, as an `import` in `folder` would; its TypeScript is transpiled too. */
export async function importPackage(name: string, folder: string): Promise<Readonly<Record<string, unknown>>> {
  const { isBuiltin } = await import("node:module");
  if (isBuiltin(name)) return import(name);
  // Node's own resolver says how an `import` is resolved only for the module that asks; `require` takes other conditions.
  const { createJiti } = await import("jiti");
  return importFile(fileURLToPath(createJiti(`${folder}/x.js`, { fsCache: false }).esmResolve(name)));
}

/** Says in one line what went wrong while a module was imported. */
export function importFailure(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}`;
  const [first = error.name] = error.message.split("\n");
  const place = /^(file:\S+:\d+|\/\S+:\d+)$/m.exec(error.stack ?? "")?.[1];
  const text = error.name === "Error" || first.startsWith(error.name) ? first : `${error.name}: ${first}`;
  return place === undefined || error.name !== "SyntaxError" ? text : `${text} (${place.replace("file://", "")})`;
}

async function typeScriptImporter(): Promise<(file: string) => Promise<unknown>> {
  // Copal by its own name, as a variable: the compiler is not to look for the package it is just building.
  const self = "copal";
  const [{ createJiti }, copal] = await Promise.all([import("jiti"), import(self)]);
  const jiti = createJiti(import.meta.url, { fsCache: false, virtualModules: { copal } });
  return (file) => jiti.import(file);
}
