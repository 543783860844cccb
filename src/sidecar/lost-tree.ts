/**
 * What is left to do when a sidecar was lost without a word: see to it that its tree is gone, and say when. The usual end of a tree is the
 * sidecar's own business.
 */
import { access, readFile, rmdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { SidecarHost } from "./sidecar-host.js";

/** Milliseconds between two looks at the kernel; a lost tree has SIGKILL on its way already. */
const LOOK_EVERY_MS = 5;

/**
 * Resolves when no process of the tree is left as far as the kernel can tell: the leader is gone, its fork server has killed what it adopted,
 * its PID namespace, if it had one, is empty, and so is its cgroup, which is removed.
 *
 * Without either and with the fork server killed as well, descendants of the leader cannot be found any more; then only the leader's end
 * is certain (docs/protocol.md section 6).
 */
export async function waitForLostTree(
  place: {
    osPid: number;
    sidecarPid: number;
    startTime: number;
    cgroup: string | null;
    cgroups1: readonly string[];
    pidns: { osPid: number; startTime: number } | null;
  },
  server: SidecarHost,
): Promise<void> {
  await server.swept(place.sidecarPid);
  for (const directory of new Set([...(place.cgroup === null ? [] : [place.cgroup]), ...place.cgroups1]))
    await killCgroup(directory).then(() => removeIfEmpty(dirname(directory)));
  while (await isAlive(place.osPid, place.startTime)) await wait(LOOK_EVERY_MS);
  while (place.pidns && (await hasChildren(place.pidns))) await wait(LOOK_EVERY_MS);
}

/**
 * Whether anybody is left with the first process of a PID namespace, which was killed and gets everybody whose parent ended as its child. Its own end does not
 * count: it may wait for whoever adopted the leader to reap it.
 */
async function hasChildren({ osPid, startTime }: { osPid: number; startTime: number }): Promise<boolean> {
  const children = await readFile(`/proc/${osPid}/task/${osPid}/children`, "utf8").catch(() => "");
  return children !== "" && (await isAlive(osPid, startTime));
}

/** Kills everything in a cgroup's directory and removes it; the fork server may be doing the same. */
async function killCgroup(directory: string): Promise<void> {
  const killFile = join(directory, "cgroup.kill");
  const killsAtOnce = await access(killFile).then(
    () => true,
    () => false,
  );
  for (;;) {
    try {
      if (killsAtOnce) await writeFile(killFile, "1");
      else await killOneByOne(directory);
      return await rmdir(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY") return;
      await wait(LOOK_EVERY_MS);
    }
  }
}

/** The directory that a fork server makes for its groups; one that still lives makes it again. */
async function removeIfEmpty(directory: string): Promise<void> {
  if (basename(directory).startsWith("copal-")) await rmdir(directory).catch(() => {});
}

/** What version 1 takes: a member of the group when it is read is one when it is killed, or has ended. */
async function killOneByOne(directory: string): Promise<void> {
  const members = await readFile(join(directory, "cgroup.procs"), "utf8");
  for (const osPid of members.split("\n").filter(Boolean)) {
    try {
      process.kill(Number(osPid), "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}

/** Whether this very process still runs: same pid, same start time, not a zombie. */
async function isAlive(osPid: number, startTime: number): Promise<boolean> {
  const stat = await readFile(`/proc/${osPid}/stat`, "utf8").catch(() => undefined);
  if (stat === undefined) return false;
  // The name in parentheses may itself contain spaces and parentheses; the fields count from behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] !== "Z" && Number(fields[19]) === startTime;
}
