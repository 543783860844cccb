/**
 * Cuts bytes into lines. Pure; knows neither streams nor processes.
 */

/**
 * Longest line in bytes (1 MiB); what is longer comes in pieces of this length, or up to three bytes less, so that no character is cut. So a program
 * without newlines cannot fill memory.
 */
export const MAX_LINE_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** What of a line is emitted: all of it, or of one that is longer than the limit its first piece, one further on, or what is left. */
export type LinePart = "whole" | "first" | "next" | "last";

/**
 * Puts lines together from chunks cut anywhere, also inside a character. A line is what stands before `\n` or `\r\n`, decoded as UTF-8 (what is
 * not UTF-8 becomes U+FFFD).
 */
export class LineSplitter {
  readonly #emit: (line: string, part: LinePart) => void;
  readonly #maxBytes: number;
  #isInPieces = false;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(emit: (line: string, part: LinePart) => void, maxBytes = MAX_LINE_BYTES) {
    this.#emit = emit;
    this.#maxBytes = maxBytes;
  }

  /** Takes bytes and emits every line they complete. */
  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.#take(chunk.subarray(from, at));
      this.#flush(true);
      from = at + 1;
    }
    if (from < chunk.length) this.#take(chunk.subarray(from));
  }

  /** No more bytes will come: emits the last line if it had no end. */
  end(): void {
    if (this.#bytes > 0) this.#flush(false);
  }

  #take(part: Buffer): void {
    let rest = part;
    while (this.#bytes + rest.length > this.#maxBytes) {
      const room = this.#maxBytes - this.#bytes;
      this.#keep(rest.subarray(0, room));
      rest = rest.subarray(room);
      this.#flushPiece();
    }
    this.#keep(rest);
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  /** Emits what is there as a piece of a line; a character that is not whole yet goes with the next. */
  #flushPiece(): void {
    const piece = this.#whole();
    const rest = unfinished(piece);
    const end = rest < piece.length ? piece.length - rest : piece.length;
    this.#emit(piece.toString("utf8", 0, end), this.#isInPieces ? "next" : "first");
    this.#isInPieces = true;
    this.#keep(piece.subarray(end));
  }

  #flush(hadEnd: boolean): void {
    const line = this.#whole();
    const length = hadEnd && line[line.length - 1] === CARRIAGE_RETURN ? line.length - 1 : line.length;
    this.#emit(line.toString("utf8", 0, length), this.#isInPieces ? "last" : "whole");
    this.#isInPieces = false;
  }

  #whole(): Buffer {
    const whole = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    return whole;
  }
}

/** How many bytes at the end are the beginning of a character of UTF-8 whose rest is missing. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return wanted > back ? back : 0;
  }
  return 0;
}
