/**
 * Reads by hand the two events that every process brings, `started` and `exited`, in the one form in which resin mostly writes them: that takes a
 * fraction of what a general reader of MessagePack does. Whatever looks different is left to that one (`codec.ts`).
 */
import type { WireEvent } from "./messages.js";

/** Fixed bytes of a message. */
const text = (word: string) => Buffer.from([0xa0 | word.length, ...Buffer.from(word)]);
const STARTED = Buffer.concat([Buffer.from([0x93]), text("started")]);
const STARTED_BODY = Buffer.concat([Buffer.from([0x84]), text("pid")]);
const EXITED = Buffer.concat([Buffer.from([0x93]), text("exited")]);
const EXITED_BODY = Buffer.concat([Buffer.from([0x8a]), text("code")]);
const BY_ITSELF = Buffer.concat([text("stoppedBy"), text("itself"), text("killed")]);
const KEY = {
  startTime: text("startTime"),
  containment: text("containment"),
  cgroup: text("cgroup"),
  cgroup2: text("cgroup2"),
  tree: text("tree"),
  signal: text("signal"),
  core: text("core"),
  leftBehind: text("leftBehind"),
  wallUs: text("wallUs"),
  userUs: text("userUs"),
  systemUs: text("systemUs"),
  maxRssBytes: text("maxRssBytes"),
};
const NIL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;

/** What is being read and how far; each reader moves `at`, or sets it beyond the end when the bytes are not what it reads. */
const NOTHING = new Uint8Array(0);
let bytes: Uint8Array = NOTHING;
let at = 0;
const LOST = Number.MAX_SAFE_INTEGER / 2;

/** Gives the event of a payload if it is one of these two in its usual form; undefined where the general reader has to look. */
export function frequentEvent(payload: Uint8Array): WireEvent | undefined {
  bytes = payload;
  at = 0;
  // The first letter of the name: most payloads are neither.
  const event = payload[2] === 0x73 ? started() : payload[2] === 0x65 ? exited() : undefined;
  bytes = NOTHING;
  return at === payload.length ? event : undefined;
}

function started(): WireEvent | undefined {
  skip(STARTED);
  const id = whole();
  skip(STARTED_BODY);
  const pid = whole();
  skip(KEY.startTime);
  const startTime = whole();
  skip(KEY.containment);
  const isCgroup = bytes[at] === KEY.cgroup2[0];
  skip(isCgroup ? KEY.cgroup2 : KEY.tree);
  skip(KEY.cgroup);
  const cgroup = binOrNil();
  if (at === LOST || id > 0xffff_ffff) return undefined;
  return { name: "started", id, body: { pid, startTime, containment: isCgroup ? "cgroup2" : "tree", cgroup } };
}

function exited(): WireEvent | undefined {
  skip(EXITED);
  const id = whole();
  skip(EXITED_BODY);
  const code = wholeOrNil();
  skip(KEY.signal);
  const signal = wholeOrNil();
  skip(KEY.core);
  const core = flag();
  skip(BY_ITSELF);
  const killed = flag();
  skip(KEY.leftBehind);
  const leftBehind = whole();
  skip(KEY.wallUs);
  const wallUs = whole();
  skip(KEY.userUs);
  const userUs = whole();
  skip(KEY.systemUs);
  const systemUs = whole();
  skip(KEY.maxRssBytes);
  const maxRssBytes = whole();
  if (at === LOST || id > 0xffff_ffff || (code !== null && code > 255)) return undefined;
  // In one literal: an object that is spread has a shape of its own each time, and whoever reads it is slow for that.
  return {
    name: "exited",
    id,
    body: { code, signal, core, stoppedBy: "itself", killed, leftBehind, wallUs, userUs, systemUs, maxRssBytes },
  };
}

function skip(expected: Uint8Array): void {
  const { length } = expected;
  for (let i = 0; i < length; i++) {
    if (bytes[at + i] !== expected[i]) {
      at = LOST;
      return;
    }
  }
  at += length;
}

function whole(): number {
  const first = bytes[at] ?? NIL;
  if (first < 0x80) {
    at++;
    return first;
  }
  const length = first >= 0xcc && first <= 0xcf ? 1 << (first - 0xcc) : 0;
  let value = 0;
  for (let i = 1; i <= length; i++) value = value * 256 + (bytes[at + i] as number);
  // A number that is cut off, or beyond what a number can hold exactly.
  at = length > 0 && Number.isSafeInteger(value) ? at + 1 + length : LOST;
  return value;
}

function wholeOrNil(): number | null {
  if (bytes[at] !== NIL) return whole();
  at++;
  return null;
}

function flag(): boolean {
  const value = bytes[at];
  at = value === TRUE || value === FALSE ? at + 1 : LOST;
  return value === TRUE;
}

function binOrNil(): Uint8Array | null {
  if (bytes[at] === NIL) {
    at++;
    return null;
  }
  const length = bytes[at + 1];
  if (bytes[at] !== 0xc4 || length === undefined || at + 2 + length > bytes.length) {
    at = LOST;
    return null;
  }
  at += 2 + length;
  return bytes.subarray(at - length, at);
}
