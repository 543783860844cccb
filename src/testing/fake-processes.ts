/**
 * Processes that are none, for tests of actors that hold processes: each program is a script in the test, reached over the real protocol and a real
 * socket, without resin and without anything started. Fakes stand in for the process actors of one runtime; `run`, `lines` and `open` still start
 * real ones.
 */
import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:net";
import { basename } from "node:path";
import { type Clock, systemClock } from "../actors/clock.js";
import type { SidecarHost } from "../sidecar/sidecar-host.js";
import type { FakeProcess } from "./fake-process.js";
import { FakeSidecar, type FakeStartFailure } from "./fake-sidecar.js";

/** What a fake process does; called when it has started. What it throws ends the process with code 255 and fails {@link FakeProcesses.close}. */
export type FakeScript = (process: FakeProcess) => unknown;

/** Which processes a script is for: those of a program (its name, or its path), or whatever a function says. */
export type FakeMatch = string | ((process: FakeProcess) => boolean);

/** What a start fails with; each field has a default: a program that is not there. */
export type FakeFailure = Partial<FakeStartFailure>;

interface Rule {
  readonly match: FakeMatch;
  readonly script: FakeScript | undefined;
  readonly failure: FakeStartFailure | undefined;
}

/** Linux gives no process a number as high as this. */
const firstPid = 2 ** 22 + 1;
/** An abstract socket's name is always the longest there is, since some libraries fill shorter ones up. */
const nameBytes = 107;

/** Makes fake processes: `virtualTime({ processes })`, or `start(tree, { sidecars: processes })` in real time. Close them at the end. */
export function fakeProcesses(): FakeProcesses {
  return new FakeProcesses();
}

/** The fake processes of one test; made by {@link fakeProcesses}. */
export class FakeProcesses implements SidecarHost, AsyncDisposable {
  /** What delays and graces are reckoned by; `virtualTime` sets its own. */
  clock: Clock = systemClock;
  /** Every process that has started, in order. */
  readonly started: FakeProcess[] = [];
  /** Its sidecars serve one life each. */
  readonly isRunning = false;
  readonly #rules: Rule[] = [];
  readonly #failures: unknown[] = [];
  readonly #connections = new Set<FakeSidecar>();
  readonly #name = `\0copal-fake-${randomUUID()}`.padEnd(nameBytes + 1, "-");
  #server: Server | undefined;
  #activity = 0;
  #lastPid = firstPid;

  /** Scripts the processes that match; of several scripts the one given last counts. A process without any fails to start with `ENOENT`. */
  on(match: FakeMatch, script: FakeScript = () => {}): this {
    this.#rules.unshift({ match, script, failure: undefined });
    return this;
  }

  /** Lets the starts of the processes that match fail, until another script is given. */
  failStart(match: FakeMatch, failure: FakeFailure = {}): this {
    const { stage = "exec", code = "ENOENT", errno = 2, message = "No such file or directory" } = failure;
    this.#rules.unshift({ match, script: undefined, failure: { stage, code, errno, message } });
    return this;
  }

  /**
   * Gives the process of this program that started last.
   *
   * @throws {Error} if none has.
   */
  latest(match: FakeMatch): FakeProcess {
    const found = this.started.findLast((process) => isMatch(match, process));
    if (!found) throw new Error(`no process ${String(match)} has started`);
    return found;
  }

  /** The processes that run now, in the order of their starts. */
  get running(): readonly FakeProcess[] {
    return this.started.filter(({ isRunning }) => isRunning);
  }

  /** How much has gone back and forth: while it grows, something is going on. */
  get activity(): number {
    return this.#activity;
  }

  /** Where the next connection goes to. */
  get path(): string {
    this.#activity++;
    this.#server ??= this.#listen();
    return this.#name;
  }

  /**
   * Takes all of them away, as if their sidecars were lost.
   *
   * @throws the first error that a script threw.
   */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.end();
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise((resolve) => server.close(resolve));
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  abandon(): void {}

  greeted(): void {}

  /** A lost fake leaves nothing behind. */
  swept(): Promise<void> {
    return Promise.resolve();
  }

  #listen(): Server {
    const server = createServer((socket) => {
      this.#activity++;
      const connection: FakeSidecar = new FakeSidecar(
        {
          clock: this.clock,
          nextPid: () => ++this.#lastPid,
          failureOf: (process) => this.#failureOf(process),
          started: (process) => this.#begin(process),
          stirred: () => {
            this.#activity++;
          },
        },
        socket,
      );
      this.#connections.add(connection);
      socket.once("close", () => this.#connections.delete(connection));
    });
    server.listen(this.#name);
    return server.unref();
  }

  #failureOf(process: FakeProcess): FakeStartFailure | undefined {
    const rule = this.#rules.find(({ match }) => isMatch(match, process));
    if (rule) return rule.failure;
    return { stage: "exec", code: "ENOENT", errno: 2, message: `no fake process is scripted for ${process.argv[0]}` };
  }

  #begin(process: FakeProcess): void {
    this.started.push(process);
    const script = this.#rules.find(({ match }) => isMatch(match, process))?.script;
    void (async () => script?.(process))().catch((error: unknown) => {
      this.#failures.push(error);
      process.stderr(`the script of ${process.program} failed: ${String(error)}\n`);
      process.exit(255);
    });
  }
}

function isMatch(match: FakeMatch, process: FakeProcess): boolean {
  if (typeof match === "function") return match(process);
  return process.argv[0] === match || basename(process.argv[0] ?? "") === match;
}
