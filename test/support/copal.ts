/**
 * Runs the `copal` command as a person does: as a process of its own, in a folder of the test's, with everything it causes marked in its environment.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { eventually } from "#src/testing/eventually.js";
import { privateFolder } from "./private-folder.js";
import { processesMarked } from "./proc.js";

/** The executable. */
export const copalBin = join(process.cwd(), "bin", "copal.js");

/** What a command printed and how it ended. */
export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `copal up`. */
export interface RunningUp {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
}

/** A folder with a config, and the commands that a person would give there. */
export class CopalFolder {
  readonly folder: string;
  readonly #environment: NodeJS.ProcessEnv;
  /** `NAME=value` in the environment of everything that is started here. */
  readonly mark: string;

  constructor(t: Test, files: Readonly<Record<string, string>>) {
    this.folder = privateFolder(t);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, name), text);
    const id = randomUUID();
    this.mark = `COPAL_TEST_MARK=${id}`;
    this.#environment = { ...process.env, COPAL_TEST_MARK: id, XDG_RUNTIME_DIR: this.folder };
    for (const name of Object.keys(this.#environment))
      if (/^(TAP|NODE_OPTIONS|NODE_V8)/.test(name)) delete this.#environment[name];
    // A test that failed half-way leaves nothing running either.
    t.teardown(() => {
      for (const { osPid } of processesMarked(this.mark)) {
        try {
          process.kill(osPid, "SIGKILL");
        } catch {}
      }
    });
  }

  get environment(): NodeJS.ProcessEnv {
    return this.#environment;
  }

  /** Runs a command to its end. */
  run(...args: readonly string[]): Promise<Finished> {
    return this.#spawn([copalBin, ...args]).finished;
  }

  /** Starts `copal up` and waits until its tree is drawn. */
  async up(...args: readonly string[]): Promise<RunningUp> {
    const running = this.start(...args);
    await eventually(() => running.stdout().includes("socket ") || running.child.exitCode !== null, {
      timeoutMs: 30_000,
    });
    return running;
  }

  /** Starts `copal up` and does not wait. */
  start(...args: readonly string[]): RunningUp {
    return this.#spawn([copalBin, "up", ...args]);
  }

  /** Starts `copal logs -f`. */
  follow(...ids: readonly string[]): RunningUp {
    return this.#spawn([copalBin, "logs", "-f", ...ids]);
  }

  /** The rows of `ps --json`. */
  async ps(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const { stdout, stderr, code } = await this.run("ps", "--json");
    if (code !== 0) throw new Error(`ps failed: ${stderr}`);
    return JSON.parse(stdout);
  }

  /** What the kernel still runs of all that was started here. */
  left(): readonly { readonly osPid: number; readonly name: string }[] {
    return processesMarked(this.mark);
  }

  #spawn(args: readonly string[]): RunningUp {
    const child = spawn(process.execPath, [...args], {
      cwd: this.folder,
      env: this.#environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const text = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (chunk: string) => {
        text[stream] += chunk;
      });
    }
    const finished = new Promise<Finished>((resolve) => {
      child.on("close", (code, signal) => resolve({ code, signal, ...text }));
    });
    return { child, finished, stdout: () => text.stdout, stderr: () => text.stderr };
  }
}
