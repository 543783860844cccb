/**
 * Finds what a module exports under a name, or says in one sentence why there is nothing. Knows files, packages and exports, not what an export is for.
 */
import { dirname, isAbsolute } from "node:path";
import { nearest } from "./config-problem.js";
import { importFailure, importFile, importPackage } from "./module-loader.js";

/** What a module exports, or what was wrong, as the rest of an error's sentence. */
export type FoundExport = { readonly value: unknown } | { readonly problem: string; readonly cause?: unknown };

/** Imports `module`, a file's absolute path or a package's name as `folder` sees it, and gives its export `exportName`. */
export async function findExport(module: string, exportName: string, folder: string): Promise<FoundExport> {
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = await (isAbsolute(module) ? importFile(module) : importPackage(module, folder));
  } catch (cause) {
    return { problem: `${shownModule(module, folder)} cannot be loaded: ${importFailure(cause)}`, cause };
  }
  const value = Object.hasOwn(exports, exportName) ? exports[exportName] : undefined;
  if (value !== undefined) return { value };
  const names = Object.keys(exports);
  const near = nearest(exportName, names);
  const hint =
    names.length === 0
      ? "it has no exports"
      : near === undefined
        ? `it has ${names.join(", ")}`
        : `did you mean \`${near}\`?`;
  return { problem: `${shownModule(module, folder)} has no export \`${exportName}\`; ${hint}` };
}

/** Names a module as a person would: from `folder` where it is below it. */
export function shownModule(module: string, folder: string): string {
  const from = isAbsolute(module) ? `${folder}/` : "";
  return from !== "" && module.startsWith(from)
    ? `./${module.slice(from.length)}`
    : dirname(module) === "."
      ? `the package ${module}`
      : module;
}
