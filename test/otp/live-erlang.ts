/**
 * Runs the scenarios' Erlang originals on the Erlang that is installed, compiled into a folder of its own that is removed afterwards.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { SignalScript } from "./random-signals.js";
import { parseResults, programs, type Results } from "./results.js";
import { print, tuple } from "./term.js";

const execute = promisify(execFile);
const helpers: ReadonlySet<string> = new Set(["oracle", "scene", "ow", "random_signals"]);
const limitMs = 300_000;

/** Tells whether `erl` and `erlc` are on the path. */
export function isErlangInstalled(): boolean {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return ["erl", "erlc"].every((program) => folders.some((folder) => existsSync(join(folder, program))));
}

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
  return withPrograms(async (erl, modules) => {
    const only = names === undefined ? {} : { ONLY: names.join(",") };
    const printed = await erl(["-s", "oracle", "main", ...modules.filter((module) => !helpers.has(module))], only);
    const release = await erl(["-eval", 'io:format("~s", [erlang:system_info(otp_release)]), halt().']);
    return { release: release.trim(), results: parseResults(printed) };
  });
}

/** Runs scripts of signals; gives what each came to, printed. Rejects as {@link runOnErlang} does. */
export function signalTracesOnErlang(scripts: readonly SignalScript[]): Promise<string[]> {
  return withPrograms(async (erl, _modules, folder) => {
    const [input, output] = [join(folder, "scripts"), join(folder, "traces")];
    await writeFile(input, scripts.map(({ processes, steps }) => `${print(tuple(processes, steps))}.\n`).join(""));
    await erl(["-eval", `random_signals:main(["${input}", "${output}"])`]);
    return (await readFile(output, "utf8")).trim().split("\n");
  });
}

/** Runs `erl` with some arguments and gives what it printed. */
type Erl = (args: readonly string[], environment?: Readonly<Record<string, string>>) => Promise<string>;

async function withPrograms<T>(use: (erl: Erl, modules: readonly string[], folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "copal-otp-"));
  try {
    const sources = (await readdir(programs)).filter((file) => file.endsWith(".erl"));
    await execute("erlc", ["-o", folder, ...sources.map((file) => join(programs, file))]);
    // One scheduler, as when the results were recorded: what two processes do at once comes in one order.
    const erl: Erl = async (args, environment = {}) => {
      const env = { ...process.env, ...environment };
      const options = { env, timeout: limitMs, maxBuffer: 2 ** 24 };
      return (await execute("erl", ["+S", "1", "-noshell", "-pa", folder, ...args], options)).stdout;
    };
    return await use(
      erl,
      sources.map((file) => file.replace(/\.erl$/, "")),
      folder,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
