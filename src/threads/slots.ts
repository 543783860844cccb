/**
 * A message of plain values as slots of eight bytes, so that it can lie in memory that two threads share: written and read by hand, since a structured
 * clone takes several times as long. Knows numbers, strings, booleans, null and undefined; whatever has anything else in it goes another way.
 */
import { endianness } from "node:os";

/** The same memory, seen as slots, as halves of slots, and as bytes. */
export interface Slots {
  readonly numbers: Float64Array;
  readonly halves: Int32Array;
  readonly bytes: Buffer;
}

/** What {@link writeFields} gives instead of a slot if the fields would go beyond the end. */
export const NO_ROOM = 0;
/** And if one of them is not plain. */
export const NOT_PLAIN = -1;

// A field is a slot with a number in it, or with a half that no number but a NaN has: then that half says what it is, and the other one more about it.
const UNDEFINED = 0xfff90000 | 0;
const NULL = UNDEFINED + 1;
const TRUE = UNDEFINED + 2;
const FALSE = UNDEFINED + 3;
const NAN = UNDEFINED + 4;
/** A string whose length is in the other half; its characters follow, one byte or two each. */
const NARROW = UNDEFINED + 5;
const WIDE = UNDEFINED + 6;
/** A string of up to four characters of one byte, which are in the other half; its length is added to this. */
const SHORT = UNDEFINED + 8;

const MARK = endianness() === "LE" ? 1 : 0;
const REST = 1 - MARK;

/** Gives the slots of `memory` from byte `from` on, a multiple of 8. */
export function slotsOf(memory: SharedArrayBuffer, from: number): Slots {
  return {
    numbers: new Float64Array(memory, from),
    halves: new Int32Array(memory, from),
    bytes: Buffer.from(memory, from),
  };
}

/** Writes two whole numbers of 32 bits into one slot. */
export function writePair({ halves }: Slots, at: number, one: number, other: number): void {
  halves[2 * at] = one;
  halves[2 * at + 1] = other;
}

/** Writes `fields` from slot `at` on, up to slot `end`; gives the slot behind them, {@link NO_ROOM} or {@link NOT_PLAIN}. */
export function writeFields(slots: Slots, at: number, end: number, fields: readonly unknown[]): number {
  const { numbers, halves } = slots;
  let next = at;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    if (next >= end) return NO_ROOM;
    if (typeof field === "number") {
      numbers[next] = field;
      if (Number.isNaN(field)) halves[2 * next + MARK] = NAN;
      next++;
    } else if (typeof field === "string") {
      next = writeString(slots, next, end, field);
      if (next === NO_ROOM) return NO_ROOM;
    } else if (field === undefined) halves[2 * next++ + MARK] = UNDEFINED;
    else if (field === null) halves[2 * next++ + MARK] = NULL;
    else if (typeof field === "boolean") halves[2 * next++ + MARK] = field ? TRUE : FALSE;
    else return NOT_PLAIN;
  }
  return next;
}

/** Reads as many fields as `into` is long from slot `at` on; gives the slot behind them. */
export function readFields(slots: Slots, at: number, into: unknown[]): number {
  const { numbers, halves } = slots;
  let next = at;
  for (let i = 0; i < into.length; i++) {
    const mark = halves[2 * next + MARK] as number;
    if (mark >= 0 || mark < UNDEFINED) into[i] = numbers[next++];
    else if (mark >= SHORT) into[i] = shortString(halves[2 * next++ + REST] as number, mark - SHORT);
    else if (mark >= NARROW) {
      const bytes = (halves[2 * next + REST] as number) << (mark - NARROW);
      const from = 8 * next + 8;
      into[i] =
        mark === NARROW ? narrowString(slots.bytes, from, bytes) : slots.bytes.toString("utf16le", from, from + bytes);
      next += 1 + ((bytes + 7) >> 3);
    } else {
      into[i] = mark === UNDEFINED ? undefined : mark === NULL ? null : mark === NAN ? Number.NaN : mark === TRUE;
      next++;
    }
  }
  return next;
}

function writeString(slots: Slots, at: number, end: number, text: string): number {
  const { length } = text;
  if (length <= 4) return writeShort(slots, at, end, text);
  const behind = at + 1 + ((length + 7) >> 3);
  if (behind > end) return NO_ROOM;
  const { halves, bytes } = slots;
  let all = 0;
  for (let i = 0, to = 8 * at + 8; i < length; i++, to++) {
    const character = text.charCodeAt(i);
    bytes[to] = character;
    all |= character;
  }
  if (all > 255) return writeWide(slots, at, end, text);
  halves[2 * at + MARK] = NARROW;
  halves[2 * at + REST] = length;
  return behind;
}

function writeShort(slots: Slots, at: number, end: number, text: string): number {
  let characters = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character > 255) return writeWide(slots, at, end, text);
    characters |= character << (8 * i);
  }
  slots.halves[2 * at + MARK] = SHORT + text.length;
  slots.halves[2 * at + REST] = characters;
  return at + 1;
}

function writeWide({ halves, bytes }: Slots, at: number, end: number, text: string): number {
  const { length } = text;
  const behind = at + 1 + ((length + 3) >> 2);
  if (behind > end) return NO_ROOM;
  bytes.write(text, 8 * at + 8, "utf16le");
  halves[2 * at + MARK] = WIDE;
  halves[2 * at + REST] = length;
  return behind;
}

// Strings that came lately, the names of methods above all, need not be made again. A place for each hash; the last one stays.
const shorts: string[] = new Array(256).fill("");
const shortCharacters = new Int32Array(shorts.length);
const narrows: string[] = new Array(256).fill("");
const MOST_REMEMBERED = 24;

function shortString(characters: number, length: number): string {
  const place = Math.imul(characters, 0x9e3779b1) >>> 24;
  const known = shorts[place] as string;
  if (shortCharacters[place] === characters && known.length === length) return known;
  const codes = [0, 8, 16, 24].slice(0, length).map((bits) => (characters >> bits) & 255);
  const made = asKey(String.fromCharCode(...codes));
  shorts[place] = made;
  shortCharacters[place] = characters;
  return made;
}

function narrowString(bytes: Buffer, from: number, length: number): string {
  if (length > MOST_REMEMBERED) return bytes.toString("latin1", from, from + length);
  let hash = length;
  for (let i = from; i < from + length; i++) hash = (hash * 31 + (bytes[i] as number)) | 0;
  const place = hash & (narrows.length - 1);
  const known = narrows[place] as string;
  if (known.length === length && isAt(known, bytes, from)) return known;
  const made = asKey(bytes.toString("latin1", from, from + length));
  narrows[place] = made;
  return made;
}

/** The same string as V8 keeps it for keys, where it is one object each: to compare it with a word in the code then takes no look at its characters. */
function asKey(text: string): string {
  return Object.keys({ [text]: undefined })[0] as string;
}

function isAt(known: string, bytes: Buffer, from: number): boolean {
  for (let i = 0; i < known.length; i++) if (known.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}
