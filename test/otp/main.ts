/**
 * `npm run otp:conformance [-- --json]`: compares, prints what came of it, and exits with 1 if anything differs that is not meant to.
 */

import { isErlangInstalled } from "../support/erlang.js";
import { type Conformance, compare, liveResults } from "./conformance.js";
import { scenarios } from "./scenarios/all.js";

const options = process.argv.slice(2);
const unknown = options.filter((option) => option !== "--json");
if (unknown.length > 0) {
  process.stderr.write(`copal: otp:conformance knows --json, not ${unknown.join(" ")}\n`);
  process.exit(2);
}
const live = isErlangInstalled() ? await liveResults() : undefined;
const report = await compare(scenarios, live);
process.stdout.write(options.includes("--json") ? `${JSON.stringify(report, undefined, 2)}\n` : inWords(report));
process.exitCode = report.differ.length === 0 ? 0 : 1;

function inWords({ compared, same, intended, differ, live: release }: Conformance): string {
  const against = release === null ? "the record of OTP 25.2.3" : `the record of OTP 25.2.3 and a live OTP ${release}`;
  const lines = [
    `${compared} scenarios compared with ${against}: ${same} the same, ${intended.length} meant to differ, ${differ.length} different`,
  ];
  for (const { scenario, why, otp, copal } of intended)
    lines.push("", `meant: ${scenario}`, `  why   ${why}`, `  OTP   ${otp}`, `  Copal ${copal}`);
  for (const { scenario, source, otp, copal } of differ)
    lines.push("", `DIFFERENT: ${scenario}`, `  ${source}`, `  OTP   ${otp}`, `  Copal ${copal}`);
  return `${lines.join("\n")}\n`;
}
