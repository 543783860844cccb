/**
 * `contain: pidns`: what the program sees, what is told, and what happens where there can be none. That nothing is left of it is the kill matrix's to prove.
 */
import { spawnSync } from "node:child_process";
import { open, type ProcessActor, run, start } from "copal";
import t from "tap";
import { eventually } from "#src/testing/eventually.js";
import { marked } from "../support/marked.js";
import { isRunning, processOf } from "../support/proc.js";
import { skip } from "../support/skip.js";

const contain = "pidns" as const;

/** Whether this machine makes PID namespaces for us; where it does not, skips by name, or fails under `COPAL_REQUIRE_ALL=1`. */
async function requirePidNamespace(t: import("tap").Test): Promise<boolean> {
  const reason = await run("true", [], { contain, required: true }).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (reason === undefined) return true;
  skip(t, reason);
  return false;
}

t.test("the program sees its own tree alone, and outside it goes by its pid there", async (t) => {
  if (!(await requirePidNamespace(t))) return;
  await using session = await open("sh", ["-c", "echo $$; ls -d /proc/[0-9]* | wc -l; exec sleep 1000"], { contain });
  const lines = session.lines();
  const own = Number((await lines.next()).value);
  t.ok(own < 10, `its own pid is ${own}`);
  // The first process, the shell, and for a moment `ls` and `wc`.
  t.ok(Number((await lines.next()).value) <= 4);
  const { osPid, pidns, containment } = session.place;
  t.equal(containment, "pidns");
  await eventually(() => processOf(osPid)?.name === "sleep");
  t.match(processOf(pidns?.osPid ?? 0), { name: "resin-init", startTime: pidns?.startTime });
});

t.test("an end is told as without it, and its first process goes as well", async (t) => {
  for (const script of ["exit 3", "kill -KILL $$", "sleep 1000 & exit 0"]) {
    const told = async (contain: "pidns" | "tree") => {
      const session = await open("sh", ["-c", script], { contain });
      const { code, signal, core, stoppedBy, killed, leftBehind } = await session.exited;
      return { code, signal, core, stoppedBy, killed, leftBehind };
    };
    t.strictSame(await told("pidns"), await told("tree"));
  }
  const session = await open("sleep", ["1000"], { contain });
  await session.stop();
  t.notOk(isRunning(session.place.pidns?.osPid ?? 0));
});

t.test("a terminal works in it", async (t) => {
  const session = await open("sh", ["-c", "tty && exec sleep 1000"], { contain, pty: {} });
  t.match(await new Promise((resolve) => session.stdout.once("data", resolve)), /\/dev\/pts\//);
  session.stdin.write("\x03");
  t.match(await session.exited, { signal: "SIGINT", stoppedBy: "itself" });
});

t.test("a child of a tree is shown with it", async (t) => {
  if (!(await requirePidNamespace(t))) return;
  const tree = await start({ supervisor: "app", children: [{ process: "p", command: ["sleep", "1000"], contain }] });
  t.teardown(() => tree.stop());
  const { osPid } = (await tree.whereis<ProcessActor>("p")?.call.status()) ?? {};
  t.match(tree.snapshot().at(-1), { containment: "pidns", osPid });
  t.equal(processOf(osPid ?? 0)?.name, "sleep");
});

t.test("when sidecar and fork server are killed the end is told once nothing of it is left", async (t) => {
  const { env, left } = marked(t);
  const script = "trap '' TERM; (setsid sleep 1000 &) ; echo ready; sleep 1000";
  const session = await open("sh", ["-c", script], { contain, env });
  await new Promise((resolve) => session.stdout.once("data", resolve));
  const serverPid = processOf(session.place.sidecarPid)?.parent ?? 0;
  process.kill(serverPid, "SIGKILL");
  process.kill(session.place.sidecarPid, "SIGKILL");
  t.match(await session.exited, { stoppedBy: "sidecarLost", outputWhole: false });
  t.strictSame(left(), []);
});

/** Runs a program on Copal inside of a user namespace that allows no PID namespaces; undefined where not even the first can be made. */
function whereNoneCanBeMade(t: import("tap").Test, program: string) {
  const script = 'echo 0 >/proc/sys/user/max_pid_namespaces && exec "$0" --input-type=module -e "$1"';
  const args = ["-Ur", "sh", "-c", script, process.execPath, `import { open, run } from "copal"; ${program}`];
  if (spawnSync("unshare", ["-Ur", "true"]).status === 0) return spawnSync("unshare", args, { encoding: "utf8" });
  skip(t, "no user namespace can be made here");
  return undefined;
}

t.test("where none can be made the process runs without it, and says so", async (t) => {
  const ended = whereNoneCanBeMade(
    t,
    `const session = await open("true", [], { contain: "pidns" });
    console.log(JSON.stringify([session.place.pidns, session.place.pidnsMissing]));`,
  );
  if (!ended) return;
  const why = "the kernel makes none: No space left on device (ENOSPC)";
  t.strictSame(JSON.parse(ended.stdout), [null, why]);
  t.match(ended.stderr, `[COPAL_LIMIT] CopalWarning: true runs outside of the PID namespace it was to have: ${why}`);
});

t.test("where none can be made, a start that requires it fails with one sentence", async (t) => {
  const ended = whereNoneCanBeMade(
    t,
    `await run("true", [], { contain: "pidns", required: true }).catch(({ message, code, failure: { stage } }) =>
      console.log(JSON.stringify({ message, code, stage })));`,
  );
  if (!ended) return;
  const sentence = "cannot hold true by a PID namespace: the kernel makes none: No space left on device (ENOSPC)";
  const message = `true did not start: pidns ENOSPC: ${sentence}`;
  t.strictSame(JSON.parse(ended.stdout), { message, code: "ERR_START", stage: "pidns" });
});
