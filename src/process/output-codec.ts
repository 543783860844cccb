/**
 * From a process's bytes to what a receiver wants of them: bytes, lines, JSON values, frames. Pure; knows neither actors nor streams.
 */
import { type LinePart, LineSplitter, MAX_LINE_BYTES } from "./line-splitter.js";

/**
 * How output becomes messages: the bytes as they come; one message per line; one per line of JSON (NDJSON); one per frame, a length of four bytes,
 * big-endian, before each.
 */
export type OutputForm = "bytes" | "lines" | "json" | "lengthPrefixed";

/** What a codec tells. */
export interface CodecSink {
  bytes(bytes: Buffer): void;
  line(line: string): void;
  json(value: unknown): void;
  frame(bytes: Buffer): void;
  /** Something that is not of the form. `isLost`: after a frame that is too long nothing more can be told apart, the rest of the stream is dropped. */
  malformed(problem: string, isLost: boolean): void;
}

/** Takes one stream's bytes, cut anywhere. */
export interface OutputCodec {
  push(bytes: Buffer): void;
  /** No more bytes will come. */
  end(): void;
}

/** Bytes of a frame's length. */
export const PREFIX_BYTES = 4;

/** The longest line, value or frame that may be asked for. */
export const LARGEST_BYTES = 256 * 1024 * 1024;

/**
 * Makes the codec of a form. `maxBytes` is the longest line, line of JSON or frame (default 1 MiB): a longer line comes in pieces, a longer value or
 * frame is malformed.
 *
 * @throws {RangeError} if there is no such form, or `maxBytes` is not a whole number from 1 to 268,435,456.
 */
export function outputCodec(form: OutputForm, sink: CodecSink, maxBytes = MAX_LINE_BYTES): OutputCodec {
  if (!Number.isInteger(maxBytes) || maxBytes < 1 || maxBytes > LARGEST_BYTES)
    throw new RangeError(`maxBytes must be a whole number from 1 to ${LARGEST_BYTES}, got ${maxBytes}`);
  switch (form) {
    case "bytes":
      return { push: (bytes) => sink.bytes(bytes), end: () => {} };
    case "lines":
      return new LineSplitter((line) => sink.line(line), maxBytes);
    case "json":
      return new LineSplitter((line, part) => jsonLine(sink, line, part, maxBytes), maxBytes);
    case "lengthPrefixed":
      return new FrameSplitter(sink, maxBytes);
    default:
      throw new RangeError(`as must be bytes, lines, json or lengthPrefixed, got ${String(form)}`);
  }
}

function jsonLine(sink: CodecSink, line: string, part: LinePart, maxBytes: number): void {
  if (part === "first") return sink.malformed(`a line of JSON is longer than ${maxBytes} bytes`, false);
  if (part !== "whole" || line.trim() === "") return;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return sink.malformed(`a line is not JSON: ${(error as Error).message}`, false);
  }
  sink.json(value);
}

/** Cuts bytes into frames. */
class FrameSplitter implements OutputCodec {
  readonly #sink: CodecSink;
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  #isLost = false;

  constructor(sink: CodecSink, maxBytes: number) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
  }

  push(bytes: Buffer): void {
    if (this.#isLost) return;
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    while (this.#bytes >= PREFIX_BYTES) {
      const length = this.#first(PREFIX_BYTES).readUInt32BE();
      if (length > this.#maxBytes) return this.#lose(`a frame of ${length} bytes is longer than ${this.#maxBytes}`);
      if (this.#bytes < PREFIX_BYTES + length) return;
      const whole = this.#first(PREFIX_BYTES + length);
      this.#drop(PREFIX_BYTES + length);
      this.#sink.frame(whole.subarray(PREFIX_BYTES, PREFIX_BYTES + length));
    }
  }

  end(): void {
    if (this.#bytes > 0 && !this.#isLost) this.#lose(`the stream ended inside a frame, ${this.#bytes} bytes into it`);
  }

  /** A buffer that begins with the next `count` bytes; puts parts together only when it has to. */
  #first(count: number): Buffer {
    if ((this.#parts[0] as Buffer).length < count) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0] as Buffer;
  }

  #drop(count: number): void {
    this.#bytes -= count;
    const rest = (this.#parts[0] as Buffer).subarray(count);
    if (rest.length > 0) this.#parts[0] = rest;
    else this.#parts.shift();
  }

  #lose(problem: string): void {
    this.#isLost = true;
    this.#parts = [];
    this.#sink.malformed(problem, true);
  }
}
