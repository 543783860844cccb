/**
 * What no thread is a boundary against: native code that brings Node down. Then everything that its threads held is gone all the same.
 */
import t from "tap";
import { eventually } from "#src/testing/eventually.js";
import { CopalFolder } from "../support/copal.js";
import { processesMarked } from "../support/proc.js";
import { actorsFolder } from "../support/resident.js";

t.setTimeout(120_000);

const deaths: Record<string, NodeJS.Signals> = {
  "an assertion of an addon's (SIGABRT)": "SIGABRT",
  "a fault of an addon's (SIGSEGV)": "SIGSEGV",
  "the kernel, out of memory (SIGKILL)": "SIGKILL",
};
for (const [what, signal] of Object.entries(deaths)) {
  t.test(`${what} in a thread is Node's end, and leaves no process of any thread`, async (t) => {
    const holder = (id: string, thread: string) => ({
      actor: id,
      module: `${actorsFolder}/holder.mjs#Holder`,
      thread,
      args: [["sh", "-c", "sleep 1000 & sleep 1000"], "node-death"],
    });
    const config = { supervisor: "app", children: [holder("a", "own"), holder("b", "pool"), holder("c", "main")] };
    const copal = new CopalFolder(t, { "copal.json": JSON.stringify(config) });
    const up = await copal.up("-c", "copal.json");
    await eventually(() => processesMarked(copal.mark).filter(({ name }) => name === "sleep").length === 6);
    const asked = copal.run("call", "a", "dieOf", signal, "-c", "copal.json");
    t.equal((await up.finished).signal, signal);
    await eventually(() => processesMarked(copal.mark).every(({ name }) => name === "node"));
    await asked;
    t.strictSame(processesMarked(copal.mark), []);
  });
}
