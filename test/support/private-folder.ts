/**
 * A folder of one test's own: mode 0700, with a path short enough for a socket, removed when the test is over.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";

/** Makes the folder and gives its path. */
export function privateFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "cp-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
