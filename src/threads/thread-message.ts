/**
 * What threads tell each other: one list, a word first. All that is meant for the actors of a thread goes over one port in one order. What is sent most
 * is flat, its arguments included, since a structured clone pays for every object. Knows only the shapes.
 */
import type { MessagePort } from "node:worker_threads";
import type { SignalKind } from "../actors/link.js";
import type { MailboxLimit } from "../actors/mailbox-bound.js";
import type { ComputeEnd, ComputeOrder } from "../compute/compute-host.js";
import type { PlainError } from "../errors.js";
import type { ExitReason } from "../exit.js";
import type { Address } from "./parcel.js";
import type { PoolOptions } from "./thread-pools.js";
import type { ChannelEnd } from "./thread-port.js";

/** An actor to start: where its class is, and what it is started with. */
export interface StartOrder {
  readonly id: number;
  /** What its starter called its place when it asked the main thread for it; undefined where the main thread is the starter. */
  readonly place: number | undefined;
  readonly name: string | undefined;
  readonly label: string;
  readonly parent: Address | undefined;
  readonly shutdownMs: number;
  readonly mailbox: MailboxLimit | undefined;
  /** How long its thread may be busy with one thing; for ever unless given. */
  readonly watchdogMs: number | undefined;
  readonly source: ModuleSource;
  /** The arguments of its `init`, and what the class loader is told besides. */
  readonly args: unknown;
  readonly isPacked: boolean;
}

/** Where an actor's class is found. */
export interface ModuleSource {
  /** A file's absolute path or a package's name. */
  readonly module: string;
  readonly exportName: string;
  /** Where packages are looked for from. */
  readonly folder: string;
}

/** The last word of a thread that ends with its actor. */
export interface LastWord {
  readonly id: number;
  readonly reason: ExitReason;
  readonly cause: PlainError | undefined;
  readonly ignored: boolean;
}

/** One message between threads. */
export type ThreadMessage =
  | readonly [
      word: "call",
      to: number,
      number: number,
      method: string,
      timeoutMs: number,
      isPacked: boolean,
      ...args: unknown[],
    ]
  /** A request to the runtime's side of an actor, by its name; answered as a call is. */
  | readonly [word: "request", to: number, number: number, request: string, args: unknown, isPacked: boolean]
  /** A cast, or a message where there is no method, whose sender waits until it is in the mailbox. */
  | readonly [
      word: "submit",
      to: number,
      number: number,
      method: string | undefined,
      args: unknown,
      isPacked: boolean,
      timeoutMs: number,
    ]
  | readonly [word: "cast", to: number, method: string, isPacked: boolean, ...args: unknown[]]
  | readonly [word: "send", to: number, message: unknown, isPacked: boolean]
  /** An info with its type, such as a process's output; `handled` comes back if it has a number. */
  | readonly [word: "info", to: number, info: unknown, isPacked: boolean, number: number | undefined]
  | readonly [word: "handled", number: number]
  | readonly [word: "answer", number: number, value: unknown, isPacked: boolean]
  /** An answer that counts when the thread is gone, since the actor that gives it ends with it. */
  | readonly [word: "lastAnswer", number: number, value: unknown, isPacked: boolean]
  | readonly [word: "fail", number: number, error: PlainError]
  /** What a proxy that was sent is used for, and what came of that. */
  | readonly [word: "toOwner", number: number, message: unknown, isPacked: boolean]
  | readonly [word: "toHolder", number: number, message: unknown, isPacked: boolean]
  | readonly [word: "exit", to: number, from: Address, reason: ExitReason, kind: SignalKind]
  /** An actor that did not start is no business of its starter's any more. */
  | readonly [word: "callOff", to: number, reason: ExitReason]
  | readonly [word: "stop", to: number, reason: ExitReason]
  | readonly [word: "link", to: number, from: Address]
  | readonly [word: "unlink", to: number, from: Address]
  | readonly [word: "unlinked", to: number, from: Address]
  /** The sender's thread wants to hear of the end. */
  | readonly [word: "watch", to: number]
  | readonly [word: "ended", id: number, reason: ExitReason]
  | readonly [word: "start", order: StartOrder]
  | readonly [word: "started", id: number]
  | readonly [word: "startFailed", id: number, reason: ExitReason, cause: PlainError | undefined, ignored: boolean]
  /** To the main thread: carry this end of a channel to that thread. */
  | readonly [word: "connect", thread: number, end: ChannelEnd]
  /** From the main thread: that thread has this channel with you. */
  | readonly [word: "connected", thread: number, end: ChannelEnd]
  /** From the main thread: that thread is no more. */
  | readonly [word: "lost", thread: number, reason: ExitReason, lastWord: LastWord | undefined]
  /** From the main thread: nobody lives there any more. */
  | readonly [word: "close"]
  /** To the main thread: find a place for an actor; the answer has the same number. */
  | readonly [
      word: "place",
      number: number,
      placement: "pool" | "own",
      limits: PoolOptions,
      entry: string,
      shutdownMs: number,
    ]
  | readonly [word: "placed", number: number, thread: number]
  | readonly [word: "notPlaced", number: number, error: PlainError]
  /** To the main thread: nobody comes to live in that place. */
  | readonly [word: "unplace", number: number]
  /** To the main thread: who was to live in the place that thread asked for lives here now; and, any of these does not any more. */
  | readonly [word: "housed", asker: number, number: number]
  | readonly [word: "vacated"]
  /** To the main thread: that thread was told to end its actor. */
  | readonly [word: "asked", thread: number]
  /** To the main thread: that thread must hear within so long of what it was told. */
  | readonly [word: "mustHear", thread: number, withinMs: number]
  /** To the main thread: something was published on this channel. */
  | readonly [word: "published", channel: string, message: unknown, isPacked: boolean]
  /** To the main thread: an order to end was heard, and what it takes is under way. */
  | readonly [word: "ending"]
  | readonly [word: "last", lastWord: LastWord]
  /** To the main thread: look after this one, whose pulse this is, with that limit, or no more. */
  | readonly [word: "guard", limitMs: number | undefined, pulse: SharedArrayBuffer | undefined]
  /** From the main thread, which has seen no sign of life for a while; and the sign. */
  | readonly [word: "ask"]
  | readonly [word: "sign"]
  /** To the main thread, of the fork server that it lends; from it, what it says. */
  | readonly [word: "lend"]
  | readonly [word: "lent", path: string]
  | readonly [word: "notLent", error: PlainError]
  | readonly [word: "abandon", path: string]
  | readonly [word: "greeted", sidecarPid: number]
  | readonly [word: "sweep", sidecarPid: number]
  | readonly [word: "swept", sidecarPid: number]
  /** To the main thread, of the compute pool that it lends; from it, what became of an order. */
  | readonly [word: "compute", number: number, order: ComputeOrder, port: MessagePort]
  | readonly [word: "abortCompute", number: number]
  | readonly [word: "computed", number: number, end: ComputeEnd];
