/**
 * A conversation in JSON-RPC 2.0 with one program, over its standard input and output: requests and their answers, by id, and what the program asks and
 * tells by itself. Knows the program only by the bytes; who waits for an answer, and how long, is the caller's business.
 */
import { isCopalError, NotCloneableError } from "../errors.js";
import {
  argsOf,
  paramsOf,
  RPC_CODE,
  type RpcCodec,
  type RpcFault,
  type RpcMessage,
  readRpc,
  rpcBytes,
} from "../process/json-rpc.js";
import { type CodecSink, type OutputCodec, outputCodec } from "../process/output-codec.js";
import type { ActorRef } from "../ref.js";
import { cellOf } from "./address.js";
import { Consumption } from "./consumption.js";
import type { OutputStream } from "./info.js";
import type { OutputLosses } from "./output-losses.js";
import type { OutputSink } from "./process-hooks.js";

/** How a program is spoken with. */
export interface RpcOptions {
  /** How messages are told apart. Default `json`, a line each. */
  readonly codec?: RpcCodec;
  /** Longest message of the program's, in bytes; default 1 MiB. */
  readonly maxBytes?: number;
  /** Finds the actor whose methods the program calls, anew for every message; undefined while there is none. Default: there is none. */
  readonly resolve?: () => ActorRef | undefined;
}

/** Who waits for the answer to a request. */
export interface Asker {
  answer(value: unknown): void;
  /** The program's answer is an error. */
  refuse(fault: RpcFault): void;
  /** The request did not go out. */
  fail(error: Error): void;
  /** It waits no more: its answer would go nowhere. */
  hasGivenUp(): boolean;
}

/** What a channel is made from besides its options. */
export interface RpcEnds {
  /** The program's own actor. */
  readonly self: ActorRef;
  readonly losses: OutputLosses;
  /** Writes to the program; rejects when the bytes did not go, and never will. */
  write(bytes: Uint8Array): Promise<void>;
  /** The program broke the framing: none of its messages can be told apart any more. */
  broken(problem: string): void;
}

/** So few open requests are never looked through for those that nobody waits for. */
const FEW_REQUESTS = 64;

/** One conversation. What the program says outside of it is counted, told as a dead letter, and otherwise ignored. */
export class RpcChannel implements OutputSink {
  readonly #ends: RpcEnds;
  readonly #codec: RpcCodec;
  readonly #resolve: () => ActorRef | undefined;
  readonly #reader: OutputCodec;
  readonly #open = new Map<number, Asker>();
  #isOver = false;
  #lastId = 0;
  /** At how many open requests those are forgotten that nobody waits for. */
  #sweepAt = FEW_REQUESTS;
  #consumption = new Consumption(() => {});

  /** @throws {RangeError} if there is no such codec, or `maxBytes` is out of its range. */
  constructor(ends: RpcEnds, { codec = "json", maxBytes, resolve = () => undefined }: RpcOptions) {
    if (codec !== "json" && codec !== "lengthPrefixed")
      throw new RangeError(`rpc.codec must be json or lengthPrefixed, got ${String(codec)}`);
    this.#ends = ends;
    this.#codec = codec;
    this.#resolve = resolve;
    const sink: Partial<CodecSink> = {
      json: (value) => this.#received(value),
      frame: (bytes) => this.#frame(bytes),
      malformed: (problem, isLost) => this.#malformed(problem, isLost),
    };
    this.#reader = outputCodec(codec, sink as CodecSink, maxBytes);
  }

  /** Requests that somebody still waits for. */
  get openRequests(): number {
    this.#sweep();
    return this.#open.size;
  }

