// The audit of dependencies: known vulnerabilities where the registry tells them, and what the lock files themselves prove.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";
import { runQuietly } from "./step.mjs";

const allowedLicences =
  /^(MIT|MIT-0|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|CC0-1\.0|CC-BY-[34]\.0|Unlicense|Unicode-3\.0|Zlib|Python-2\.0|Artistic-2\.0)$/;
const problems = [];
const say = (text) => process.stderr.write(`audit: ${text}\n`);

/** Whether an SPDX expression offers a licence that is allowed; `AND` needs all of its parts. */
function isAllowed(expression) {
  const parts = expression.replaceAll(/[()]/g, "").replaceAll(/ WITH [\w.-]+/g, "");
  return parts
    .split(/ OR |\//)
    .some((choice) => choice.split(" AND ").every((licence) => allowedLicences.test(licence.trim())));
}

function auditNpmLock() {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  for (const [path, entry] of Object.entries(packages)) {
    if (path === "") continue;
    if (entry.resolved) problems.push(`package-lock.json: ${path} names a registry's address`);
    if (!entry.integrity && !entry.inBundle) problems.push(`package-lock.json: ${path} has no integrity hash`);
    if (entry.deprecated && !entry.dev) problems.push(`package-lock.json: ${path} is deprecated: ${entry.deprecated}`);
    if (entry.hasInstallScript && !entry.dev)
      problems.push(`package-lock.json: ${path} runs a script when it is installed`);
    // What is only used here, such as the benchmarks' peers, is not shipped to anybody.
    if (!entry.dev && !isAllowed(String(entry.license)))
      problems.push(`package-lock.json: ${path} has the licence ${entry.license}`);
  }
}

async function auditCrates() {
  const cwd = join(root, "native", "resin");
  const { code, output } = await runQuietly(
    "cargo",
    ["metadata", "--locked", "--format-version", "1", "--all-features"],
    { cwd },
  );
  if (code !== 0) return problems.push(`cargo metadata failed: ${output}`);
  const versions = new Map();
  for (const crate of JSON.parse(output.slice(output.indexOf("{"))).packages) {
    if (crate.source === null) continue;
    if (!crate.source.startsWith("registry+")) problems.push(`Cargo.lock: ${crate.name} comes from ${crate.source}`);
    if (!isAllowed(crate.license ?? "none"))
      problems.push(`Cargo.lock: ${crate.name} has the licence ${crate.license}`);
    versions.set(crate.name, [...(versions.get(crate.name) ?? []), crate.version]);
  }
  for (const [name, found] of versions) if (found.length > 1) say(`note: ${name} is there in ${found.join(" and ")}`);
}

/** Known vulnerabilities. A registry that does not answer is said, and does not fail: the lock files were audited all the same. */
async function auditAdvisories() {
  const npm = await runQuietly("npm", ["audit", "--omit=dev", "--json"], { cwd: root });
  try {
    const report = JSON.parse(npm.output.slice(npm.output.indexOf("{"), npm.output.lastIndexOf("}") + 1));
    const total = report.metadata?.vulnerabilities?.total;
    if (total === undefined) throw new Error(report.message ?? report.error?.summary ?? "no answer");
    if (total > 0) problems.push(`npm audit: ${total} known vulnerabilities in what is shipped; run npm audit`);
  } catch (error) {
    say(`SKIPPED: npm's advisories could not be asked (${String(error.message).split("\n")[0]})`);
  }
  const crates = await runQuietly("cargo", ["audit", "--quiet"], { cwd: join(root, "native", "resin") });
  if (/no such command/.test(crates.output))
    say("SKIPPED: Rust's advisories were not asked: cargo-audit is not installed (cargo install cargo-audit)");
  else if (crates.code !== 0 && /error: couldn't fetch|failed to fetch/.test(crates.output))
    say("SKIPPED: Rust's advisories could not be fetched");
  else if (crates.code !== 0) problems.push(`cargo audit: ${crates.output}`);
}

auditNpmLock();
await auditCrates();
await auditAdvisories();
for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length > 0) process.exitCode = 1;
