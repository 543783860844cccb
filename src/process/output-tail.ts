/**
 * The last bytes that a process wrote, for the report of its end. Pure; what came before them is forgotten.
 */

/** Bytes of each stream that are kept where nothing else is said. */
export const DEFAULT_TAIL_BYTES = 4096;

/** The most that may be asked for. */
export const MAX_TAIL_BYTES = 16 * 1024 * 1024;

/** A ring of bytes that grows with what is put in, up to its size. */
export class OutputTail {
  readonly #sizeBytes: number;
  #ring: Buffer = Buffer.alloc(0);
  /** Where the next byte goes; meaningful once the ring is full. */
  #at = 0;

  /** @throws {RangeError} if the size is not a whole number from 0 to 16,777,216. */
  constructor(sizeBytes: number = DEFAULT_TAIL_BYTES) {
    if (!Number.isInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > MAX_TAIL_BYTES)
      throw new RangeError(`tailBytes must be a whole number from 0 to ${MAX_TAIL_BYTES}, got ${sizeBytes}`);
    this.#sizeBytes = sizeBytes;
  }

  /** Takes bytes; what it keeps of them is copied. */
  push(bytes: Uint8Array): void {
    const last = bytes.subarray(Math.max(0, bytes.length - this.#sizeBytes));
    const missing = this.#sizeBytes - this.#ring.length;
    if (missing > 0) {
      this.#ring = Buffer.concat([this.#ring, last.subarray(0, missing)]);
      this.#write(last.subarray(missing));
    } else this.#write(last);
  }

  /** The bytes kept, oldest first. */
  bytes(): Buffer {
    if (this.#ring.length === 0) return this.#ring;
    return Buffer.concat([this.#ring.subarray(this.#at), this.#ring.subarray(0, this.#at)]);
  }

  #write(bytes: Uint8Array): void {
    const first = bytes.subarray(0, this.#ring.length - this.#at);
    this.#ring.set(first, this.#at);
    this.#ring.set(bytes.subarray(first.length), 0);
    if (this.#ring.length > 0) this.#at = (this.#at + bytes.length) % this.#ring.length;
  }
}
