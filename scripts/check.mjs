// `npm run check`: types, lint, format and audit, for both languages. Runs everything and names all that failed.
import { join } from "node:path";
import { root, setup } from "./setup.mjs";
import { run } from "./step.mjs";

await setup({ tests: true });

const resin = { cwd: join(root, "native", "resin") };
const bin = (name) => join(root, "node_modules", ".bin", name);
const steps = [
  ["types of the examples", bin("tsc"), ["-p", "examples", "--noEmit"], { cwd: root }],
  ["lint and format of TypeScript", bin("biome"), ["check", "--error-on-warnings", "."], { cwd: root }],
  ["format of Rust", "cargo", ["fmt", "--all", "--check"], resin],
  [
    "lint of Rust",
    "cargo",
    ["clippy", "--locked", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"],
    resin,
  ],
  ["audit of dependencies", process.execPath, [join(root, "scripts", "audit.mjs")], { cwd: root }],
];
const failed = [];
for (const [name, command, args, options] of steps) {
  process.stderr.write(`copal: ${name}\n`);
  if ((await run(command, args, options)) !== 0) failed.push(name);
}
if (failed.length > 0) {
  process.stderr.write(`copal: failed: ${failed.join(", ")}\n`);
  process.exitCode = 1;
}
