import { readFileSync, statSync } from "node:fs";
import t from "tap";
import { open } from "#src/process/open.js";
import { resinPath } from "#src/sidecar/binary.js";
import { eventually } from "#src/testing/eventually.js";
import { processOf } from "../support/proc.js";

const HOLDERS = 100;

/** What a process has of memory, in kilobytes; of what several share, its part. */
function proportionalKb(osPid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${osPid}/smaps_rollup`, "utf8"))?.[1]);
}

t.test("an idle sidecar takes at most 150 KB of memory, as the mean of a hundred", async (t) => {
  const sessions = await Promise.all(Array.from({ length: HOLDERS }, () => open("sleep", ["1000"])));
  t.teardown(() => Promise.all(sessions.map((session) => session.stop({ graceMs: 0 }))));
  const sidecars = sessions.map(({ osPid }) => processOf(osPid)?.parent as number);
  t.equal(new Set(sidecars).size, HOLDERS, "each process has a sidecar of its own");
  // What a start took goes back to the kernel a moment later.
  await eventually(() => sidecars.reduce((sum, osPid) => sum + proportionalKb(osPid), 0) <= 150 * HOLDERS);
});

t.test("resin takes at most 1.5 MB of disk", async (t) => {
  t.ok(statSync(resinPath()).size <= 1_500_000, `${statSync(resinPath()).size} bytes`);
});
