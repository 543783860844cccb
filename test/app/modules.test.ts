/**
 * Where an actor's class may come from: every form of `module`, wherever the actor lives.
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import t, { type Test } from "tap";
import { start, type Tree } from "#src/app/tree.js";
import type { ActorChild, ChildSpecInput } from "#src/app/tree-spec.js";
import { privateFolder } from "../support/private-folder.js";

t.setTimeout(120_000);

const says = (what: string) => `import { Actor } from "copal";
export class Says extends Actor { what() { return ${JSON.stringify(what)}; } }
export default class extends Actor { what() { return ${JSON.stringify(`the default of ${what}`)}; } }
`;

const files: Record<string, string> = {
  "compiled.mjs": says("compiled"),
  "typed.ts": `import { Actor } from "copal";
import { type Word, word } from "./typed-part.js";
export class Says extends Actor { readonly #word: Word = word; what(): Word { return this.#word; } }
`,
  "typed-part.ts": 'export type Word = string;\nexport const word: Word = "typed";\n',
  "node_modules/plain/package.json": '{ "name": "plain", "type": "module", "main": "index.js" }',
  "node_modules/plain/index.js": says("a package"),
  "node_modules/plain/sub.js": says("a file of a package"),
  "node_modules/@scope/modern/package.json":
    '{ "name": "@scope/modern", "type": "module", "exports": { ".": { "import": "./i.js" }, "./deep": { "import": "./d.ts" } } }',
  "node_modules/@scope/modern/i.js": says("a package for import alone"),
  "node_modules/@scope/modern/d.ts": says("a typed part of a package"),
};

/** A folder as a program has one: its own modules, and packages, Copal among them. */
function program(t: Test): string {
  const folder = privateFolder(t);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  symlinkSync(process.cwd(), join(folder, "node_modules", "copal"));
  return folder;
}

const forms: Record<string, (folder: string) => [module: string | URL, what: string]> = {
  "./file.mjs#Export": () => ["./compiled.mjs#Says", "compiled"],
  "./file.mjs, its default": () => ["./compiled.mjs", "the default of compiled"],
  "./file.ts#Export, with a part": () => ["./typed.ts#Says", "typed"],
  "an absolute path": (folder) => [`${folder}/compiled.mjs#Says`, "compiled"],
  "a file URL": (folder) => [`${pathToFileURL(join(folder, "compiled.mjs")).href}#Says`, "compiled"],
  "a URL": (folder) => [new URL("./compiled.mjs#Says", pathToFileURL(`${folder}/`)), "compiled"],
  "a file URL of TypeScript": (folder) => [`${pathToFileURL(join(folder, "typed.ts")).href}#Says`, "typed"],
  "a package, its default": () => ["plain", "the default of a package"],
  "package#Export": () => ["plain#Says", "a package"],
  "package/file#Export": () => ["plain/sub.js#Says", "a file of a package"],
  "a scoped package that can only be imported": () => ["@scope/modern#Says", "a package for import alone"],
  "a typed part of a package": () => ["@scope/modern/deep#Says", "a typed part of a package"],
};

const places: Record<string, (child: ActorChild) => ChildSpecInput> = {
  "the main thread": (child) => child,
  "a pool": (child) => ({ ...child, thread: "pool" }),
  "a thread of its own": (child) => ({ ...child, thread: "own" }),
  "a supervisor's thread": (child) => ({ supervisor: "s", thread: "own", children: [child] }),
};

async function what(tree: Tree): Promise<unknown> {
  return tree.whereis<{ what(): string }>("a")?.call.what();
}

for (const [place, put] of Object.entries(places)) {
  t.test(`every form of module is found in ${place}`, async (t) => {
    const folder = program(t);
    for (const [form, write] of Object.entries(forms)) {
      const [module, expected] = write(folder);
      const tree = await start({ supervisor: "app", children: [put({ actor: "a", module })] }, { folder });
      t.equal(await what(tree), expected, form);
      await tree.stop();
    }
  });

  t.test(`what cannot be loaded is said in one sentence in ${place}`, async (t) => {
    const folder = program(t);
    const wrong: [string, RegExp][] = [
      ["./nothing.mjs#Says", /\.\/nothing\.mjs cannot be loaded/],
      ["./typed.ts#Sais", /\.\/typed\.ts has no export `Sais`; did you mean `Says`\?/],
      ["nobody#Says", /the package nobody cannot be loaded/],
      ["data:text/javascript,export default 1", /allowed is a file, a file URL or a package/],
      ["https://example.org/a.js#Says", /allowed is a file, a file URL or a package/],
    ];
    for (const [module, message] of wrong)
      await t.rejects(start({ supervisor: "app", children: [put({ actor: "a", module })] }, { folder }), { message });
  });
}
