/**
 * The types of a supervision tree as a person writes it, in every form of the config and in the API.
 * They describe the shape; what is checked, and the sentences of the errors, stand in the schema beside this file.
 */

import type { Actor } from "../actors/actor.js";
import type { ActorRef } from "../ref.js";
import type { ResourceLimits } from "../sidecar/resource-limits.js";
import type { RlimitName, SpawnOptions } from "../sidecar/spawn-options.js";
import type { PtyOptions } from "../sidecar/start-options.js";
import type { AutoShutdown, Strategy } from "../supervisor/strategy.js";

/** Milliseconds, or a number with a unit: `"200ms"`, `"5s"`, `"1m"`, `"2h"`. */
export type Duration = number | string;

/** When a child is started again after its end: OTP's words, and those of container tools. */
export type RestartWord = "permanent" | "transient" | "temporary" | "always" | "on-failure" | "no";

/** How a child is retried; what is left out is as shown. */
export interface BackoffInput {
  /** The first wait. Default 200ms. */
  initial?: Duration | undefined;
  /** The longest wait. Default 30s. */
  max?: Duration | undefined;
  /** What each wait is multiplied with. Default 2. */
  factor?: number | undefined;
  /** How far a wait may be off, as a part of itself. Default 0.2. */
  jitter?: number | undefined;
  /** After running this long it starts afresh. Default 60s. */
  resetAfter?: Duration | undefined;
  /** After so many failures in a row its supervisor gives up. Default unlimited. */
  attempts?: number | "unlimited" | undefined;
}

/** What any child may say. */
export interface AnyChild {
  /** Default `permanent`; `always` is `permanent`, `on-failure` is `transient`, `no` is `temporary`. */
  restart?: RestartWord | undefined;
  /**
   * How long the child has to end when its supervisor asks; then it is killed. Default 5s; supervisors `infinity`;
   * processes their stop plan plus 1s.
   */
  shutdown?: Duration | "infinity" | "brutal_kill" | undefined;
  /** Whether its end counts for the supervisor's `autoShutdown`; not for a permanent child. Default false. */
  significant?: boolean | undefined;
  /** Retries the child after growing waits, and counts it in no window. Default none: restarted at once, as OTP. */
  backoff?: BackoffInput | undefined;
  /** Keys that begin with `x-` are yours: Copal never reads them. */
  [own: `x-${string}`]: unknown;
}

/** Memory for JavaScript objects: bytes, `64M` (from 16M), or old and young objects apart. Default: Node's. */
export type HeapInput = number | string | { old?: number | string | undefined; young?: number | string | undefined };

/** Where a supervisor or an actor lives. */
export interface PlacedChild extends AnyChild {
  /**
   * The thread that runs the tree, one of a few shared ones, or one of its own. Default: the thread of its supervisor, or of the actor that
   * starts it. Not `main`: an actor only with `module`.
   */
  thread?: "main" | "pool" | "own" | undefined;
  /** Of its own thread. Only with `thread: own`. */
  heap?: HeapInput | undefined;
  /** Stack of its own thread, from 1M to 1G. Default: Node's, 4M. Only with `thread: own`. */
  stack?: number | string | undefined;
}

/** The threads that actors with `thread: pool` share. */
export interface PoolInput {
  /** How many at most, from 1 to 64. Default: one fewer than there are cores, from 1 to 8. */
  size?: number | undefined;
  /** Of each thread. */
  heap?: HeapInput | undefined;
  /** Of each thread, from 1M to 1G. */
  stack?: number | string | undefined;
}

/** A supervisor: the root of every tree, and any inner node. */
export interface SupervisorChild extends PlacedChild {
  /** The id: `[A-Za-z0-9_-]+`, unique among siblings. */
  supervisor: string;
  /** Whom a restart concerns besides the child that ended: nobody, those after it, all. Default `one_for_one`. */
  strategy?: Strategy | undefined;
  /** Whether the end of a `significant` child ends this supervisor: of any of them, or of the last. Default `never`. */
  autoShutdown?: AutoShutdown | undefined;
  /** At most `max` restarts within a sliding window of `within`; default 3 within 5s. */
  intensity?: { max?: number | undefined; within?: Duration | undefined } | "unlimited" | undefined;
  /** The shared threads of the tree; at the root only. A node that starts gets the one with the fewest actors. */
  pool?: PoolInput | undefined;
  /**
   * Limits of the pool in which actors `compute`: how many functions run at once (default: one less than there are cores, at least one), how many may wait besides
   * (default any number), and memory for the JavaScript objects of each thread (default Node's). At the root only; the process has one pool, so of several trees the
   * one that started last decides.
   */
  compute?:
    | { threads?: number | undefined; queue?: number | undefined; heap?: number | string | undefined }
    | undefined;
  /** Started in this order, each when the one before it is up; stopped in reverse. */
  children: readonly ChildSpecInput[];
}

