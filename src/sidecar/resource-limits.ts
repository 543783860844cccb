/**
 * What a process tree may use of the machine, as a caller says it, and its checked form as the wire's. Whether the machine can keep a limit is
 * resin's to find out.
 */
import type { LimitsWire } from "../wire/start.js";
import { byteSize } from "./byte-size.js";
import { type OsText, osBytes, within } from "./os-text.js";

/** How fast a device may be read and written, each second. Sizes are bytes, or texts such as `10M`. */
export interface IoLimit {
  readBps?: number | string;
  writeBps?: number | string;
  readIops?: number;
  writeIops?: number;
}

/**
 * Limits on a whole process tree, kept by cgroups of the kernel. Sizes are bytes, or texts such as `256M`.
 *
 * A limit that this machine cannot keep is left out, and said so ({@link Started} and a warning), unless it is `required`.
 */
export interface ResourceLimits {
  /** Memory. A tree that needs more is killed as a whole, and its report has `limit: "memory"`. Without `swap` none may be used. */
  memory?: number | string;
  /** Memory above which the tree is slowed down and its memory reclaimed; cgroup2 only. */
  memoryHigh?: number | string;
  /** Swap. */
  swap?: number | string;
  /** Processors, 0.01 to 10,000; 0.5 is half of one. */
  cpu?: number;
  /** Processes and threads together. */
  pids?: number;
  /** Reading and writing, by device; any file on it will do as its name. */
  io?: Readonly<Record<string, IoLimit>>;
}

/** What became of a limit that does not hold. */
export interface LimitMissing {
  /** Its name, such as `memory`. */
  readonly limit: string;
  /** Why, one sentence. */
  readonly why: string;
}

const NAMES: ReadonlySet<string> = new Set(["memory", "memoryHigh", "swap", "cpu", "pids", "io"]);
const IO_NAMES: ReadonlySet<string> = new Set(["readBps", "writeBps", "readIops", "writeIops"]);
const MAX_PIDS = 0xffff_ffff;

/**
 * Checks the limits and gives what the wire carries; undefined if none is set.
 *
 * @throws {RangeError} if a number is out of its range, a size none, or a name unknown.
 */
export function limitsBody(limits: ResourceLimits | undefined, required: boolean | undefined): LimitsWire | undefined {
  if (limits === undefined) return undefined;
  refuseUnknown("limits", limits, NAMES);
  const { memory, memoryHigh, swap, cpu, pids, io } = limits;
  const body: LimitsWire = {
    ...(memory !== undefined && { memoryBytes: size("limits.memory", memory, 1) }),
    ...(memoryHigh !== undefined && { memoryHighBytes: size("limits.memoryHigh", memoryHigh, 1) }),
    ...(swap !== undefined && { swapBytes: size("limits.swap", swap, 0) }),
    ...(cpu !== undefined && { cpuMilli: processors(cpu) }),
    ...(pids !== undefined && { pids: within("limits.pids", pids, 1, MAX_PIDS) }),
    ...(io !== undefined && { io: Object.entries(io).map(([path, limit]) => ioWire(path, limit)) }),
  };
  if (Object.keys(body).length === 0) return undefined;
  return required ? { ...body, required } : body;
}

function ioWire(path: OsText & string, limit: IoLimit): NonNullable<LimitsWire["io"]>[number] {
  const field = `limits.io.${path}`;
  refuseUnknown(field, limit, IO_NAMES);
  const { readBps, writeBps, readIops, writeIops } = limit;
  return {
    path: osBytes(path, field),
    ...(readBps !== undefined && { readBps: size(`${field}.readBps`, readBps, 1) }),
    ...(writeBps !== undefined && { writeBps: size(`${field}.writeBps`, writeBps, 1) }),
    ...(readIops !== undefined && { readIops: within(`${field}.readIops`, readIops, 1, MAX_PIDS) }),
    ...(writeIops !== undefined && { writeIops: within(`${field}.writeIops`, writeIops, 1, MAX_PIDS) }),
  };
}

function size(field: string, value: number | string, min: number): number {
  const bytes = byteSize(value);
  if (bytes === undefined || bytes < min)
    throw new RangeError(`${field} must be a size from ${min} such as 512, 64K, 256M or 1G, got ${value}`);
  return bytes;
}

function processors(value: number): number {
  if (typeof value === "number" && value >= 0.01 && value <= 10_000) return Math.round(value * 1_000);
  throw new RangeError(`limits.cpu must be a number of processors from 0.01 to 10000, got ${value}`);
}

function refuseUnknown(field: string, given: object, names: ReadonlySet<string>): void {
  const unknown = Object.keys(given).find((name) => !names.has(name));
  if (unknown !== undefined)
    throw new RangeError(`${field} must have names among ${[...names].join(", ")}, got ${unknown}`);
}
