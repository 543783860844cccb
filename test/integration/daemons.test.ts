// Real daemons under real supervision: redis-server and nginx, as examples/daemons/copal.yaml runs them.
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import t, { type Test } from "tap";
import { eventually } from "#src/testing/eventually.js";
import { CopalFolder } from "../support/copal.js";
import { freePort } from "../support/free-port.js";
import { allProcesses, isRunning, type KernelProcess, processOf } from "../support/proc.js";
import { requireProgram } from "../support/require-program.js";

t.setTimeout(300_000);

const config = join(process.cwd(), "examples", "daemons", "copal.yaml");

/** Sends one command to Redis and gives its answer's first line. */
function redis(port: number, ...words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      answer += text;
      // A bulk answer is its length, then its text, each ended by CR LF.
      const lines = answer.split("\r\n");
      const line = /^\$\d/.test(answer) ? 1 : 0;
      if (lines.length < line + 2) return;
      resolve(lines[line] ?? "");
      socket.destroy();
    });
    socket.once("error", reject);
    socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`);
  });
}

/** A process and all its descendants, as the kernel has them now. */
function treeOf(osPid: number): KernelProcess[] {
  const all = allProcesses();
  const below = (parent: number): KernelProcess[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.osPid)]);
  const leader = processOf(osPid);
  return leader === undefined ? [] : [leader, ...below(osPid)];
}

interface Daemons {
  readonly app: CopalFolder;
  readonly redisPort: number;
  readonly nginxPort: number;
  leader(id: string): Promise<number | undefined>;
  /** Ends the app and checks that nothing of it is left. */
  end(): Promise<void>;
}

/** Starts both daemons, or skips. */
async function daemons(t: Test): Promise<Daemons | undefined> {
  const isThere = [requireProgram(t, "redis-server", "redis-server"), requireProgram(t, "nginx", "nginx-light")];
  if (isThere.includes(undefined)) return undefined;
  const app = new CopalFolder(t, {});
  const [redisPort, nginxPort] = [await freePort(), await freePort()];
  Object.assign(app.environment, {
    REDIS_PORT: String(redisPort),
    NGINX_PORT: String(nginxPort),
    DATA_DIR: app.folder,
  });
  const up = await app.up("-c", config);
  const end = async () => {
    up.child.kill("SIGTERM");
    t.equal((await up.finished).code, 0);
    t.same(app.left(), []);
  };
  const leader = async (id: string) => {
    const { stdout } = await app.run("ps", "--json", "-c", config);
    const rows = JSON.parse(stdout) as { readonly id: string; readonly osPid: number | null }[];
    return rows.find((row) => row.id === id)?.osPid ?? undefined;
  };
  return { app, redisPort, nginxPort, leader, end };
}

/** Kills a leader with -9 and checks that its whole tree was gone before the next one began. */
async function killAndCompare(t: Test, { leader }: Daemons, id: string, leastProcesses: number): Promise<void> {
  const first = await eventually(() => leader(id));
  const old = await eventually(() => {
    const tree = treeOf(first);
    return tree.length >= leastProcesses ? tree : undefined;
  });
  const ticksAtKill = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 100;
  // Looked at as fast as possible: the newest moment at which a process of the old tree was still seen, in clock ticks since boot.
  let lastSeenTicks = ticksAtKill;
  const watch = setInterval(() => {
    const isThere = old.some((one) => processOf(one.osPid)?.startTime === one.startTime && isRunning(one.osPid));
    if (isThere) lastSeenTicks = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 100;
  }, 1);
  process.kill(first, "SIGKILL");
  const second = await eventually(async () => {
    const osPid = await leader(id);
    return osPid !== undefined && osPid !== first ? osPid : undefined;
  });
  clearInterval(watch);
  for (const one of old)
    t.notOk(processOf(one.osPid)?.startTime === one.startTime, `${one.name} (${one.osPid}) of the old tree is gone`);
  const { startTime } = await eventually(() => processOf(second));
  // A tick is 10 ms, and both numbers are cut down to whole ones.
  t.ok(
    startTime + 1 >= lastSeenTicks,
    `the new leader began at ${startTime}, the old tree was last seen at ${lastSeenTicks}`,
  );
}

t.test("redis-server answers again after kill -9, and its old tree was gone before", async (t) => {
  const running = await daemons(t);
  if (running === undefined) return;
  await eventually(() => redis(running.redisPort, "PING"));
  t.equal(await redis(running.redisPort, "SET", "k", "v"), "+OK");
  t.equal(await redis(running.redisPort, "GET", "k"), "v");
  await killAndCompare(t, running, "redis", 1);
  t.equal(await eventually(() => redis(running.redisPort, "PING")), "+PONG");
  t.equal(await redis(running.redisPort, "GET", "k"), "$-1", "it is a new server");
  await running.end();
});

t.test("nginx answers again after kill -9 of its leader, and its old workers were gone before", async (t) => {
  const running = await daemons(t);
  if (running === undefined) return;
  const url = `http://127.0.0.1:${running.nginxPort}/`;
  t.equal(await eventually(async () => (await fetch(url)).text()), "nginx is here\n");
  // The master and two workers; the workers would outlive a master that is killed.
  await killAndCompare(t, running, "nginx", 3);
  t.equal(await eventually(async () => (await fetch(url)).text()), "nginx is here\n");
  await running.end();
});
