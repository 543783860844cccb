/**
 * `ProgramActor`: a process actor whose program is an actor itself, in any language: calls and casts go to it as JSON-RPC 2.0 over its standard input and
 * output. Knows what a call is and what an error means; how messages are written and answers are found is `rpc-channel.ts`.
 */
import { NoMethodError, ProgramError, WireError } from "../errors.js";
import { reasonFromError } from "../exit.js";
import { RPC_CODE, type RpcFault } from "../process/json-rpc.js";
import type { ActorRef } from "../ref.js";
import { recordOf } from "./actor.js";
import type { Call } from "./envelope.js";
import { otherMethods } from "./methods.js";
import type { OutputLosses } from "./output-losses.js";
import { ProcessActor, type ProcessSpec, type ProcessStatus } from "./process-actor.js";
import { answerLater, type OutputSink, ownSinks, writeBytes } from "./process-hooks.js";
import { RpcChannel, type RpcOptions } from "./rpc-channel.js";

/** The program to hold, and how it is spoken with. */
export interface ProgramSpec extends ProcessSpec {
  readonly rpc?: RpcOptions;
}

/** A program as its actor sees it. */
export interface ProgramStatus extends ProcessStatus {
  /** Requests that it has not answered and that somebody still waits for. */
  readonly openRequests: number;
}

/**
 * What a program with the methods of `Api` can be told: `tree.whereis<Program<GeoApi>>("geo")`. A method of the process actor's own (`write`, `stop`,
 * `status`, …) stays that; the program's of the same name is `request("stop")`.
 */
export type Program<Api> = Pick<ProgramActor, keyof ProgramActor> & Omit<Api, keyof ProgramActor>;

/**
 * Holds a process and speaks with its program in JSON-RPC 2.0. Every call of a method that is none of its own is a request to the program, every such cast a
 * notification.
 *
 * A call is answered with the program's `result`; an `error` rejects it with `ERR_PROGRAM` (with `ERR_NO_METHOD` where it is -32601), the end of the process
 * with `ERR_ACTOR_EXIT`, an argument that JSON cannot say with `ERR_NOT_CLONEABLE`, too many bytes that the program has not read with `ERR_STDIN_FULL`. An
 * answer that comes after its call has timed out is dropped. Answers are looked for as they come, also while a method of a subclass holds the mailbox.
 *
 * What the program asks and tells by itself are calls and casts of the actor that `rpc.resolve` finds. Everything else that it writes to standard output is
 * counted as malformed; a broken framing ends the actor with `ERR_WIRE`. Standard error is free.
 */
export class ProgramActor extends ProcessActor {
  #rpc: RpcOptions = {};
  #channel: RpcChannel | undefined;

  /** As a process actor's. @throws {RangeError} if its streams are no pipes, or `rpc` is wrong; nothing was started. */
  override async init({ rpc = {}, ...spec }: ProgramSpec): Promise<void> {
    const { stdin = "pipe", stdout = "pipe", mergeStderr, pty } = spec;
    if (stdin !== "pipe" || stdout !== "pipe" || mergeStderr || pty)
      throw new RangeError("a program is spoken with over pipes: no other stdin or stdout, no mergeStderr, no pty");
    this.#rpc = rpc;
    await super.init(spec);
  }

  /** Asks the program, whatever the method is called; for names that this actor has itself. */
  request(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this[answerLater]("request", this.#ask(method, args, "request"));
  }

  /** Tells the program something that has no answer, whatever the method is called; resolves when it is in the pipe. */
  notify(method: string, ...args: readonly unknown[]): Promise<void> {
    return this[answerLater]("notify", this.#talk().notify(method, args));
  }

  override status(): ProgramStatus {
    return { ...super.status(), openRequests: this.#talk().openRequests };
  }

  /** For the runtime: a message of any other name is the program's. */
  [otherMethods](...args: readonly unknown[]): unknown {
    const { current } = recordOf(this);
    if (current?.kind !== "call" && current?.kind !== "cast") return undefined;
    const { kind, method } = current;
    const spoken = kind === "call" ? this.#ask(method, args, method) : this.#talk().notify(method, args);
    return this[answerLater](method, spoken);
  }

  override [ownSinks](losses: OutputLosses): readonly OutputSink[] {
    const ends = {
      self: this.self as ActorRef<unknown> as ActorRef,
      losses,
      write: (bytes: Uint8Array) => this[writeBytes](bytes),
      broken: (problem: string) =>
        this.exit(reasonFromError(new WireError(`the program breaks its framing: ${problem}`, {}))),
    };
    this.#channel = new RpcChannel(ends, this.#rpc);
    return [this.#channel, ...super[ownSinks](losses)];
  }

  #talk(): RpcChannel {
    // There is one from `init` on, before any message.
    return this.#channel as RpcChannel;
  }

  /** Asks the program in the name of the call in hand, if that is `inHand`. */
  #ask(method: string, args: readonly unknown[], inHand: string): Promise<unknown> {
    const { current } = recordOf(this);
    const call = current?.kind === "call" && current.method === inHand ? current : undefined;
    if (call) this.#keepLimit(call);
    return new Promise((answer, fail) => {
      const refuse = (fault: RpcFault) => fail(this.#errorOf(method, fault));
      this.#talk().request(method, args, { answer, fail, refuse, hasGivenUp: () => call?.isSettled === true });
    });
  }

  /** The limit of a caller in another thread is kept there: kept here too, its request is forgotten when nobody waits for it any more. */
  #keepLimit(call: Call): void {
    if (call.farLimitMs !== undefined) recordOf(this).runtime.deadlines.add(call, call.farLimitMs);
  }

  #errorOf(method: string, { code, message, data }: RpcFault): Error {
    const ref = this.self as ActorRef<unknown> as ActorRef;
    const fields = { ref, method, programCode: code, ...(data !== undefined && { data }) };
    const error = new ProgramError(message, fields);
    if (code !== RPC_CODE.methodNotFound) return error;
    const text = `${recordOf(this).label} has no method \`${method}\`: ${message}`;
    return new NoMethodError(text, { ref, method }, { cause: error });
  }
}
