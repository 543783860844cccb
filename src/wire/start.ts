/**
 * The vocabulary of `start`: the program and everything that is said about how it runs, is held and ends. Shapes only; keys that may be absent
 * are left out, never nil.
 *
 * Normative: docs/protocol.md section 3.2. Twin: native/resin/src/wire/start.rs.
 */

/** How a file is opened: it has to be there for `read`, and is made otherwise. */
export type FileMode = "read" | "truncate" | "append" | "readWrite";

/** A file to open for the process; a relative path begins at `cwd`. */
export type FileWire = { path: Uint8Array; mode: FileMode };

/**
 * What one standard stream is connected to: a pipe to resin, of stdin alone a socket of resin's, `/dev/null`, the owner's own, the terminal, of stderr alone
 * whatever stdout is, or a file.
 */
export type StdioWire = "pipe" | "socket" | "null" | "inherit" | "pty" | "stdout" | FileWire;

/** One step of a stop. */
export type StepWire = {
  delayMs: number;
  stdin?: Uint8Array;
  closeStdin?: boolean;
  command?: Uint8Array[];
  signal?: number;
  target?: "leader" | "group" | "tree";
};

/** A way to end the tree; `planned` (of a `stop` only) names the steps that `start` gave. */
export type StopWire = { signal: number; graceMs: number; steps?: StepWire[]; planned?: boolean };

/** The terminal to make. */
export type PtyWire = { rows: number; cols: number; echo: boolean; raw: boolean };

/** What is set before the program is executed. */
export type SpawnWire = {
  arg0?: Uint8Array;
  user?: string;
  group?: string;
  groups?: string[];
  umask?: number;
  nice?: number;
  ioPriority?: number;
  oomScoreAdj?: number;
  rlimits?: { resource: number; soft: number | null; hard: number | null }[];
  noNewPrivs?: boolean;
  dropCapabilities?: number;
  descriptors?: { fd: number; path: Uint8Array; mode: FileMode }[];
};

/** What ends the process if it does not end itself. */
export type LifeWire = { timeoutMs?: number; idleTimeoutMs?: number; outputLimitBytes?: number };

/** What the tree may use, kept by cgroups; `required` fails the start where one cannot be kept. */
export type LimitsWire = {
  memoryBytes?: number;
  memoryHighBytes?: number;
  swapBytes?: number;
  cpuMilli?: number;
  pids?: number;
  io?: { path: Uint8Array; readBps?: number; writeBps?: number; readIops?: number; writeIops?: number }[];
  required?: boolean;
};

/** The body of `start`. */
export interface StartWire {
  argv: Uint8Array[];
  cwd: Uint8Array | null;
  env: Uint8Array;
  stdin: StdioWire;
  stdout: StdioWire;
  stderr: StdioWire;
  windowBytes: { stdin: number; stdout: number; stderr: number };
  stop: StopWire;
  orphanGraceMs: number;
  contain: "auto" | "cgroup" | "pidns" | "tree";
  pty?: PtyWire;
  spawn?: SpawnWire;
  life?: LifeWire;
  limits?: LimitsWire;
  required?: boolean;
}