  /** Asks the program; `asker` hears at most once what came of it. One whose program ends first hears nothing from here. */
  request(method: string, args: readonly unknown[], asker: Asker): void {
    if (this.#open.size >= this.#sweepAt) {
      this.#sweep();
      this.#sweepAt = Math.max(FEW_REQUESTS, 2 * this.#open.size);
    }
    const id = ++this.#lastId;
    this.#open.set(id, asker);
    this.#say({ kind: "request", id, method, params: paramsOf(args) }).catch((error: Error) =>
      this.#take(id)?.fail(error),
    );
  }

  /** Tells the program; resolves when that is in its pipe. */
  notify(method: string, args: readonly unknown[]): Promise<void> {
    return this.#say({ kind: "notification", method, params: paramsOf(args) });
  }

  push(stream: OutputStream, bytes: Buffer, consumed: () => void): void {
    if (stream !== "stdout") return consumed();
    const consumption = new Consumption(consumed);
    this.#consumption = consumption;
    this.#reader.push(bytes);
    consumption.seal();
  }

  closed(stream: OutputStream): void {
    if (stream !== "stdout") return;
    // A message that was cut off by the end is no broken framing: the end has a reason of its own.
    this.#isOver = true;
    this.#reader.end();
  }

  tell(): void {}

  /**
   * Writes a message; rejects if JSON cannot say it, or if too much waits. To a program that reads no more it counts as written: that may just be ending, and
   * then its end is what the asker is told.
   */
  async #say(message: RpcMessage): Promise<void> {
    const bytes = this.#bytesOf(message);
    try {
      await this.#ends.write(bytes);
    } catch (error) {
      if (!isCopalError(error, "ERR_SIDECAR")) throw error;
    }
  }

  #bytesOf(message: RpcMessage): Buffer {
    try {
      return rpcBytes(message, this.#codec);
    } catch (error) {
      throw new NotCloneableError(`JSON cannot say it: ${(error as Error).message}`, {}, { cause: error });
    }
  }

  #frame(bytes: Buffer): void {
    let value: unknown;
    try {
      value = JSON.parse(bytes.toString());
    } catch (error) {
      return this.#malformed(`a frame is not JSON: ${(error as Error).message}`, false);
    }
    this.#received(value);
  }

  #received(value: unknown): void {
    const message = readRpc(value);
    switch (message?.kind) {
      case "request":
      case "notification":
        return this.#asked(message);
      case "result":
        return this.#answered(message, (asker) => asker.answer(message.result));
      case "fault":
        return this.#answered(message, (asker) => asker.refuse(message.fault));
      default:
        return this.#malformed("a value is no message of JSON-RPC 2.0", false);
    }
  }

  /** An answer to nobody is late, if the question was ever asked. */
  #answered({ id }: Extract<RpcMessage, { kind: "result" | "fault" }>, tell: (asker: Asker) => void): void {
    const asker = this.#take(id);
    if (asker) return tell(asker);
    const isLate = typeof id === "number" && Number.isInteger(id) && id >= 1 && id <= this.#lastId;
    if (!isLate) this.#malformed(`an answer to ${JSON.stringify(id)}, which nobody asked`, false);
  }

  #take(id: unknown): Asker | undefined {
    const asker = this.#open.get(id as number);
    this.#open.delete(id as number);
    return asker;
  }

  /** The program asks, or tells: the method of its actor is called, and counts as consumed when that is done. */
  #asked(message: Extract<RpcMessage, { kind: "request" | "notification" }>): void {
    const { method } = message;
    const args = argsOf(message.params);
    const id = message.kind === "request" ? message.id : undefined;
    const ref = this.#resolve();
    const fail = (code: number, text: string): void => {
      if (id === undefined) this.#ends.losses.dropped({ type: "cast", method, args });
      else this.#say({ kind: "fault", id, fault: { code, message: text } }).catch(() => {});
    };
    if (ref === undefined || cellOf(ref).isEnding) {
      fail(RPC_CODE.methodNotFound, `nobody here answers \`${method}\``);
      return;
    }
    this.#consumption.holdFor(ref, method, args, {
      answered: (result) => {
        if (id === undefined) return;
        this.#say({ kind: "result", id, result }).catch((error: Error) => fail(RPC_CODE.serverError, error.message));
      },
      failed: (error) => {
        fail(isCopalError(error, "ERR_NO_METHOD") ? RPC_CODE.methodNotFound : RPC_CODE.serverError, error.message);
      },
    });
  }

  #malformed(problem: string, isLost: boolean): void {
    this.#ends.losses.malformed({ type: "malformed", from: this.#ends.self, stream: "stdout", problem }, false);
    if (isLost && !this.#isOver) this.#ends.broken(problem);
  }

  #sweep(): void {
    for (const [id, asker] of this.#open) if (asker.hasGivenUp()) this.#open.delete(id);
  }
}
