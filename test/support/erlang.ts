/**
 * The Erlang that is installed, and programs compiled for it into a folder of their own. Knows nothing of what they are for.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";

/** No program of ours runs for longer. */
const LIMIT_MS = 300_000;

/** Tells whether `erl` and `erlc` are on the path. */
export function isErlangInstalled(): boolean {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return ["erl", "erlc"].every((name) => folders.some((folder) => folder !== "" && existsSync(join(folder, name))));
}

/** Compiled modules, until they are closed. */
export class ErlangPrograms {
  /** Where the compiled modules are; what a program writes may go there too. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Compiles `sources`. @throws {Error} with what `erlc` said if it refuses them. */
  static async compile(sources: readonly string[]): Promise<ErlangPrograms> {
    const made = new ErlangPrograms(await mkdtemp(join(tmpdir(), "copal-erlang-")));
    try {
      await runProgram("erlc", ["-o", made.folder, ...sources]);
      return made;
    } catch (thrown) {
      await made.close();
      throw thrown;
    }
  }

  /**
   * Runs `erl` with these words and gives what it printed. On one scheduler, so that what two of its processes do at once comes in one order.
   *
   * @throws {Error} with what it said if it does not end with 0, or within five minutes.
   */
  erl(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<string> {
    return runProgram("erl", ["+S", "1:1", "-noshell", "-pa", this.folder, ...words], environment);
  }

  /** Removes the folder. */
  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function runProgram(
  command: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  // Its standard input stays open as long as this process lives: the end of it is what ends an Erlang that is left alone.
  const program = spawn(command, words, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...environment },
    timeout: LIMIT_MS,
  });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    program.once("error", reject);
    program.once("close", (code, signal) => resolve(signal ?? code));
  });
  const [printed, said, end] = await Promise.all([text(program.stdout), text(program.stderr), ended]);
  if (end !== 0) throw new Error(`${command} ended with ${end}: ${(printed + said).slice(-4_000).trim()}`);
  return printed;
}
