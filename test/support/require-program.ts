/**
 * Says whether a program that a test needs is installed, and makes its absence heard.
 */

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Test } from "tap";
import { skip } from "./skip.js";

/**
 * Gives the path of `program`, or undefined after a skip that names it. Under `COPAL_REQUIRE_ALL=1` its absence is a failure instead.
 */
export function requireProgram(t: Test, program: string, package_: string): string | undefined {
  for (const directory of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"]) {
    const path = join(directory, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  skip(t, `${program} is not installed (Debian: apt-get install ${package_})`);
  return undefined;
}
