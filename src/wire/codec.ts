/**
 * Payload bytes to messages and back: MessagePack and the check of every shape. Knows no socket and no process.
 *
 * Normative: docs/protocol.md. Twin: native/resin/src/wire/codec.rs.
 */
import { Decoder, Encoder } from "@msgpack/msgpack";
import { WireError } from "../errors.js";
import { HEADER_BYTES, MAX_PAYLOAD_BYTES } from "./frame.js";
import type { CommandBodies, EventBodies, Message } from "./messages.js";
import type { LifeWire, LimitsWire, SpawnWire } from "./start.js";

type Check = (value: unknown) => boolean;
type Shape<Body> = { readonly [Key in keyof Body]-?: Check };
type Shapes<Bodies> = { readonly [Name in keyof Bodies]: Shape<Bodies[Name]> };

const isWhole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isBytes: Check = (value) => value instanceof Uint8Array;
const isOneOf =
  (...allowed: readonly unknown[]): Check =>
  (value) =>
    allowed.includes(value);
const isWithin =
  (min: number, max: number): Check =>
  (value) =>
    isWhole(value) && (value as number) >= min && (value as number) <= max;
const orNil =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const isListOf =
  (check: Check, min: number, max = Number.POSITIVE_INFINITY): Check =>
  (value) =>
    Array.isArray(value) && value.length >= min && value.length <= max && value.every(check);
