/**
 * The house as ARCHITECTURE.md draws it, checked against the sources.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Rooms from the ground up; a room imports itself and rooms before it. */
const rooms = [
  "words",
  "wire",
  "sidecar",
  "process",
  "compute",
  "actors",
  "threads",
  "supervisor",
  "app",
  "testing",
  "cli",
  "index",
];

function filesUnder(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder)).flatMap((entry) => {
    const path = join(folder, entry);
    if (statSync(join(root, path)).isDirectory()) return entry === "target" ? [] : filesUnder(path, ending);
    return ending.test(entry) ? [path] : [];
  });
}

function roomOf(file: string): string {
  const [first = "", second] = relative("src", file).split("/");
  if (second !== undefined) return first;
  return first === "index.ts" || first === "testing.ts" ? "index" : "words";
}

const sources = filesUnder("src", /\.ts$/);
const read = (file: string) => readFileSync(join(root, file), "utf8");

/** What a file imports at run time; a type costs nothing and binds nobody. */
function importsOf(file: string): string[] {
  const statements = read(file).matchAll(/^(?:import|export)\s+(?!type\b)[^;]*?from\s+"(\.[^"]+)"/gms);
  return [...statements].map(([, path]) => normalize(join(dirname(file), (path as string).replace(/\.js$/, ".ts"))));
}

t.test("a room imports only itself and the rooms below it", async (t) => {
  for (const file of sources) {
    for (const imported of importsOf(file)) {
      const allowed = rooms.slice(0, rooms.indexOf(roomOf(file)) + 1);
      t.ok(allowed.includes(roomOf(imported)), `${file} imports ${imported}`);
    }
  }
});

t.test("only the door of copal/testing opens into the testing room", async (t) => {
  for (const file of sources.filter((source) => roomOf(source) !== "testing" && source !== "src/testing.ts")) {
    t.notOk(
      importsOf(file).some((imported) => roomOf(imported) === "testing"),
      file,
    );
  }
});

t.test("supervisors know no sidecars, and only the process actor knows both sides", async (t) => {
  for (const file of sources) {
    const reachesSidecar = importsOf(file).some((imported) => roomOf(imported) === "sidecar");
    if (roomOf(file) === "supervisor") t.notOk(reachesSidecar, file);
    if (roomOf(file) === "actors" && reachesSidecar) t.equal(file, "src/actors/process-actor.ts");
  }
});

t.test("no file is a drawer and none is longer than 400 lines", async (t) => {
  for (const file of [...sources, ...filesUnder("native/resin/src", /\.rs$/)]) {
    t.notMatch(file, /\/(utils?|common|helpers?|misc|types|constants|shared)(\/|\.)/, file);
    t.ok(read(file).split("\n").length <= 401, `${file} has ${read(file).split("\n").length - 1} lines`);
  }
});

t.test("every export has a docstring", async (t) => {
  for (const file of sources.filter((source) => roomOf(source) !== "index")) {
    const lines = read(file).split("\n");
    lines.forEach((line, index) => {
      if (!/^export (abstract |async )?(class|function\*?|const|interface|type) /.test(line)) return;
      t.match(lines[index - 1], /\*\/\s*$/, `${file}:${index + 1} ${line}`);
    });
  }
});

t.test("the wire's twins know the same commands and events", async (t) => {
  const messages = read("src/wire/messages.ts");
  const names = (from: string) =>
    [...(messages.split(from)[1]?.split("\n}")[0] ?? "").matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name);
  const rust = read("native/resin/src/wire/messages.rs") + read("native/resin/src/wire/codec.rs");
  for (const name of [...names("interface CommandBodies"), ...names("interface EventBodies")]) {
    t.ok(rust.includes(`"${name}"`), `resin knows \`${name}\``);
  }
});
