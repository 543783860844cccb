/**
 * Runs random trees on the Erlang that is installed: compiles the two modules beside this file's source into a folder of its own,
 * hands over all runs in one file and reads all traces from another. Knows nothing of what is in a trace.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { externalTerm } from "./external-term.js";
import type { Run } from "./tree.js";

/** What happened in one run, a line for each thing. */
export type Trace = readonly string[];

const sources = fileURLToPath(new URL("../../../../test/otp/random/", import.meta.url));
const modules = ["scripted_child.erl", "random_trees.erl"];

/** A live Erlang, one operating-system process for each batch of runs. */
export class Erlang {
  readonly #folder: string;
  #batches = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Tells whether `erl` and `erlc` are on the path. */
  static isInstalled(): boolean {
    const folders = (process.env.PATH ?? "").split(delimiter);
    return ["erl", "erlc"].every((name) => folders.some((folder) => folder !== "" && existsSync(join(folder, name))));
  }

  /** Compiles the modules. Close it to remove what it wrote. @throws {Error} with what `erlc` said if it refuses them. */
  static async prepare(): Promise<Erlang> {
    const folder = await mkdtemp(join(tmpdir(), "copal-otp-random-"));
    const made = new Erlang(folder);
    try {
      await runProgram("erlc", ["-o", folder, ...modules.map((name) => join(sources, name))]);
      return made;
    } catch (thrown) {
      await made.close();
      throw thrown;
    }
  }

  /** Makes every run happen, one after the other, and resolves with their traces. @throws {Error} if Erlang gives up. */
  async run(runs: readonly Run[]): Promise<Trace[]> {
    const batch = this.#batches++;
    const input = join(this.#folder, `runs-${batch}`);
    const output = join(this.#folder, `traces-${batch}`);
    await writeFile(input, externalTerm(runs));
    const main = `random_trees:main(["${input}", "${output}"])`;
    // One scheduler: a second could only spread out work that is done one step at a time.
    await runProgram("erl", ["+S", "1:1", "-noshell", "-pa", this.#folder, "-eval", main]);
    const traces = tracesOf(await readFile(output, "utf8"));
    if (traces.length !== runs.length) throw new Error(`erl gave ${traces.length} traces for ${runs.length} runs`);
    await Promise.all([rm(input), rm(output)]);
    return traces;
  }

  /** Removes the compiled modules and whatever else it wrote. */
  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Each trace is preceded by `= ` and the number of its lines. */
function tracesOf(text: string): Trace[] {
  const lines = text.split("\n");
  const traces: Trace[] = [];
  for (let at = 0; lines[at]?.startsWith("= "); ) {
    const end = at + 1 + Number((lines[at] as string).slice(2));
    traces.push(lines.slice(at + 1, end));
    at = end;
  }
  return traces;
}

function runProgram(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // Its standard input stays open as long as this process lives: the end of it is what ends an Erlang that is left alone.
    const program = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    let said = "";
    for (const stream of [program.stdout, program.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-4_000);
      });
    program.once("error", reject);
    program.once("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ended with ${signal ?? code}: ${said.trim()}`));
    });
  });
}
