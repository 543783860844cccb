/**
 * Threads that end while they load: Node never closes a file that a worker thread was about to read when it ended.
 */
import { readdirSync, readlinkSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { eventually } from "#src/testing/eventually.js";
import { find, type Starter, starter, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

/** Lists the modules that this process has open. */
function openModules(): string[] {
  const targets = readdirSync("/proc/self/fd").map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      // The one that was open for the list.
      return "";
    }
  });
  return targets.filter((target) => /\.(c|m)?(js|json)$/.test(target));
}

t.test("a thread that is killed while its actor starts its first process leaves no file open", async (t) => {
  const ids = Array.from({ length: 12 }, (_, index) => `a${index}`);
  await using tree = await startResidents(
    ids.map((id) => starter(id, "own", { restart: "temporary", shutdown: 1_000 })),
  );
  for (const [index, id] of ids.entries()) {
    const actor = find<Starter>(tree, id);
    actor.cast.beginChild({ process: "p", command: ["sleep", "1000"] });
    // At another moment of the load each time.
    await wait(5 * index);
    exitActor(actor as never, "kill");
    await whenEnded(actor as never);
  }
  await tree.stop();
  // What is read now is closed in a moment; what was lost never is.
  await eventually(() => openModules().length === 0).catch(() => t.strictSame(openModules(), []));
});

t.test("a thread that never comes to the end of a load is ended all the same", async (t) => {
  await using tree = await startResidents([starter("a", undefined, { restart: "temporary" })]);
  const actor = find<Starter>(tree, "a");
  const threads = () => readdirSync("/proc/self/task").length;
  const before = threads();
  actor.cast.beginChild(starter("b", "own", { module: "./never-loads.mjs#Never", shutdown: "brutal_kill" }));
  await eventually(() => threads() > before);
  exitActor(actor as never, "kill");
  await eventually(() => threads() === before, { timeoutMs: 60_000 });
  t.pass("it is gone");
});
