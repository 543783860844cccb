/**
 * Results of the Erlang programs: where they are recorded, and how they are read. Two lines each: a name, and a term behind four blanks.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The printed term of every scenario, by its name. */
export type Results = ReadonlyMap<string, string>;

/** Where the Erlang programs and their recorded results are. */
export const programs = fileURLToPath(new URL("../../../test/otp/erlang/", import.meta.url));

/** Reads what a program printed. @throws {Error} if a line does not fit. */
export function parseResults(text: string): Results {
  const results = new Map<string, string>();
  const lines = text.split("\n").filter((line) => line !== "");
  for (let at = 0; at < lines.length; at += 2) {
    const [name = "", term = ""] = [lines[at], lines[at + 1]];
    if (!/^s_\d+_\w+$/.test(name) || !term.startsWith("    ")) throw new Error(`not a result: ${name} ${term}`);
    results.set(name, term.trim());
  }
  return results;
}

/** What OTP 25.2.3 printed. */
export function recordedResults(): Results {
  const files = readdirSync(programs).filter((file) => file.endsWith(".otp25.2.3.txt"));
  return parseResults(files.map((file) => readFileSync(`${programs}${file}`, "utf8")).join("\n"));
}
