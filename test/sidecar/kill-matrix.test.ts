/**
 * The promise: whoever is killed with -9, nothing of the tree is left a second later, with default settings. Proved from /proc and the cgroup
 * file system, for every victim, every way to hide, with and without a cgroup, and in a PID namespace, where all may be killed at once.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { open, run } from "copal";
import t from "tap";
import { closeForkServer } from "#src/sidecar/fork-server.js";
import type { Started } from "#src/sidecar/started.js";
import { eventually } from "#src/testing/eventually.js";
import { childrenOf, commandLine, isRunning, processesMarked } from "../support/proc.js";
import { readsFrom } from "../support/reads-from.js";
import { skip } from "../support/skip.js";

const ROUNDS = Number(process.env.COPAL_TEST_ROUNDS ?? 3);
const AT_ONCE = 4;
const WITHIN_MS = 1_000;
const fixtures = fileURLToPath(new URL("../../../test/fixtures", import.meta.url));

interface Held {
  owner: ChildProcess & { pid: number };
  serverPid: number;
  place: Started;
  mark: string;
}

let held = 0;

/** An owner in a Node process of its own that holds a tree. */
async function hold(tree: string, contain: string): Promise<Held> {
  const id = `${process.pid}-${held++}`;
  const mark = `COPAL_TEST_TREE=${id}`;
  const env = { ...process.env, COPAL_TEST_MARK: id };
  const args = [`${fixtures}/programs/owner.mjs`, `${fixtures}/trees/${tree}.sh`, contain];
  const owner = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] }) as ChildProcess & {
    pid: number;
  };
  const line = await new Promise<string>((resolve, reject) => {
    owner.stdout?.setEncoding("utf8").once("data", resolve);
    owner.once("exit", (code) => reject(new Error(`the owner ended with ${code} before it held anything`)));
  });
  owner.removeAllListeners("exit");
  const place = JSON.parse(line) as Started;
  const server = childrenOf(owner.pid).find(({ name }) => name === "resin");
  return { owner, serverPid: server?.osPid ?? 0, place, mark };
}

const victims: Record<string, (held: Held) => number[]> = {
  node: ({ owner }) => [owner.pid],
  sidecar: ({ place }) => [place.sidecarPid],
  leader: ({ place }) => [place.osPid],
  "node and sidecar": ({ owner, place }) => [owner.pid, place.sidecarPid],
  "sidecar and node": ({ owner, place }) => [place.sidecarPid, owner.pid],
  "fork server, then node": ({ owner, serverPid }) => [serverPid, owner.pid],
  "node and fork server": ({ owner, serverPid }) => [owner.pid, serverPid],
};

/** Nobody is left then to hold the tree, except the kernel by a PID namespace, nor to remove its cgroup, which is empty. */
const allThree: typeof victims = {
  "node, sidecar and fork server": ({ owner, serverPid, place }) => [owner.pid, place.sidecarPid, serverPid],
  "fork server, sidecar and node": ({ owner, serverPid, place }) => [serverPid, place.sidecarPid, owner.pid],
};

/** Node is left then. Without a cgroup, which it can kill, only a namespace does. */
const bothServers: typeof victims = {
  "sidecar and fork server": ({ serverPid, place }) => [place.sidecarPid, serverPid],
};

/** One killed before may have taken it along. */
function kill(osPid: number): void {
  try {
    process.kill(osPid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Processes of the tree that run. */
function running({ mark }: Held): string[] {
  return processesMarked(mark).map(({ osPid, name }) => `${osPid} ${name} ${commandLine(osPid)}`);
}

/** Everything of it that is there. */
function left(held: Held): string[] {
  const { place } = held;
  const rest = running(held);
  if (isRunning(place.sidecarPid)) rest.push(`the sidecar ${place.sidecarPid}`);
  if (place.cgroup !== null && existsSync(place.cgroup)) rest.push(`the cgroup ${place.cgroup}`);
  return rest;
}

/** Kills and gives what `look` still finds when the second is over. */
async function survivors(
  tree: string,
  contain: string,
  victim: (held: Held) => number[],
  look: (held: Held) => string[],
): Promise<string[]> {
  const trees = await hold(tree, contain);
  if (tree === "floods") await eventually(() => readsFrom(trees.owner.pid, trees.place.osPid));
  if (processesMarked(trees.mark).length === 0) return ["nothing was running in the first place"];
  victim(trees).forEach(kill);
  const rest = await eventually(() => look(trees).length === 0, { timeoutMs: WITHIN_MS }).then(
    () => [],
    () => look(trees),
  );
  for (const { osPid } of processesMarked(trees.mark)) kill(osPid);
  if (trees.owner.exitCode === null && trees.owner.signalCode === null) {
    const ended = new Promise((resolve) => trees.owner.once("exit", resolve));
    trees.owner.kill("SIGKILL");
    await ended;
  }
  await eventually(() => !isRunning(trees.serverPid));
  return rest;
}

const { containment } = (await open("true")).place;
const byCgroup = containment !== "tree";
t.test("a tree is held by a cgroup where nothing else is asked for", async (t) => {
  if (!byCgroup) skip(t, "no cgroup can be made here");
});

for (const contain of ["auto", "pidns", "tree"]) {
  const more = {
    ...((contain === "pidns" || (contain === "auto" && byCgroup)) && bothServers),
    ...(contain === "pidns" && allThree),
  };
  for (const [name, victim] of Object.entries({ ...victims, ...more })) {
    const look = victim === allThree[name] ? running : left;
    for (const tree of ["plain", "setsid", "double-forks", "ignores-sigterm", "floods"]) {
      t.test(
        `kill -9 of ${name} leaves nothing of a tree that is ${tree}, contained by ${contain}, ${ROUNDS} times`,
        async (t) => {
          for (let done = 0; done < ROUNDS; done += AT_ONCE) {
            const batch = Array.from({ length: Math.min(AT_ONCE, ROUNDS - done) }, () =>
              survivors(tree, contain, victim, look),
            );
            for (const rest of await Promise.all(batch)) t.strictSame(rest, []);
          }
        },
      );
    }
  }
}

t.test("kill -9 of the fork server leaves its trees running, held, and ended by their own sidecar", async (t) => {
  const trees = await hold("double-forks", "auto");
  process.kill(trees.serverPid, "SIGKILL");
  await eventually(() => !isRunning(trees.serverPid));
  t.ok(isRunning(trees.place.osPid));
  trees.owner.kill("SIGKILL");
  await eventually(() => left(trees).length === 0, { timeoutMs: WITHIN_MS });
});

t.test("a cgroup that nobody was left to remove is gone when the next fork server has started", async (t) => {
  if (!byCgroup) return skip(t, "no cgroup can be made here");
  const trees = await hold("plain", "cgroup");
  const { owner, serverPid, place } = trees;
  t.ok(existsSync(place.cgroup as string));
  // In this order: neither Node nor the fork server sees the end of the sidecar.
  for (const osPid of [serverPid, owner.pid, place.sidecarPid]) process.kill(osPid, "SIGKILL");
  // Who was being started meanwhile is nobody's by now.
  await eventually(() => {
    for (const { osPid } of processesMarked(trees.mark)) kill(osPid);
    return running(trees).length === 0;
  });
  // It stays busy for a moment after its last process. Another Copal of this machine that starts meanwhile may have swept it.
  await eventually(async () => {
    await run("true");
    await closeForkServer();
    return !existsSync(place.cgroup as string);
  });
});
