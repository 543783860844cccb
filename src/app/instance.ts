/**
 * One running app, from its config to its exit code: takes its socket, starts its tree, and ends it however the end comes.
 * It knows the order of a start and of an end; what a person sees of it is told to an observer.
 */

import { isCopalError } from "../errors.js";
import { formatExit } from "../exit.js";
import { closeForkServer } from "../sidecar/fork-server.js";
import { formatExhaustion } from "../supervisor/snapshot.js";
import type { ConfigSource } from "./config-source.js";
import { ControlServer } from "./control-server.js";
import { controlSocketPath, SocketPlace } from "./control-socket.js";
import type { StopRequests } from "./stop-requests.js";
import { planSource, type RootEnd, type Tree } from "./tree.js";

/** Is told what happens, in this order; `failed` instead of whatever would come next. */
export interface InstanceObserver {
  /** The socket is taken and answers; nothing has started yet. */
  starting(tree: Tree, socketPath: string): void;
  /** Every child is up. */
  started(tree: Tree, socketPath: string): void;
  /** Something asked for the end. */
  stopping(tree: Tree): void;
  /** Why it ends with an exit code other than 0, a sentence on each line. */
  failed(message: string): void;
}

/** What to run. */
export interface InstanceOptions {
  readonly source: ConfigSource;
  /** Default: the place that the root's id names. */
  readonly socketPath: string | undefined;
  readonly requests: StopRequests;
  readonly observer: InstanceObserver;
  /** Copal's version, for `version`. */
  readonly version: string;
}

/**
 * Runs an app until it ends and gives the exit code; nothing of the tree is left by then.
 *
 * 0 after a request to stop, 130 after a second Ctrl-C, 1 when a child did not start or the root gave up.
 *
 * @throws {ConfigError} if the config is wrong; nothing was started.
 * @throws {ControlError} if the socket's place is taken or cannot be used; nothing was started.
 */
export async function runInstance(options: InstanceOptions): Promise<number> {
  const { requests, source } = options;
  const tree = await planSource(source);
  const place = await SocketPlace.take(options.socketPath ?? controlSocketPath(tree.id));
  const about = { copal: options.version, pid: process.pid, root: tree.id, config: source.file, node: process.version };
  const server = new ControlServer({ tree, about, down: () => requests.request("down") });
  try {
    await place.listen(server.http);
    options.observer.starting(tree, place.path);
    return await runTree(tree, place.path, options);
  } finally {
    await closeForkServer();
    await server.announceStopped();
    server.close();
    place.remove();
  }
}

async function runTree(tree: Tree, socketPath: string, { requests, observer }: InstanceOptions): Promise<number> {
  const killed = whenAborted(requests.kill).then(() => tree.kill());
  try {
    await tree.start(requests.stop);
  } catch (error) {
    // A start that was asked to stop has unwound; so has one that failed by itself.
    if (requests.kill.aborted) await killed;
    if (requests.cause === undefined || isCopalError(error, "ERR_CONFIG")) {
      if (isCopalError(error, "ERR_CONFIG")) throw error;
      observer.failed(startFailure(tree, error));
      return 1;
    }
    return exitCode(requests);
  }
  if (!requests.stop.aborted) observer.started(tree, socketPath);
  const end = await Promise.race([tree.ended, whenAborted(requests.stop)]);
  if (end !== undefined) {
    observer.failed(rootEnd(tree, end));
    return 1;
  }
  observer.stopping(tree);
  await Promise.race([tree.stop(), killed]);
  if (requests.kill.aborted) await killed;
  return exitCode(requests);
}

function exitCode(requests: StopRequests): number {
  if (requests.kill.aborted) return 130;
  return requests.cause === "error" ? 1 : 0;
}

/** Says which child did not start, at which stage, and with which errno. */
function startFailure(tree: Tree, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!isCopalError(error, "ERR_START")) return `${tree.id} did not start: ${message}`;
  const { reason } = error;
  if (typeof reason !== "object" || !("startFailed" in reason)) return message;
  const { child = tree.id, stage, code, errno, message: text } = reason.startFailed;
  const number = errno === undefined ? "" : ` (errno ${errno})`;
  return `${child} did not start: ${stage}${code === undefined ? "" : ` ${code}`}${number}: ${text}; everything that had started was stopped again`;
}

/** Says why the root ended: which child, how often, its last exit, and which field to change. */
function rootEnd(tree: Tree, end: RootEnd): string {
  if (end.exhaustion === undefined) return `${tree.id} ended by itself: ${formatExit(end.reason)}`;
  let innermost = end.exhaustion;
  while (innermost.lastExit.exhaustion !== undefined) innermost = innermost.lastExit.exhaustion;
  const { child, path, attempts } = innermost;
  const howOften =
    attempts === undefined
      ? `\`intensity\` of ${path} says how often it may be restarted`
      : `\`backoff.attempts\` of ${child} says how often it may fail in a row`;
  const advice = `look at why ${child} ends; ${howOften}, \`restart\` of ${child} whether`;
  return [...formatExhaustion(end.exhaustion), advice].join("\n");
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
