/**
 * Runs the scenarios' Erlang originals on the Erlang that is installed.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ErlangPrograms } from "../support/erlang.js";
import type { SignalScript } from "./random-signals.js";
import { parseResults, programs, type Results } from "./results.js";
import { print, tuple } from "./term.js";

const helpers: ReadonlySet<string> = new Set(["oracle", "scene", "ow", "random_signals"]);

/** What the live Erlang printed. */
export interface LiveResults {
  /** Its release, such as `"25"`. */
  readonly release: string;
  readonly results: Results;
}

/**
 * Runs the originals of the scenarios `names`, all unless given, in real time: about 30 seconds for all.
 *
 * Rejects if a program does not compile or does not end in five minutes.
 */
export function runOnErlang(names?: readonly string[]): Promise<LiveResults> {
  return withPrograms(async (erlang, modules) => {
    const only = names === undefined ? {} : { ONLY: names.join(",") };
    const printed = await erlang.erl(
      ["-s", "oracle", "main", ...modules.filter((module) => !helpers.has(module))],
      only,
    );
    const release = await erlang.erl(["-eval", 'io:format("~s", [erlang:system_info(otp_release)]), halt().']);
    return { release: release.trim(), results: parseResults(printed) };
  });
}

/** Runs scripts of signals; gives what each came to, printed. Rejects as {@link runOnErlang} does. */
export function signalTracesOnErlang(scripts: readonly SignalScript[]): Promise<string[]> {
  return withPrograms(async (erlang) => {
    const [input, output] = [join(erlang.folder, "scripts"), join(erlang.folder, "traces")];
    await writeFile(input, scripts.map(({ processes, steps }) => `${print(tuple(processes, steps))}.\n`).join(""));
    await erlang.erl(["-eval", `random_signals:main(["${input}", "${output}"])`]);
    return (await readFile(output, "utf8")).trim().split("\n");
  });
}

async function withPrograms<T>(use: (erlang: ErlangPrograms, modules: readonly string[]) => Promise<T>): Promise<T> {
  const sources = (await readdir(programs)).filter((file) => file.endsWith(".erl"));
  const erlang = await ErlangPrograms.compile(sources.map((file) => join(programs, file)));
  try {
    return await use(
      erlang,
      sources.map((file) => file.replace(/\.erl$/, "")),
    );
  } finally {
    await erlang.close();
  }
}
