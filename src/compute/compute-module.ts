/**
 * Which function `compute` means: a written module and export, made absolute. Knows the spellings, and for classes that were loaded from a file its folder;
 * whether there is such a function only the thread that runs it finds out.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { ComputeOrder } from "./compute-host.js";

const folders = new WeakMap<object, string>();

/** Notes that `type` was loaded from a file in `folder`. */
export function loadedFrom(type: object, folder: string): void {
  folders.set(type, folder);
}

/**
 * Reads `./file.ts#name`, an absolute path, a `file:` URL, a package's name, or a `URL`; without `#name` it is the default export.
 *
 * What is relative, packages included, is seen from the file that `type`, or a class it extends, was loaded from, else from the working directory.
 *
 * @throws {TypeError} if it is empty, or a URL of another kind.
 */
export function computeModule(written: string | URL, type: object): Omit<ComputeOrder, "priority"> {
  const text = String(written);
  const hash = text.lastIndexOf("#");
  const name = hash < 0 ? text : text.slice(0, hash);
  const isUrl = name.startsWith("file:") || written instanceof URL;
  const fragment = hash < 0 ? "default" : text.slice(hash + 1);
  const exportName = isUrl ? decodeURIComponent(fragment) : fragment;
  if (name === "" || exportName === "")
    throw new TypeError(
      `compute got the module ${JSON.stringify(text)}; allowed is a file, file URL or package, with #name for a named export`,
    );
  const folder = folderOf(type) ?? process.cwd();
  const isPath = name.startsWith(".") || name.startsWith("/");
  const module = isUrl ? fileURLToPath(name) : isPath ? resolve(folder, name) : name;
  return { module, exportName, folder };
}

function folderOf(type: object): string | undefined {
  for (let one: object | null = type; one !== null; one = Object.getPrototypeOf(one)) {
    const folder = folders.get(one);
    if (folder !== undefined) return folder;
  }
  return undefined;
}