const isMapOf =
  <Body>(shape: Shape<Body>): Check =>
  (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && fits(shape, value);

/** A key that may be left out. */
const may =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isWholeBetween =
  (min: number, max: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;

const isMode = isOneOf("read", "truncate", "append", "readWrite");
const isFile = isMapOf({ path: isBytes, mode: isMode });
const isStdioWord = isOneOf("pipe", "socket", "null", "inherit", "pty", "stdout");
const isStdio: Check = (value) => isStdioWord(value) || isFile(value);
const isWindow = isWithin(1, 16_777_216);
const isGrace = isWithin(0, 86_400_000);
const isVersions = isListOf(isWhole, 2, 2);
const isTarget = isOneOf("leader", "group", "tree");
const isSize = isWithin(0, 65_535);
const stepShape = {
  delayMs: isGrace,
  stdin: may(isBytes),
  closeStdin: may(isFlag),
  command: may(isListOf(isBytes, 1)),
  signal: may(isWhole),
  target: may(isTarget),
};
const stopShape = {
  signal: isWhole,
  graceMs: isGrace,
  steps: may(isListOf(isMapOf(stepShape), 0, 64)),
  planned: may(isFlag),
};
const spawnShape: Shape<SpawnWire> = {
  arg0: may(isBytes),
  user: may(isText),
  group: may(isText),
  groups: may(isListOf(isText, 0, 65_536)),
  umask: may(isWithin(0, 0o777)),
  nice: may(isWholeBetween(-20, 19)),
  ioPriority: may(isWithin(0, 0xffff)),
  oomScoreAdj: may(isWholeBetween(-1000, 1000)),
  rlimits: may(isListOf(isMapOf({ resource: isWhole, soft: orNil(isWhole), hard: orNil(isWhole) }), 0, 64)),
  noNewPrivs: may(isFlag),
  dropCapabilities: may(isWhole),
  descriptors: may(isListOf(isMapOf({ fd: isWithin(3, 255), path: isBytes, mode: isMode }), 0, 64)),
};
const lifeShape: Shape<LifeWire> = {
  timeoutMs: may(isWithin(0, 0xffff_ffff)),
  idleTimeoutMs: may(isWithin(0, 0xffff_ffff)),
  outputLimitBytes: may(isWhole),
};

const ioShape: Shape<NonNullable<LimitsWire["io"]>[number]> = {
  path: isBytes,
  readBps: may(isWhole),
  writeBps: may(isWhole),
  readIops: may(isWhole),
  writeIops: may(isWhole),
};
const limitsShape: Shape<LimitsWire> = {
  memoryBytes: may(isWhole),
  memoryHighBytes: may(isWhole),
  swapBytes: may(isWhole),
  cpuMilli: may(isWithin(10, 10_000_000)),
  pids: may(isWithin(1, 0xffff_ffff)),
  io: may(isListOf(isMapOf(ioShape), 0, 64)),
  required: may(isFlag),
};

/** The shape of every command's body. */
export const commandShapes: Shapes<CommandBodies> = {
  hello: { versions: isVersions, capabilities: isWhole },
  start: {
    argv: isListOf(isBytes, 1),
    cwd: orNil(isBytes),
    env: isBytes,
    stdin: isStdio,
    stdout: isStdio,
    stderr: isStdio,
    windowBytes: isMapOf({ stdin: isWindow, stdout: isWindow, stderr: isWindow }),
    stop: isMapOf(stopShape),
    orphanGraceMs: isGrace,
    contain: isOneOf("auto", "cgroup", "pidns", "tree"),
    pty: may(isMapOf({ rows: isSize, cols: isSize, echo: isFlag, raw: isFlag })),
    spawn: may(isMapOf(spawnShape)),
    life: may(isMapOf(lifeShape)),
    limits: may(isMapOf(limitsShape)),
    required: may(isFlag),
  },
  write: { data: isBytes },
  lend: { to: may(isBytes) },
  closeStdin: {},
  signal: { signal: isWhole, target: isTarget },
  stop: stopShape,
  pause: {},
  resume: {},
  resize: { rows: isSize, cols: isSize },
  stats: {},
  credit: { stream: isOneOf(1, 2), bytes: isWhole },
  take: { stream: isOneOf(1, 2) },
};

/** The shape of every event's body. */
export const eventShapes: Shapes<EventBodies> = {
  hello: { version: isWhole, versions: isVersions, capabilities: isWhole, sidecarPid: isWhole, resin: isText },
  started: {
    pid: isWhole,
    startTime: isWhole,
    containment: isOneOf("cgroup2", "cgroup1", "pidns", "tree"),
    cgroup: orNil(isBytes),
    cgroups1: may(isListOf(isBytes, 0, 64)),
    limitsApplied: may(isListOf(isText, 0, 64)),
    limitsMissing: may(isListOf(isMapOf({ limit: isText, why: isText }), 0, 64)),
    pidns: may(isMapOf({ pid: isWhole, startTime: isWhole })),
    pidnsMissing: may(isText),
  },
  startFailed: { stage: isText, errno: isWhole, code: isText, message: isText },
  wrote: {},
  ok: {},
  stats: { processes: isWhole, rssBytes: isWhole, userUs: isWhole, systemUs: isWhole },
  output: { stream: isOneOf(1, 2), bytes: isBytes },
  offer: { stream: isOneOf(1, 2), path: isBytes, inode: isWhole },
  lent: { path: may(isBytes), inode: isWhole },
  closed: { stream: isOneOf(0, 1, 2) },
  stepped: { step: isWhole },
  error: { code: isText, errno: orNil(isWhole), message: isText },
  exited: {
    code: orNil(isWithin(0, 255)),
    signal: orNil(isWhole),
    core: isFlag,
    stoppedBy: isOneOf("itself", "owner", "ownerGone", "sidecarSignal", "timeout", "idle", "outputLimit"),
    killed: isFlag,
    leftBehind: isWhole,
    wallUs: isWhole,
    userUs: isWhole,
    systemUs: isWhole,
    maxRssBytes: isWhole,
    oom: may(isFlag),
    steps: may(isListOf(isMapOf({ step: isWhole, afterMs: isWhole, errno: orNil(isWhole) }), 0, 4096)),
  },
};

const encoder = new Encoder();
const decoder = new Decoder();

/**
 * Writes one frame, header included, into a buffer of its own.
 *
 * @throws {WireError} if the payload would be longer than {@link MAX_PAYLOAD_BYTES}.
 */
export function encodeFrame<Bodies, Name extends keyof Bodies & string>(
  name: Name,
  id: number,
  body: Bodies[Name],
): Buffer {
  const payload = encoder.encodeSharedRef([name, id, body]);
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new WireError(`\`${name}\` takes ${payload.length} bytes, a frame holds at most ${MAX_PAYLOAD_BYTES}`, {});
  }
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** An id that takes as many bytes as an id can. */
const WIDEST_ID = 0xffff_ffff;

/**
 * Writes one frame as {@link encodeFrame} does, without its id, for a message that is sent more than once: {@link setId} gives it one.
 *
 * @throws {WireError} as {@link encodeFrame}.
 */
export function encodeReusable<Bodies, Name extends keyof Bodies & string>(name: Name, body: Bodies[Name]): Buffer {
  return encodeFrame<Bodies, Name>(name, WIDEST_ID, body);
}

/** Gives a frame of {@link encodeReusable} for a message of this name its id, in five bytes however small it is. */
export function setId(frame: Buffer, name: string, id: number): void {
  frame.writeUInt32BE(id, HEADER_BYTES + 3 + name.length);
}

/** What stands in a `write` before its id, and between that and the length of its data. */
const WRITE_NAME = Buffer.from([0x93, 0xa5, ...Buffer.from("write")]);
const WRITE_DATA = Buffer.from([0x81, 0xa4, ...Buffer.from("data")]);

/**
 * Writes what stands before the data of one `write` frame, for a sender that does not want the data copied. Header and data together are the frame
 * that {@link encodeFrame} would make.
 */
export function encodeWriteHeader(id: number, dataBytes: number): Buffer {
  const number = uintBytes(id);
  const length = dataBytes < 0x100 ? [0xc4, dataBytes] : dataBytes < 0x10000 ? [0xc5, 0, 0] : [0xc6, 0, 0, 0, 0];
  const header = Buffer.concat([Buffer.alloc(HEADER_BYTES), WRITE_NAME, number, WRITE_DATA, Buffer.from(length)]);
  if (dataBytes >= 0x10000) header.writeUInt32BE(dataBytes, header.length - 4);
  else if (dataBytes >= 0x100) header.writeUInt16BE(dataBytes, header.length - 2);
  header.writeUInt32BE(header.length - HEADER_BYTES + dataBytes, 0);
  return header;
}

function uintBytes(value: number): Buffer {
  if (value < 0x80) return Buffer.from([value]);
  if (value < 0x100) return Buffer.from([0xcc, value]);
  const bytes = Buffer.alloc(value < 0x10000 ? 3 : 5);
  bytes[0] = value < 0x10000 ? 0xcd : 0xce;
  if (value < 0x10000) bytes.writeUInt16BE(value, 1);
  else bytes.writeUInt32BE(value, 1);
  return bytes;
}

/**
 * Reads one payload as a message of the given vocabulary ({@link commandShapes} or {@link eventShapes}).
 *
 * Bytes in the message are views of `payload`, not copies. Unknown keys of a body are ignored.
 *
 * @throws {WireError} if it is not MessagePack, not `[name, id, body]`, has an unknown name, a body without a field or with one of another
 *   type, or bytes left over.
 */
export function decodePayload<Bodies>(shapes: Shapes<Bodies>, payload: Uint8Array): Message<Bodies> {
  let value: unknown;
  try {
    value = decoder.decode(payload);
  } catch (cause) {
    throw new WireError(`a payload of ${payload.length} bytes is not one MessagePack value`, {}, { cause });
  }
  if (!Array.isArray(value) || value.length !== 3) throw new WireError("a payload must be [name, id, body]", {});
  const [name, id, body] = value as [unknown, unknown, unknown];
  if (typeof name !== "string" || !Object.hasOwn(shapes, name))
    throw new WireError(`unknown message ${describe(name)}`, {});
  if (!isWithin(0, 0xffff_ffff)(id)) throw new WireError(`the id of \`${name}\` must be a whole number below 2^32`, {});
  const shape = shapes[name as keyof Bodies];
  if (typeof body !== "object" || body === null || Array.isArray(body) || body instanceof Uint8Array) {
    throw new WireError(`the body of \`${name}\` must be a map`, {});
  }
  if (!fits(shape, body))
    throw new WireError(`the field \`${misfit(shape, body)}\` of \`${name}\` is missing or has a wrong type`, {});
  return { name, id, body } as Message<Bodies>;
}

function fits<Body>(shape: Shape<Body>, body: object): boolean {
  return misfit(shape, body) === undefined;
}

function misfit<Body>(shape: Shape<Body>, body: object): string | undefined {
  for (const key in shape) {
    if (!shape[key]((body as Record<string, unknown>)[key])) return key;
  }
  return undefined;
}

function describe(value: unknown): string {
  return typeof value === "string" ? `\`${value.slice(0, 40)}\`` : `of type ${typeof value}`;
}