/** Where a process's output goes as messages. */
export interface OutputTarget {
  /** An actor's id (a sibling first, then the whole tree), with `.method` behind it or without; or in the API its ref. */
  to: string | ActorRef;
  /** The method that is called with each line, chunk, value or frame; without it the actor gets a `line`, `output`, `json` or `frame` message. */
  method?: string | undefined;
  /** Default `lines`. `json` is a value on each line, `lengthPrefixed` a length of four bytes, big-endian, before each frame. */
  as?: "lines" | "bytes" | "json" | "lengthPrefixed" | undefined;
  /** Longest line, value or frame; a longer line comes in pieces, anything else is malformed. Default 1M. */
  maxSize?: number | string | undefined;
}

/** A program that is an actor itself: it answers calls and casts in JSON-RPC 2.0. */
export interface RpcOutput {
  as: "rpc";
  /** A line of JSON for each message (default), or a length of four bytes, big-endian, before each. */
  codec?: "json" | "lengthPrefixed" | undefined;
  /** Longest message of the program's. Default 1M. */
  maxSize?: number | string | undefined;
  /** The actor whose methods the program calls: an id, or in the API its ref. Default: there is none. */
  to?: string | ActorRef | undefined;
}

/** What a stream of a process is connected to; null is `/dev/null`. */
export type StreamInput = "pipe" | "null" | "inherit" | null | { file: string; append?: boolean | undefined };

/** What a program is told: a line on its stdin; or, if its stdout is `as: rpc`, one of its methods. */
export type StopMessageInput =
  | string
  | { method: string; params?: readonly unknown[] | Readonly<Record<string, unknown>> | undefined };

/** One step of a stop. */
export interface StopStepInput {
  stdin?: string | undefined;
  /** As `message` of the stop itself. */
  message?: StopMessageInput | undefined;
  closeStdin?: boolean | undefined;
  command?: readonly string[] | undefined;
  signal?: string | undefined;
  /** Who gets the signal. Default `tree`. */
  target?: "leader" | "group" | "tree" | undefined;
  /** Until the next step, or behind the last one until SIGKILL. Default 5s. */
  delay?: Duration | undefined;
}

type LimitInput = number | string;
type RlimitInput = LimitInput | { soft: LimitInput; hard: LimitInput };

