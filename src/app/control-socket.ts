/**
 * Where an app's control socket stands, and the guarantee that at most one app answers there.
 * It knows folders, sockets and locks; what is spoken over the socket is the control server's business.
 */

import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync, type Stats } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { ControlError } from "./control-error.js";

/** The kernel's limit on a unix socket's path; longer ones would be cut silently. */
const longestPathBytes = 107;

/** Names the control socket of the app whose root supervisor is `root`. */
export function controlSocketPath(root: string, environment: NodeJS.ProcessEnv = process.env): string {
  const runtime = environment.XDG_RUNTIME_DIR;
  const isUsable = runtime !== undefined && isAbsolute(runtime) && statusOf(runtime)?.isDirectory() === true;
  const folder = isUsable ? join(runtime, "copal") : `/tmp/copal-${ownUid()}`;
  return join(folder, `${root}.sock`);
}

/**
 * Checks that a control socket's folder is a real one, ours, and closed to everybody else.
 *
 * @throws {ControlError} if it is missing, a link, owned by somebody else, or open to group or others; or the path is too long.
 */
export function checkSocketFolder(path: string): void {
  const folder = dirname(path);
  if (Buffer.byteLength(path) > longestPathBytes) {
    const advice = "name a shorter one with --socket PATH";
    throw new ControlError(
      "path",
      `the socket path ${path} has ${Buffer.byteLength(path)} bytes, at most ${longestPathBytes} are possible; ${advice}`,
    );
  }
  const status = statusOf(folder);
  const refuse = (what: string) =>
    new ControlError("folder", `the socket's folder ${folder} ${what}; allowed is a folder of yours with mode 0700`);
  if (status === undefined) throw new ControlError("absent", `the socket's folder ${folder} is not there`);
  if (!status.isDirectory()) throw refuse(status.isSymbolicLink() ? "is a symbolic link" : "is no folder");
  if (status.uid !== ownUid()) throw refuse(`belongs to user ${status.uid}`);
  if ((status.mode & 0o077) !== 0) throw refuse(`has mode 0${(status.mode & 0o777).toString(8)}`);
}

/**
 * Holds the place at `path` for this process: from now until its end no other app can take it.
 *
 * The lock is a unix socket in the kernel's abstract namespace, named after the user and the path, because the kernel itself
 * frees it however its holder dies and gives it to one of two takers that come at once; a lock file does neither. It tells
 * its holder's pid to whoever connects.
 *
 * @throws {ControlError} `running` naming the pid if another app holds the place.
 */
export class SocketPlace {
  readonly path: string;
  readonly #lock: Server;
  #inode: bigint | undefined;

  private constructor(path: string, lock: Server) {
    this.path = path;
    this.#lock = lock;
  }

  static async take(socket: string): Promise<SocketPlace> {
    const path = resolve(socket);
    makeFolder(dirname(path));
    checkSocketFolder(path);
    const name = `\0copal-${createHash("sha256").update(`${ownUid()}:${path}`).digest("hex").slice(0, 40)}`;
    for (let attempt = 0; ; attempt++) {
      const lock = await listenAlone(name);
      if (lock !== undefined) {
        const place = new SocketPlace(path, lock);
        if (!(await place.#isAnswered())) return place;
        // Another network namespace has locks of its own but shares the folder: the socket itself tells.
        lock.close();
        throw new ControlError("running", `${path} is answered by a running app already`);
      }
      const pid = await holderOf(name);
      if (pid !== undefined) throw new ControlError("running", `already running (pid ${pid})`, { pid });
      // The holder went away between the two looks; should somebody hold the name and not speak, say so at last.
      if (attempt === 20)
        throw new ControlError(
          "running",
          `already running: the lock of ${path} is held by a program that does not answer`,
        );
    }
  }

  /**
   * Lets `server` listen at the place, with mode 0600; a socket file without an owner is replaced.
   *
   * The server is bound under a short name beside the place and then moved onto it, so that there is no moment without
   * the right mode and closing it later cannot remove a file that is not ours any more.
   */
  async listen(server: Server): Promise<void> {
    const status = statusOf(this.path);
    if (status !== undefined && !status.isSocket())
      throw new ControlError("folder", `${this.path} is there and is no socket; it was left alone`);
    const own = join(
      dirname(this.path),
      `.${process.pid.toString(36)}`.slice(0, Math.max(2, basename(this.path).length)),
    );
    rmSync(own, { force: true });
    await new Promise<void>((listening, failed) => {
      server.once("error", failed);
      server.listen({ path: own }, listening);
    });
    chmodSync(own, 0o600);
    renameSync(own, this.path);
    this.#inode = lstatSync(this.path, { bigint: true }).ino;
  }

  /** Removes the socket file if it is still ours. The lock stays until this process ends, or {@link release}. */
  remove(): void {
    if (this.#inode === undefined) return;
    try {
      if (lstatSync(this.path, { bigint: true }).ino === this.#inode) rmSync(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    this.#inode = undefined;
  }

  /** Gives the place up. */
  release(): void {
    this.remove();
    this.#lock.close();
  }

  #isAnswered(): Promise<boolean> {
    return new Promise((answered) => {
      const socket = connect({ path: this.path });
      socket.once("connect", () => {
        socket.destroy();
        answered(true);
      });
      socket.once("error", () => answered(false));
    });
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    throw new ControlError("folder", `the socket's folder ${folder} cannot be made: ${code}`, {}, error);
  }
}

/** Listens under an abstract name and tells our pid to whoever connects; undefined when somebody else has the name. */
function listenAlone(name: string): Promise<Server | undefined> {
  return new Promise((listening, failed) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end(`${process.pid}\n`);
    });
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? listening(undefined) : failed(error),
    );
    server.listen({ path: name }, () => listening(server.unref()));
  });
}

function holderOf(name: string): Promise<number | undefined> {
  return new Promise((told) => {
    let text = "";
    const socket = connect({ path: name });
    socket.setTimeout(1_000, () => socket.destroy());
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => told(/^\d+\n$/.test(text) ? Number(text) : undefined));
  });
}

function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function ownUid(): number {
  return process.getuid?.() ?? -1;
}
