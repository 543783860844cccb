/**
 * The pipe of a stream with much output, read without the sidecar in between (docs/protocol.md section 4.1). Knows the descriptor and the window, and waits
 * while that is full; does not know who consumes, nor when the process ends.
 */
import { closeSync, readSync } from "node:fs";
import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";
import { openSidecarPipe } from "./sidecar-pipe.js";

/** A flood is read into buffers of this size, which are given away piece by piece. */
const BUFFER_BYTES = 256 * 1024;

/** A buffer with less room than this is given up. */
const LEAST_ROOM_BYTES = 64 * 1024;

/** A piece that is smaller is no flood, and copied out, so that it does not keep its whole buffer alive. */
const LEAST_KEPT_BYTES = 16 * 1024;

/** What is no flood is read into one buffer by all pipes of a thread: each read is handed over before the next begins. */
const SHARED_BYTES = 64 * 1024;
let sharedBuffer: Buffer | undefined;

const NOTHING: Buffer = Buffer.alloc(0);

/** What a pipe that was taken tells. */
export interface PipeSink {
  /** Bytes were read; they are the sink's to keep, and it tells {@link TakenPipe.consumed} of them. */
  read(bytes: Buffer): void;
  /** The pipe has ended: its last writer closed it. Not called after {@link TakenPipe.finish} or {@link TakenPipe.close}. */
  ended(): void;
}

/** Our own end of a process's pipe. */
export class TakenPipe {
  readonly #fd: number;
  readonly #sink: PipeSink;
  readonly #windowBytes: number;
  #unconsumedBytes = 0;
  #socket: Socket | undefined;
  /** Whether the last piece was one of a flood. */
  #isFlooding = false;
  /** What is left of the buffer for a flood, and the place that the last read was given. */
  #rest = NOTHING;
  #place = NOTHING;
  #isOpen = true;
  #hasBegun = false;
  #isPaused = false;
  #keepsNodeRunning = true;

  /** Use {@link TakenPipe.open}, which makes sure that the descriptor is the pipe it should be. */
  private constructor(fd: number, windowBytes: number, sink: PipeSink) {
    this.#fd = fd;
    this.#windowBytes = windowBytes;
    this.#sink = sink;
  }

  /** Opens the pipe at `path`; undefined if it cannot be opened, or if `path` leads to something else by now. Nothing is read yet. */
  static open(path: string, inode: number, windowBytes: number, sink: PipeSink): TakenPipe | undefined {
    const fd = openSidecarPipe({ path, inode }, "read");
    return fd === undefined ? undefined : new TakenPipe(fd, windowBytes, sink);
  }

  /** Reads from now on, since nobody else does any more. `unconsumedBytes` of the window are taken already. */
  begin(unconsumedBytes: number, keepsNodeRunning: boolean): void {
    this.#unconsumedBytes = unconsumedBytes;
    this.#keepsNodeRunning = keepsNodeRunning;
    this.#hasBegun = true;
    this.#isPaused = unconsumedBytes * 2 > this.#windowBytes;
    if (!this.#isPaused) this.#listen();
  }

  /** Gives back bytes that were read here or came before. Reads on once half of the window is free. */
  consumed(bytes: number): void {
    this.#unconsumedBytes -= bytes;
    if (!this.#isPaused || this.#unconsumedBytes * 2 > this.#windowBytes) return;
    this.#isPaused = false;
    if (this.#socket) this.#socket.resume();
    else if (this.#isOpen) this.#listen();
  }

  /** Says whether waiting for it keeps Node running. */
  keepsNodeRunning(keeps: boolean): void {
    this.#keepsNodeRunning = keeps;
    if (keeps) this.#socket?.ref();
    else this.#socket?.unref();
  }

  /** Reads what is in the pipe now, without regard to the window, and closes it: for a pipe whose writers are gone. */
  finish(): void {
    if (!this.#isOpen) return;
    this.#socket?.pause();
    while (this.#hasBegun) {
      const length = readNow(this.#fd, this.#room(BUFFER_BYTES));
      if (length === 0) break;
      this.#hand(length);
    }
    this.close();
  }

  /** Gives it up. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#socket) this.#socket.destroy();
    else closeSync(this.#fd);
  }

  #listen(): void {
    const options: SocketConstructorOpts & { onread: OnReadOpts } = {
      fd: this.#fd,
      readable: true,
      writable: false,
      onread: { buffer: () => this.#room(this.#wantedBytes()), callback: (length) => this.#read(length) },
    };
    this.#socket = new Socket(options);
    this.#socket.on("error", () => this.#end()).on("end", () => this.#end());
    this.keepsNodeRunning(this.#keepsNodeRunning);
  }

  /** Takes what was read; answers whether to read on. */
  #read(length: number): boolean {
    this.#hand(length);
    this.#isPaused = this.#unconsumedBytes >= this.#windowBytes;
    return !this.#isPaused;
  }

  /** What the next read may bring. One that is paused goes on when half of the window is free, with the buffer that it was given now. */
  #wantedBytes(): number {
    return Math.ceil(this.#isPaused ? this.#windowBytes / 2 : this.#windowBytes - this.#unconsumedBytes);
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.close();
    this.#sink.ended();
  }

  #room(wantedBytes: number): Buffer {
    if (this.#isFlooding && this.#rest.length < LEAST_ROOM_BYTES) this.#rest = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    sharedBuffer ??= Buffer.allocUnsafeSlow(SHARED_BYTES);
    this.#place = (this.#isFlooding ? this.#rest : sharedBuffer).subarray(0, wantedBytes);
    return this.#place;
  }

  #hand(length: number): void {
    const piece = this.#place.subarray(0, length);
    const isKept = this.#isFlooding && length >= LEAST_KEPT_BYTES;
    if (isKept) this.#rest = this.#rest.subarray(length);
    this.#isFlooding = length >= LEAST_KEPT_BYTES;
    this.#unconsumedBytes += length;
    this.#sink.read(isKept ? piece : Buffer.from(piece));
  }
}

/** Reads once without waiting; 0 at the end, and when nothing is there. */
function readNow(fd: number, room: Buffer): number {
  try {
    return readSync(fd, room);
  } catch {
    return 0;
  }
}
