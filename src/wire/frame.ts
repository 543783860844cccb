/**
 * Cuts a byte stream into frames: four bytes of big-endian length, then the payload. Knows nothing of what a payload means.
 *
 *     +----------------+---------------------------+
 *     | length, 4 bytes| payload, `length` bytes   |
 *     +----------------+---------------------------+
 *
 * Normative: docs/protocol.md. Twin: native/resin/src/wire/frame.rs.
 */
import { WireError } from "../errors.js";

/** Bytes of a frame's length field. */
export const HEADER_BYTES = 4;

/** Largest payload in bytes (4 MiB); a longer one ends the connection. */
export const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;

/**
 * Receives the payloads of one connection in order. `owned` is true when the bytes are the receiver's to keep; otherwise they lie in the
 * chunk that was pushed and are valid only until the receiver returns.
 */
export type PayloadReceiver = (payload: Uint8Array, owned: boolean) => void;

/**
 * Puts frames together again from chunks split and joined anywhere.
 *
 * A frame that lies whole within a chunk is handed over without a copy; one that spans chunks is gathered in a buffer of its own, which is
 * allocated as its bytes arrive, so that a length alone never costs memory.
 */
export class FrameReader {
  readonly #receive: PayloadReceiver;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerFilled = 0;
  /** The frame being gathered: `#wanted` bytes of which `#filled` are there. No frame is open while `#wanted` is 0. */
  #gathered = new Uint8Array(0);
  #wanted = 0;
  #filled = 0;

  constructor(receive: PayloadReceiver) {
    this.#receive = receive;
  }

  /** Whether a frame has begun and not ended. */
  get isInsideFrame(): boolean {
    return this.#headerFilled > 0 || this.#wanted > 0;
  }

  /**
   * Takes the next bytes of the stream and hands over every frame they complete. With `owned` the chunk is given away: payloads that lie in it
   * are handed over as owned.
   *
   * @throws {WireError} on a length of 0 or above {@link MAX_PAYLOAD_BYTES}; the stream cannot be read on after that.
   */
  push(chunk: Uint8Array, owned = false): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#wanted === 0) {
        at = this.#readHeader(chunk, at);
        if (this.#wanted === 0) return;
        if (chunk.length - at >= this.#wanted) {
          const payload = chunk.subarray(at, at + this.#wanted);
          at += this.#wanted;
          this.#wanted = 0;
          this.#receive(payload, owned);
          continue;
        }
      }
      at = this.#gather(chunk, at);
    }
  }

  #readHeader(chunk: Uint8Array, start: number): number {
    let at = start;
    while (this.#headerFilled < HEADER_BYTES && at < chunk.length)
      this.#header[this.#headerFilled++] = chunk[at++] as number;
    if (this.#headerFilled < HEADER_BYTES) return at;
    this.#headerFilled = 0;
    const [a, b, c, d] = this.#header as unknown as [number, number, number, number];
    const length = a * 0x1000000 + ((b << 16) | (c << 8) | d);
    if (length === 0 || length > MAX_PAYLOAD_BYTES) {
      throw new WireError(`a frame's length must be 1 to ${MAX_PAYLOAD_BYTES} bytes, got ${length}`, {});
    }
    this.#wanted = length;
    this.#filled = 0;
    return at;
  }

  #gather(chunk: Uint8Array, at: number): number {
    const taken = Math.min(chunk.length - at, this.#wanted - this.#filled);
    const filled = this.#filled + taken;
    if (filled > this.#gathered.length) {
      // A multiple of what has arrived, never what was merely announced.
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#wanted, Math.max(filled * 4, 4096)));
      grown.set(this.#gathered.subarray(0, this.#filled));
      this.#gathered = grown;
    }
    this.#gathered.set(chunk.subarray(at, at + taken), this.#filled);
    this.#filled = filled;
    if (filled === this.#wanted) {
      const payload = this.#gathered.subarray(0, filled);
      this.#gathered = new Uint8Array(0);
      this.#wanted = 0;
      this.#receive(payload, true);
    }
    return at + taken;
  }
}
