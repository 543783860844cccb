/**
 * Threads that end while they load: Node never closes a file that a worker thread was about to read when it ended.
 */
import { existsSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { eventually } from "#src/testing/eventually.js";
import { find, type Starter, starter, startResidents } from "../support/resident.js";

t.setTimeout(300_000);

/** More than are read before anybody looks. */
const MODULES = 500;

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

t.test("a thread that is killed while it loads a program of many modules leaves no file open", async (t) => {
  const names = Array.from({ length: MODULES }, (_, index) => `part-${index}.mjs`);
  const parts = Object.fromEntries(names.map((name) => [name, "export {};"]));
  const imports = names.map((name) => `import "./${name}";`).join("");
  const whole = `import fs from "node:fs";${imports}fs.writeFileSync(new URL("loaded", import.meta.url), "");export class Whole {}`;
  const folder = t.testdir({ ...parts, "whole.mjs": whole });
  const isLoading = () => openModules().some((file) => file.startsWith(`${folder}/part-`));
  for (let round = 0; round < 8; round++) {
    rmSync(`${folder}/loaded`, { force: true });
    await using tree = await startResidents([starter("a", undefined, { restart: "temporary" })]);
    const actor = find<Starter>(tree, "a");
    const module = `${folder}/whole.mjs#Whole`;
    actor.cast.beginChild({ actor: "b", module, thread: "own", shutdown: "brutal_kill" });
    // Whoever looks too late on a crowded machine has missed this round.
    await eventually(() => isLoading() || existsSync(`${folder}/loaded`), { everyMs: 0, timeoutMs: 60_000 });
    exitActor(actor as never, "kill");
    await tree.stop();
  }
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
