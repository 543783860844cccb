/**
 * What is set in a new process before its program runs (user, limits, priorities, rights, further files), as a caller says it, and its checked form
 * as the wire's. Looks nothing up: names of users and groups are resin's business.
 */
import type { FileMode, SpawnWire } from "../wire/start.js";
import { type OsText, osBytes, within } from "./os-text.js";

/** Numbers of the resources whose use can be limited (setrlimit(2)). */
const RLIMITS = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
} as const;

/** A resource whose use can be limited, by its name in setrlimit(2) without `RLIMIT_`, in lower case. */
export type RlimitName = keyof typeof RLIMITS;

/** The names of all of them. */
export const rlimitNames = Object.keys(RLIMITS) as readonly RlimitName[];

/** A limit: a number for both the limit that holds and how far the process may raise it, or each by itself. */
export type Rlimit = number | "unlimited" | { soft: number | "unlimited"; hard: number | "unlimited" };

/** Capabilities by number, capabilities(7) without `CAP_`, in lower case. */
const CAPABILITIES = (
  "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast net_admin net_raw " +
  "ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod " +
  "lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
).split(" ");

const IO_CLASSES = { realtime: 1, "best-effort": 2, idle: 3 } as const;
const IO_CLASS_UNIT = 8_192;
const MAX_LEVEL = 7;

/** What is set in the new process. Whatever is not said is inherited; whatever cannot be set fails the start by the name of its field. */
export interface SpawnOptions {
  /** What the program sees as its own name (`argv[0]`) instead of the program's. */
  arg0?: OsText;
  /** A user's name or number. Its group and supplementary groups come with it unless they are said. Needs root, unless it is the user one is already. */
  user?: string | number;
  /** A group's name or number. Without `user` and `groups` the process has no supplementary groups. */
  group?: string | number;
  /** Supplementary groups, by name or number, instead of those the system lists for the user. */
  groups?: readonly (string | number)[];
  /** File mode creation mask, 0 to 0o777. */
  umask?: number;
  /** -20 (first served) to 19. Below resin's own it needs a right. */
  nice?: number;
  /** I/O class, and in it a level from 0 (first served) to 7, default 4. */
  ionice?: { class: keyof typeof IO_CLASSES; level?: number };
  /** -1000 (never killed when memory runs out) to 1000 (first of all). */
  oomScoreAdj?: number;
  /** Limits by resource. */
  rlimits?: Readonly<Partial<Record<RlimitName, Rlimit>>>;
  /** The program, and whatever it executes, can get no more rights than it has: set-user-id files have no effect. */
  noNewPrivs?: boolean;
  /** Capabilities that neither it nor anything it executes can have again, by name with or without `CAP_`; or all. */
  dropCapabilities?: "all" | readonly string[];
  /** More open files, by descriptor, 3 to 255. */
  descriptors?: Readonly<Record<number, { file: OsText; mode: FileMode }>>;
}

/**
 * Checks the options and gives what the wire carries; undefined if none is set.
 *
 * @throws {RangeError} if a number is out of its range or a name unknown.
 */
export function spawnBody(options: SpawnOptions): SpawnWire | undefined {
  const {
    arg0,
    user,
    group,
    groups,
    umask,
    nice,
    ionice,
    oomScoreAdj,
    rlimits,
    noNewPrivs,
    dropCapabilities,
    descriptors,
  } = options;
  const body: SpawnWire = {
    ...(arg0 !== undefined && { arg0: osBytes(arg0, "arg0") }),
    ...(user !== undefined && { user: String(user) }),
    ...(group !== undefined && { group: String(group) }),
    ...(groups && { groups: groups.map(String) }),
    ...(umask !== undefined && { umask: within("umask", umask, 0, 0o777) }),
    ...(nice !== undefined && { nice: within("nice", nice, -20, 19) }),
    ...(ionice && { ioPriority: ioPriority(ionice) }),
    ...(oomScoreAdj !== undefined && { oomScoreAdj: within("oomScoreAdj", oomScoreAdj, -1_000, 1_000) }),
    ...(rlimits && { rlimits: Object.entries(rlimits).map(([name, limit]) => rlimit(name, limit as Rlimit)) }),
    ...(noNewPrivs && { noNewPrivs }),
    ...(dropCapabilities && { dropCapabilities: capabilityMask(dropCapabilities) }),
    ...(descriptors && {
      descriptors: Object.entries(descriptors).map(([fd, { file, mode }]) => openFile(Number(fd), file, mode)),
    }),
  };
  return Object.keys(body).length === 0 ? undefined : body;
}

/** Whether `name` is a capability's, with or without `CAP_`, in either case. */
export function isCapability(name: string): boolean {
  return capabilityNumber(name) >= 0;
}

function ioPriority({ class: name, level = 4 }: NonNullable<SpawnOptions["ionice"]>): number {
  if (!Object.hasOwn(IO_CLASSES, name)) {
    throw new RangeError(`ionice.class must be one of ${Object.keys(IO_CLASSES).join(", ")}, got ${name}`);
  }
  const checked = within("ionice.level", level, 0, MAX_LEVEL);
  return IO_CLASSES[name] * IO_CLASS_UNIT + (name === "idle" ? 0 : checked);
}

function rlimit(name: string, limit: Rlimit): NonNullable<SpawnWire["rlimits"]>[number] {
  if (!Object.hasOwn(RLIMITS, name)) {
    throw new RangeError(`rlimits must have names among ${rlimitNames.join(", ")}, got ${name}`);
  }
  const { soft, hard } = typeof limit === "object" ? limit : { soft: limit, hard: limit };
  const value = (one: number | "unlimited") =>
    one === "unlimited" ? null : within(`rlimits.${name}`, one, 0, Number.MAX_SAFE_INTEGER);
  return { resource: RLIMITS[name as RlimitName], soft: value(soft), hard: value(hard) };
}

function capabilityMask(names: "all" | readonly string[]): number {
  // Every bit that a number can carry, so that those of kernels to come are among them.
  if (names === "all") return Number.MAX_SAFE_INTEGER;
  return [...new Set(names.map(capabilityNumber))].reduce((mask, number, index) => {
    if (number < 0)
      throw new RangeError(`dropCapabilities must name capabilities such as NET_RAW, got ${names[index]}`);
    return mask + 2 ** number;
  }, 0);
}

function capabilityNumber(name: string): number {
  return CAPABILITIES.indexOf(name.toLowerCase().replace(/^cap_/, ""));
}

function openFile(fd: number, file: OsText, mode: FileMode): NonNullable<SpawnWire["descriptors"]>[number] {
  return { fd: within("descriptors", fd, 3, 255), path: osBytes(file, `descriptors.${fd}.file`), mode };
}
