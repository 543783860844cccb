/**
 * A running Erlang that has the peers of a benchmark: compiled for the run, asked a line at a time, gone with it.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const sources = fileURLToPath(new URL("../../bench/erlang", import.meta.url));

/** One Erlang node. */
export class Erlang {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.#lines = createInterface({ input: child.stdout as Readable })[Symbol.asyncIterator]();
  }

  /** Compiles `modules` into a folder of their own and runs the `main` of the first, which says when it is ready. Rejects, saying what to install, where there is none. */
  static async start(modules: readonly string[], flags: readonly string[]): Promise<Erlang> {
    const folder = mkdtempSync(join(tmpdir(), "copal-bench-"));
    try {
      await promisify(execFile)("erlc", ["-o", folder, ...modules.map((name) => join(sources, `${name}.erl`))]);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      throw new Error("erlc is not installed (Debian: apt-get install erlang-base erlang-dev)");
    }
    const child = spawn("erl", [...flags, "-noshell", "-pa", folder, "-eval", `${modules[0]}:main().`], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const erlang = new Erlang(child, folder);
    await erlang.#line();
    return erlang;
  }

  /** Sends a line and resolves with the numbers of the next one that comes back. */
  async ask(line: string): Promise<number[]> {
    (this.#child.stdin as Writable).write(`${line}\n`);
    return (await this.#line()).split(" ").map(Number);
  }

  end(): void {
    this.#child.stdin?.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("erlang ended before it answered");
    return value;
  }
}
