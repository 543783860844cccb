/**
 * Runs random trees on the Erlang that is installed: compiles the two modules beside this file's source into a folder of its own,
 * hands over all runs in one file and reads all traces from another. Knows nothing of what is in a trace.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ErlangPrograms } from "../../support/erlang.js";
import { externalTerm } from "./external-term.js";
import type { Run } from "./tree.js";

/** What happened in one run, a line for each thing. */
export type Trace = readonly string[];

const sources = fileURLToPath(new URL("../../../../test/otp/random/", import.meta.url));
const modules = ["scripted_child.erl", "random_trees.erl"];

/** A live Erlang, one operating-system process for each batch of runs. */
export class Erlang {
  readonly #programs: ErlangPrograms;
  #batches = 0;

  private constructor(compiled: ErlangPrograms) {
    this.#programs = compiled;
  }

  /** Compiles the modules. Close it to remove what it wrote. @throws {Error} with what `erlc` said if it refuses them. */
  static async prepare(): Promise<Erlang> {
    return new Erlang(await ErlangPrograms.compile(modules.map((name) => join(sources, name))));
  }

  /** Makes every run happen, one after the other, and resolves with their traces. @throws {Error} if Erlang gives up. */
  async run(runs: readonly Run[]): Promise<Trace[]> {
    const batch = this.#batches++;
    const input = join(this.#programs.folder, `runs-${batch}`);
    const output = join(this.#programs.folder, `traces-${batch}`);
    await writeFile(input, externalTerm(runs));
    await this.#programs.erl(["-eval", `random_trees:main(["${input}", "${output}"])`]);
    const traces = tracesOf(await readFile(output, "utf8"));
    if (traces.length !== runs.length) throw new Error(`erl gave ${traces.length} traces for ${runs.length} runs`);
    await Promise.all([rm(input), rm(output)]);
    return traces;
  }

  /** Removes the compiled modules and whatever else it wrote. */
  close(): Promise<void> {
    return this.#programs.close();
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
