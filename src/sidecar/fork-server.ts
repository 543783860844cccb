/**
 * Runs the one `resin fork-server` of this Node process and tells where it listens. Node itself forks only here, once: every process after
 * that costs Node a connection, whatever its own size. Does not know what goes over those connections.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fstatSync } from "node:fs";
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { isMainThread } from "node:worker_threads";
import { SidecarError, UnsupportedError } from "../errors.js";
import { PROTOCOL_VERSIONS } from "../wire/messages.js";
import { resinPath } from "./binary.js";
import { closeIdle } from "./idle-sidecars.js";
import type { SidecarHost } from "./sidecar-host.js";
import { warmUp } from "./warm-up.js";

/** What the fork server says of itself in its first line (docs/protocol.md section 1). */
interface Announcement {
  resin: string;
  versions: [number, number];
  socket: string;
  pid: number;
}

let current: Promise<ForkServer> | undefined;

/**
 * Gives the running fork server, starting one if none is running.
 *
 * @throws {SidecarError} stage `find` or `start` if `resin` is missing or does not run, `hello` if it speaks no protocol version of ours.
 */
export function forkServer(): Promise<ForkServer> {
  current ??= ForkServer.start().catch((error: unknown) => {
    current = undefined;
    throw error;
  });
  return current;
}

/**
 * Ends the fork server, if one runs, and resolves when it is gone: for a program that wants to leave nothing behind, not even for a moment.
 * Sidecars that hold a process are ended first, as if their owner were gone. The next start makes a new one.
 */
export async function closeForkServer(): Promise<void> {
  const server = await current?.catch(() => undefined);
  await server?.close();
}

/** A fork server that listens; it ends by itself when this Node process does and everything it held is gone. */
export class ForkServer implements SidecarHost {
  readonly #child: ChildProcess;
  readonly #swept = new Set<number>();
  readonly #waiting = new Map<number, () => void>();
  #isRunning = true;
  #isClosing = false;
  /** What `net.connect` takes: an abstract socket's name, which leaves no file behind whoever is killed. */
  readonly path: string;
  /** Its process id. */
  readonly osPid: number;

  private constructor(child: ChildProcess, announcement: Announcement, lines: LineReader) {
    this.#child = child;
    this.path = `\0${announcement.socket}`;
    this.osPid = announcement.pid;
    child.once("exit", () => this.#end());
    lines.onLine = (line) => this.#note(line);
    child.unref();
    (child.stdin as Socket).unref();
    this.#holdNode();
  }

  static async start(): Promise<ForkServer> {
    if (!isMainThread)
      throw new UnsupportedError("a process started outside the main thread is not supported yet", {
        feature: "thread",
      });
    const path = resinPath();
    // Its own session, else Ctrl-C would end it before what it holds. Its standard input is the life line.
    // Descriptors 3 to 5 are our own standard streams, for processes that inherit them.
    const child = spawn(path, ["fork-server", "--stdio"], {
      detached: true,
      stdio: ["pipe", "pipe", "inherit", ...[0, 1, 2].map(ownOrNothing)],
      cwd: "/",
      env: {},
    });
    (child.stdin as Writable).on("error", () => {});
    const lines = new LineReader(child.stdout as Readable);
    const announcement = await new Promise<Announcement>((resolve, reject) => {
      const fail = (what: string, cause?: unknown) =>
        reject(new SidecarError(`${path} ${what}`, { stage: "start", path }, { cause }));
      child.once("error", (cause) => fail(`cannot be run: ${(cause as NodeJS.ErrnoException).code}`, cause));
      child.once("exit", (code, signal) => fail(`ended before it listened, with ${signal ?? `code ${code}`}`));
      lines.onLine = (line) => {
        try {
          resolve(JSON.parse(line) as Announcement);
        } catch (cause) {
          fail(`is not resin: its first line is ${JSON.stringify(line.slice(0, 80))}`, cause);
        }
      };
    }).catch((error: unknown) => {
      putAway(child);
      throw error;
    });
    const [min, max] = announcement.versions;
    if (min > PROTOCOL_VERSIONS[1] || max < PROTOCOL_VERSIONS[0]) {
      putAway(child);
      throw new SidecarError(
        `${path} ${announcement.resin} speaks protocol ${min} to ${max}, this Copal ${PROTOCOL_VERSIONS.join(" to ")}; build them from one source`,
        { stage: "hello", path },
      );
    }
    warmUp();
    return new ForkServer(child, announcement, lines);
  }

  /** Whether it was still running when last heard of. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Forgets this server, so that the next start makes a new one; processes it held go on. */
  abandon(): void {
    this.#end();
  }

  /** Lets go of its life line and waits for its end, which is when everything it held is gone. */
  async close(): Promise<void> {
    this.abandon();
    closeIdle();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#isClosing = true;
    this.#holdNode();
    this.#child.stdin?.destroy();
    await ended;
  }

  /**
   * Resolves when everything that a sidecar killed with SIGKILL had left behind is dead: at once where the fork server has said so or is
   * itself gone. Sidecars that end in good order are not announced: ask only after losing one.
   */
  swept(sidecarPid: number): Promise<void> {
    if (!this.#isRunning || this.#swept.delete(sidecarPid)) return Promise.resolve();
    const swept = new Promise<void>((resolve) => this.#waiting.set(sidecarPid, resolve));
    this.#holdNode();
    return swept;
  }

  /** A sidecar of this pid lives: what was said of an earlier one that had it no longer counts. */
  greeted(sidecarPid: number): void {
    this.#swept.delete(sidecarPid);
  }

  #note(line: string): void {
    const { swept } = JSON.parse(line) as { swept: number };
    const resolve = this.#waiting.get(swept);
    this.#waiting.delete(swept);
    if (resolve) resolve();
    else this.#swept.add(swept);
    this.#holdNode();
  }

  /** Only somebody who waits, for an announcement or for the end, keeps Node running: a process does so by its own connection. */
  #holdNode(): void {
    const holds = this.#isClosing || this.#waiting.size > 0;
    const announcements = this.#child.stdout as Socket;
    // Its end counts as an announcement too, and is known only after its output has ended.
    for (const handle of [announcements, this.#child]) {
      if (holds) handle.ref();
      else handle.unref();
    }
  }

  #end(): void {
    this.#isRunning = false;
    void current?.then((server) => {
      if (server === this) current = undefined;
    });
    for (const resolve of this.#waiting.values()) resolve();
    this.#waiting.clear();
    if (this.#child.exitCode === null && this.#child.signalCode === null) return;
    this.#child.stdout?.destroy();
    this.#child.stdin?.destroy();
  }
}

/** Ends a program that turned out to be no fork server of ours, with whatever it started in its session. */
function putAway(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}

/** A descriptor of this process to hand on; nothing where the program has closed it. */
function ownOrNothing(fd: number): number | "ignore" {
  try {
    fstatSync(fd);
    return fd;
  } catch {
    return "ignore";
  }
}

/** Cuts the announcements of a fork server into lines. */
class LineReader {
  #partial = "";
  onLine: (line: string) => void = () => {};

  constructor(stream: Readable) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      const lines = (this.#partial + text).split("\n");
      this.#partial = lines.pop() as string;
      for (const line of lines) this.onLine(line);
    });
  }
}
