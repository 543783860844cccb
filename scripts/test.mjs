// `npm test [-- FILE…]`: the set-up, the TypeScript tests, the Rust tests, and loudly what was skipped and why.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, setup } from "./setup.mjs";
import { fail, run, runQuietly } from "./step.mjs";

const wanted = process.argv.slice(2);
await setup({ tests: true });

const tap = join(root, "node_modules", "tap", "dist", "esm", "run.mjs");
// Its plug-ins are compiled into node_modules, once per installation; a run that finds them missing would still use the default ones.
const built = join(root, "node_modules", ".copal-tap");
if (!existsSync(built)) {
  const { code, output } = await runQuietly(process.execPath, [tap, "build"], { cwd: root });
  if (code !== 0) fail(`tap build failed: ${output}`);
  writeFileSync(built, "");
}

const results = join(root, "build", "test.tap");
rmSync(results, { force: true });
const files =
  wanted.length > 0 ? wanted.map((file) => join("build", file.replace(/\.ts$/, ".js"))) : ["build/test/**/*.test.js"];
const tapCode = await run(process.execPath, [tap, "--reporter=terse", `--output-file=${results}`, ...files], {
  cwd: root,
});

let rust = { code: 0, passed: 0, failed: 0, skipped: [] };
if (wanted.length === 0) {
  const { code, output } = await runQuietly("cargo", ["test", "--locked", "--quiet"], {
    cwd: join(root, "native", "resin"),
  });
  const count = (word) =>
    [...output.matchAll(new RegExp(`(\\d+) ${word}`, "g"))].reduce((sum, [, n]) => sum + Number(n), 0);
  const skipped = [...output.matchAll(/SKIPPED: .*/g)].map(([line]) => line);
  rust = { code, passed: count("passed"), failed: count("failed"), skipped };
  if (code !== 0) process.stderr.write(output);
}

const lines = existsSync(results) ? readFileSync(results, "utf8").split("\n") : [];
const passed = lines.filter((line) => /^ {4}ok /.test(line)).length + rust.passed;
const failed = lines.filter((line) => /^ {4}not ok /.test(line)).length + rust.failed;
const ours = lines.filter((line) => /# SKIP|# SKIPPED:/.test(line)).map((line) => line.trim());
const skipped = [...new Set([...ours, ...rust.skipped])];
// Whatever the reporter made of it: every failure by name, with what was found and what was wanted.
lines.forEach((line, at) => {
  if (!/^ {4,}not ok /.test(line)) return;
  const end = lines.findIndex((other, index) => index > at && /^\s*\.\.\.$/.test(other));
  process.stdout.write(`${lines.slice(at, Math.min(end + 1 || at + 1, at + 40)).join("\n")}\n`);
});
for (const line of skipped) process.stdout.write(`SKIPPED: ${line.replace(/^(.*# SKIP(PED:)?|SKIPPED:)\s*/, "")}\n`);
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
process.exitCode = tapCode || rust.code || (passed === 0 ? 1 : 0);
