/**
 * The vocabulary between an owner and its sidecar: commands go down, events come up. Shapes only; bytes are `codec.ts`'s business and
 * what a message does is told in docs/protocol.md.
 *
 * Normative: docs/protocol.md. Twin: native/resin/src/wire/messages.rs.
 */
import type { StartWire, StopWire } from "./start.js";

/** Lowest and highest protocol version this side speaks. */
export const PROTOCOL_VERSIONS: readonly [min: number, max: number] = [1, 1];

/** Capability bits of `hello`; a set bit is something the sender can do. */
export const CAPABILITY = {
  cgroup2: 1,
  pty: 2,
  limits: 4,
  holdAndAdopt: 8,
  takesOutput: 32,
  lendsStdin: 64,
  pidns: 128,
  socket: 256,
} as const;

/** Numbers of the three standard streams as the wire writes them. */
export const STREAM = { stdin: 0, stdout: 1, stderr: 2 } as const;

/** Body of each command (owner to resin), by name. */
export interface CommandBodies {
  hello: { versions: [number, number]; capabilities: number };
  start: StartWire;
  write: { data: Uint8Array };
  lend: { to?: Uint8Array };
  closeStdin: Record<string, never>;
  signal: { signal: number; target: "leader" | "group" | "tree" };
  stop: StopWire;
  pause: Record<string, never>;
  resume: Record<string, never>;
  resize: { rows: number; cols: number };
  stats: Record<string, never>;
  credit: { stream: number; bytes: number };
  take: { stream: number };
}

/** Body of each event (resin to owner), by name. */
export interface EventBodies {
  hello: { version: number; versions: [number, number]; capabilities: number; sidecarPid: number; resin: string };
  started: {
    pid: number;
    startTime: number;
    containment: "cgroup2" | "cgroup1" | "pidns" | "tree";
    cgroup: Uint8Array | null;
    cgroups1?: Uint8Array[];
    limitsApplied?: string[];
    limitsMissing?: { limit: string; why: string }[];
    pidns?: { pid: number; startTime: number };
    pidnsMissing?: string;
  };
  startFailed: { stage: string; errno: number; code: string; message: string };
  wrote: Record<string, never>;
  ok: Record<string, never>;
  stats: { processes: number; rssBytes: number; userUs: number; systemUs: number };
  output: { stream: number; bytes: Uint8Array };
  offer: { stream: number; path: Uint8Array; inode: number };
  lent: { path?: Uint8Array; inode: number };
  closed: { stream: number };
  stepped: { step: number };
  error: { code: string; errno: number | null; message: string };
  exited: {
    code: number | null;
    signal: number | null;
    core: boolean;
    stoppedBy: "itself" | "owner" | "ownerGone" | "sidecarSignal" | "timeout" | "idle" | "outputLimit";
    killed: boolean;
    leftBehind: number;
    wallUs: number;
    userUs: number;
    systemUs: number;
    maxRssBytes: number;
    oom?: boolean;
    steps?: { step: number; afterMs: number; errno: number | null }[];
  };
}

/** A message as it stands on the wire: its name, the id of the request it is or answers (0: none), and its body. */
export type Message<Bodies> = { [Name in keyof Bodies]: { name: Name; id: number; body: Bodies[Name] } }[keyof Bodies];

/** One command, owner to resin. */
export type Command = Message<CommandBodies>;

/** One event, resin to owner. Named `WireEvent`, since `Event` is the platform's. */
export type WireEvent = Message<EventBodies>;
