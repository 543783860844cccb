/**
 * A connection to one sidecar: frames in and out, request ids, hello. Serves one process's life at a time and may serve another after it
 * (docs/protocol.md section 1); knows neither what a life is made of nor who owns it.
 */
import { connect, type Socket } from "node:net";
import { SidecarError } from "../errors.js";
import { decodePayload, encodeFrame, encodeWriteHeader, eventShapes, setId } from "../wire/codec.js";
import { FrameReader } from "../wire/frame.js";
import { frequentEvent } from "../wire/frequent-events.js";
import type { CommandBodies, WireEvent } from "../wire/messages.js";
import { CAPABILITY, PROTOCOL_VERSIONS } from "../wire/messages.js";
import type { SidecarHost } from "./sidecar-host.js";

/** Who gets what comes over a connection, for the time it holds it. */
export interface Holder {
  /** An event arrived. Bytes in it are the holder's to keep if `owned`, else overwritten when this returns. */
  received(event: WireEvent, owned: boolean): void;
  /** The connection ended, or broke the protocol; called once, after which nothing comes. */
  lost(cause: Error | undefined): void;
}

/**
 * All sockets of a thread read into one buffer, since libuv hands each read over before it begins the next, and what is kept of it is copied. A
 * connection that is flooded reads into buffers of its own instead and gives them away whole, so that a flood is not copied once more.
 */
const READ_BUFFER_BYTES = 1024 * 1024;
const FLOOD_BYTES = 64 * 1024;
let sharedBuffer: Buffer | undefined;

/** Data shorter than this is copied behind its header: that costs less than a second piece in the write. */
const COPIED_BYTES = 4096;

const HELLO_ID = 1;
const hello = encodeFrame<CommandBodies, "hello">("hello", HELLO_ID, {
  versions: [...PROTOCOL_VERSIONS],
  capabilities: CAPABILITY.takesOutput,
});

/** One open connection, greeted with its first command. */
export class Connection {
  readonly server: SidecarHost;
  readonly #socket: Socket;
  #holder: Holder | undefined;
  #lastId = HELLO_ID;
  #sidecarPid = 0;
  #capabilities = 0;
  #isOpen = true;
  #keepsNodeRunning = true;

  constructor(server: SidecarHost) {
    this.server = server;
    sharedBuffer ??= Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
    let buffer = sharedBuffer;
    const reader = new FrameReader((payload, owned) => this.#receive(payload, owned));
    this.#socket = connect({
      path: server.path,
      onread: {
        buffer: () => buffer,
        callback: (length: number) => {
          const isOwned = buffer !== sharedBuffer;
          try {
            reader.push(buffer.subarray(0, length), isOwned);
          } catch (error) {
            this.#lose(error as Error);
          }
          if (length >= FLOOD_BYTES) buffer = Buffer.allocUnsafeSlow(Math.min(2 * length, READ_BUFFER_BYTES));
          else if (isOwned) buffer = sharedBuffer as Buffer;
          return true;
        },
      },
    });
    this.#socket.on("error", (cause) => this.#lose(cause)).on("close", () => this.#lose(undefined));
  }

  /** The sidecar's process id; 0 before its hello has come. */
  get sidecarPid(): number {
    return this.#sidecarPid;
  }

  /** Whether its sidecar can do what this bit stands for; nothing before its hello has come. */
  can(capability: number): boolean {
    return (this.#capabilities & capability) !== 0;
  }

  /** Whether nothing has gone wrong with it so far. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Gives the connection to a holder, and keeps Node running for it. */
  holdFor(holder: Holder): void {
    this.#holder = holder;
    this.keepsNodeRunning(true);
  }

  /** Takes it from its holder; one that nobody holds does not keep Node running, and is closed when its sidecar speaks. */
  letGo(): void {
    this.#holder = undefined;
    this.keepsNodeRunning(false);
  }

  /** Sends a command under the next id, which it gives. */
  send<Name extends keyof CommandBodies & string>(name: Name, body: CommandBodies[Name]): number {
    const id = ++this.#lastId;
    this.#socket.write(encodeFrame<CommandBodies, Name>(name, id, body));
    return id;
  }

  /**
   * Sends a start under the next id, which it writes into the frame and gives, and says whether the frame may be used again: not if it waits to be sent.
   * On a new connection the greeting goes before it.
   */
  sendStart(frame: Buffer): { id: number; isFree: boolean } {
    const id = ++this.#lastId;
    setId(frame, "start", id);
    const isFirst = id === HELLO_ID + 1;
    this.#socket.write(isFirst ? Buffer.concat([hello, frame]) : frame);
    return { id, isFree: isFirst || this.#socket.writableLength === 0 };
  }

  /** Sends data for the process's standard input under the next id, which it gives. Large data is not copied: it must not be changed any more. */
  sendWrite(data: Uint8Array): number {
    if (data.length < COPIED_BYTES) return this.send("write", { data });
    const id = ++this.#lastId;
    this.#socket.cork();
    this.#socket.write(encodeWriteHeader(id, data.length));
    this.#socket.write(data);
    process.nextTick(() => this.#socket.uncork());
    return id;
  }

  /** Sends a command that has no answer and so no id. */
  notify<Name extends keyof CommandBodies & string>(name: Name, body: CommandBodies[Name]): void {
    this.#socket.write(encodeFrame<CommandBodies, Name>(name, 0, body));
  }

  /** Says whether an open connection keeps Node running; it does while it has a holder, unless told otherwise. */
  keepsNodeRunning(keeps: boolean): void {
    if (keeps === this.#keepsNodeRunning) return;
    this.#keepsNodeRunning = keeps;
    if (keeps) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Closes it. The sidecar ends, with whatever it still holds. */
  close(): void {
    this.#isOpen = false;
    this.#holder = undefined;
    this.#socket.destroy();
  }

  #receive(payload: Uint8Array, owned: boolean): void {
    if (!this.#isOpen) return;
    const event = frequentEvent(payload) ?? decodePayload(eventShapes, payload);
    if (event.name === "error" && event.id <= HELLO_ID) {
      const { code, message } = event.body;
      return this.#lose(new SidecarError(message, { stage: event.id === HELLO_ID ? "hello" : "run", code }));
    }
    if (event.name !== "hello") return this.#holder ? this.#holder.received(event, owned) : this.close();
    this.#sidecarPid = event.body.sidecarPid;
    this.#capabilities = event.body.capabilities;
    this.server.greeted(this.#sidecarPid);
  }

  #lose(cause: Error | undefined): void {
    if (!this.#isOpen) return;
    const holder = this.#holder;
    this.close();
    holder?.lost(cause);
  }
}
