/**
 * The package as npm packs it, installed in a folder of its own: what a program that depends on Copal has, and nothing of this checkout but the dependencies.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { privateFolder } from "../support/private-folder.js";

t.setTimeout(180_000);

const run = promisify(execFile);

const files: Record<string, string> = {
  "package.json": '{ "name": "program", "type": "module" }',
  "counter.ts": `import { Actor, whereis } from "copal";
export class Counter extends Actor {
  #n: number = 0;
  add(by: number): number { return (this.#n += by); }
  addThere(id: string): Promise<number> { return whereis(id)!.call.add!(5) as Promise<number>; }
}
`,
  "program.mjs": `import { start } from "copal";
const counter = (actor, thread) => ({ actor, module: "./counter.ts#Counter", thread });
const tree = await start({
  supervisor: "app",
  children: [counter("own", "own"), counter("pool", "pool"), { supervisor: "s", thread: "own", children: [counter("deep")] }],
});
for (const id of ["own", "pool", "deep"]) await tree.whereis(id).call.add(1);
const sum = await tree.whereis("own").call.addThere("deep");
console.log(JSON.stringify([sum, tree.snapshot().map((row) => row.thread.replace(/-.*/, ""))]));
await tree.stop();
`,
  "copal.yaml": `supervisor: app
children:
  - { actor: a, module: ./counter.ts#Counter, thread: own }
`,
};

/** Packs Copal and unpacks it in a folder of its own, where a program finds it; gives both. */
async function install(t: Test): Promise<{ folder: string; copal: string }> {
  const folder = privateFolder(t);
  await run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder]);
  const [packed = ""] = readdirSync(folder);
  await run("tar", ["xzf", packed], { cwd: folder });
  mkdirSync(join(folder, "node_modules"));
  const copal = join(folder, "node_modules", "copal");
  await run("mv", [join(folder, "package"), copal]);
  return { folder, copal };
}

t.test(
  "an installed package runs actors in threads, TypeScript ones too, and its command checks configs",
  async (t) => {
    const { folder, copal } = await install(t);
    symlinkSync(join(process.cwd(), "node_modules"), join(copal, "node_modules"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const { stdout } = await run(process.execPath, ["program.mjs"], { cwd: folder });
    t.strictSame(JSON.parse(stdout), [6, ["main", "own", "pool", "own", "own"]]);
    const checked = await run(process.execPath, [join(copal, "bin", "copal.js"), "check"], { cwd: folder });
    t.match(checked.stdout, /copal\.yaml/);
  },
);

t.test("a package brings every crate that is built from it", async (t) => {
  const { copal } = await install(t);
  const native = join(copal, "native", "resin");
  const { stdout } = await run("cargo", ["metadata", "--no-deps", "--format-version", "1"], { cwd: native });
  const crates = (JSON.parse(stdout) as { packages: { name: string }[] }).packages.map(({ name }) => name);
  t.same(crates.sort(), ["addon", "resin"]);
});