/** One operating-system process, or several alike (`instances`). */
export interface ProcessChild extends AnyChild {
  process: string;
  /** A list is executed as it stands; a text is run by `/bin/sh -c`. */
  command: string | readonly (string | number | boolean)[];
  /** Default: the config's folder. */
  cwd?: string | undefined;
  /** Added to the environment of Copal itself; `null` takes a variable away. */
  env?: Readonly<Record<string, string | number | boolean | null>> | undefined;
  /** Starts from an empty environment. */
  clearEnv?: boolean | undefined;
  /**
   * Default SIGTERM, then SIGKILL after 5s; always the whole tree. With `steps` those, one after the other, then SIGKILL; with `message` that instead of the
   * signal, then SIGKILL after the grace.
   */
  stop?:
    | {
        signal?: string | undefined;
        grace?: Duration | undefined;
        steps?: readonly StopStepInput[] | undefined;
        message?: StopMessageInput | undefined;
      }
    | undefined;
  /** How long the process has when Node.js or its actor is gone. Default 500ms; 0 kills at once. */
  onOwnerDeath?: { grace?: Duration | undefined } | undefined;
  /** Exit codes that count as a normal end. Default `[0]`. */
  successExitCodes?: readonly number[] | undefined;
  /** Starts `api.1`, `api.2`, …, each with COPAL_INSTANCE and `${instance}`. Default 1: the plain id. */
  instances?: number | undefined;
  /** Actors that get its lines, bytes, values or frames; a program that is spoken with; or a file, `inherit` (Copal's own) or `null`. */
  stdout?: OutputTarget | RpcOutput | readonly (OutputTarget | RpcOutput)[] | StreamInput | undefined;
  stderr?: OutputTarget | readonly OutputTarget[] | StreamInput | undefined;
  /** How many of the last bytes of each stream are kept for the report of its end, up to 16M. Default 4K. */
  tail?: number | string | undefined;
  /** Default `pipe`; `socket` is for floods, see `StdinOption`. */
  stdin?: StreamInput | "socket" | undefined;
  /** Makes stderr whatever stdout is. */
  mergeStderr?: boolean | undefined;
  /** Runs it in a terminal. Default false. */
  pty?: boolean | PtyOptions | undefined;
  /** What the program sees as its own name. */
  arg0?: string | undefined;
  /** Files of variables, between what is inherited and `env`; seen from the config's folder, read at each start. */
  envFile?: string | readonly string[] | undefined;
  /** The only variables that are inherited; `*` at the end stands for anything. */
  inheritEnv?: readonly string[] | undefined;
  user?: string | number | undefined;
  group?: string | number | undefined;
  groups?: readonly (string | number)[] | undefined;
  /** In octal: `"022"`. */
  umask?: string | undefined;
  nice?: number | undefined;
  ionice?: SpawnOptions["ionice"] | undefined;
  oomScoreAdj?: number | undefined;
  /** By resource: a number, a size, `unlimited`, or both limits apart. */
  rlimits?: Readonly<Partial<Record<RlimitName, RlimitInput>>> | undefined;
  noNewPrivs?: boolean | undefined;
  dropCapabilities?: "all" | readonly string[] | undefined;
  /** More open files, by descriptor from 3 to 255. */
  descriptors?:
    | Readonly<Record<number, { file: string; mode: "read" | "truncate" | "append" | "readWrite" }>>
    | undefined;
  /** Stops it so long after its start. */
  timeout?: Duration | undefined;
  /** Stops it when it has written nothing for so long. */
  idleTimeout?: Duration | undefined;
  /** Stops it behind so much output: bytes, `64K`, `256M`. */
  outputLimit?: number | string | undefined;
  /** What the whole tree may use; sizes as `256M`. A limit that this machine cannot keep is left out with a warning, unless `required`. */
  limits?: ResourceLimits | undefined;
  /** Fails the start where no cgroup (with `pidns`, no PID namespace) can be made or a limit cannot be kept. Default false. */
  required?: boolean | undefined;
  /** How the tree is held. Default `auto`: a cgroup where one can be made. `pidns`: in a PID namespace of its own where one can be made. */
  contain?: "auto" | "cgroup" | "pidns" | "tree" | undefined;
}

/** A class of actors: what `class` takes and what a `module` exports. */
export type ActorClass<T extends Actor = Actor> = new () => T;

/** An actor. */
export interface ActorChild extends PlacedChild {
  actor: string;
  /** `./file.ts#Export`, a file URL or a package; the default export when there is no `#`. In the API also a `URL`, as `new URL("./file.js#Export", import.meta.url)`. */
  module?: string | URL | undefined;
  /** The class itself, in the API. */
  class?: ActorClass | undefined;
  /** Given to `init`. */
  args?: readonly unknown[] | undefined;
  /** How many messages may wait for it, and what becomes of one more. Default: any number. */
  mailbox?: { capacity: number; overflow?: "reject" | "dropOldest" | "dropNewest" | "block" | undefined } | undefined;
  /** How long its thread may be busy with one thing before it is taken for stuck and replaced. Default: for ever. Not in the main thread. */
  watchdog?: Duration | undefined;
}

/** Any child of a supervisor. */
export type ChildSpecInput = SupervisorChild | ProcessChild | ActorChild;

/** A whole tree: its root is a supervisor. */
export type TreeSpec = SupervisorChild & { $schema?: string };

/** Gives `tree` back as it is: for completion and type errors in a `copal.config.ts`. */
export function defineTree(tree: TreeSpec): TreeSpec {
  return tree;
}
