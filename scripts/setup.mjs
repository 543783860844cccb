// The whole set-up: packages, resin, TypeScript. Each step says what it does and is skipped when nothing changed.
import "./platform.mjs";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { fail, run, runQuietly } from "./step.mjs";

export const root = fileURLToPath(new URL("..", import.meta.url));
const say = (text) => process.stderr.write(`copal: ${text}\n`);
const at = (...parts) => join(root, ...parts);

/** Brings everything up to date; with `tests`, the tests and benchmarks too. */
export async function setup({ tests = false } = {}) {
  await installPackages();
  await buildResin();
  await compile(tests);
}

async function installPackages() {
  // npm leaves no trace of which lock file it installed from, so the set-up does.
  const stamp = at("node_modules", ".copal-lock");
  const lock = createHash("sha256")
    .update(readFileSync(at("package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  say("installing packages (npm ci)");
  const npm = process.env.npm_execpath ? [process.execPath, [process.env.npm_execpath]] : ["npm", []];
  const code = await run(npm[0], [...npm[1], "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    // A command that prints JSON may be what this set-up is for.
    stdio: ["inherit", 2, 2],
  });
  if (code !== 0) fail("npm ci failed; its message is above");
  writeFileSync(stamp, lock);
}

async function buildResin() {
  const built = at("native", "resin", "target", "release", "resin");
  const found = await runQuietly("cargo", ["--version"]).catch(() => undefined);
  if (found?.code !== 0) {
    fail(
      "cargo was not found, and resin, the sidecar, is built with Rust: install it with `curl --proto '=https' -sSf https://sh.rustup.rs | sh`",
    );
  }
  if (!existsSync(built)) say("building resin (cargo build --release --locked), which takes a minute the first time");
  const before = existsSync(built) ? statSync(built).mtimeMs : 0;
  const { code, output } = await runQuietly("cargo", ["build", "--release", "--locked", "--workspace"], {
    cwd: at("native", "resin"),
  });
  if (code !== 0) {
    process.stderr.write(output);
    fail("cargo build failed; its message is above");
  }
  if (before !== 0 && statSync(built).mtimeMs !== before) say("built resin anew");
}

async function compile(tests) {
  const projects = tests ? [".", "test", "bench"] : ["."];
  if (!existsSync(at("dist", "index.js"))) say("compiling TypeScript (tsc)");
  const tsc = at("node_modules", "typescript", "bin", "tsc");
  const { code, output } = await runQuietly(process.execPath, [tsc, "-b", ...projects], { cwd: root });
  if (code !== 0) {
    process.stderr.write(output);
    // A half-built dist must not pass for a whole one at the next start.
    rmSync(at("dist", ".tsbuildinfo"), { force: true });
    fail("tsc failed; its message is above");
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await setup({ tests: process.argv.includes("--tests") });
  say("everything is up to date");
}
