/**
 * What the kernel's cgroup file systems say about a process, found by its own membership and the mounts, never by what Copal tells.
 */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Test } from "tap";
import { skip } from "./skip.js";

/** The cgroup directories of a process: by controller's name, of version 1, and by the empty name of cgroup2. */
export function cgroupsOf(osPid: number | "self"): ReadonlyMap<string, string> {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const found = new Map<string, string>();
  for (const line of readFileSync(`/proc/${osPid}/cgroup`, "utf8").split("\n").filter(Boolean)) {
    const [, controllers = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const name of controllers.split(",")) {
      const isIt = (mount: string) =>
        name === "" ? mount.includes(" - cgroup2 ") : new RegExp(` - cgroup \\S+ .*\\b${name}\\b`).test(mount);
      const point = mounts.find(isIt)?.split(" ")[4];
      if (point !== undefined) found.set(name, join(point, path));
    }
  }
  return found;
}

/** Those of them that Copal made. */
export function copalGroupsOf(osPid: number): string[] {
  return [...cgroupsOf(osPid).values()].filter((path) => path.includes("/copal-"));
}

/** What one of these files of a process's own groups says. */
export function groupValue(osPid: number, ...files: readonly string[]): string | undefined {
  const paths = copalGroupsOf(osPid).flatMap((group) => files.map((file) => join(group, file)));
  const path = paths.find((one) => existsSync(one));
  return path === undefined ? undefined : readFileSync(path, "utf8").trim();
}

/**
 * Whether this machine lets us limit what these controllers keep; where it does not, skips by name, or fails under `COPAL_REQUIRE_ALL=1`.
 */
export function requireControllers(t: Test, ...controllers: readonly string[]): boolean {
  const own = cgroupsOf("self");
  const missing = controllers.filter((name) => {
    const version1 = own.get(name);
    if (version1 !== undefined) return !isWritable(version1);
    const unified = own.get("");
    if (unified === undefined) return true;
    // The own group hands nothing down as long as this process is in it, unless it is the root; the one around it may.
    return ![unified, dirname(unified)].some(
      (group) =>
        isWritable(group) &&
        existsSync(join(group, "cgroup.subtree_control")) &&
        readFileSync(join(group, "cgroup.subtree_control"), "utf8").split(/\s/).includes(name),
    );
  });
  if (missing.length === 0) return true;
  skip(t, `no cgroup controller ${missing.join(", ")} that may be used here`);
  return false;
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
