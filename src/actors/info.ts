/**
 * What reaches an actor's `handleInfo`: everything that is not a call or a cast of one of its methods. Types only.
 */
import type { ExitReason } from "../exit.js";
import type { ActorRef } from "../ref.js";
import type { ExitReport } from "../sidecar/exit-report.js";

/** A standard stream that a process writes to. */
export type OutputStream = "stdout" | "stderr";

/** A linked actor ended, or sent an exit signal, and this actor traps exits. */
export interface ExitInfo {
  readonly type: "EXIT";
  readonly from: ActorRef;
  readonly reason: ExitReason;
}

/** A monitored actor ended; `"noproc"` if it was gone when the monitor was set. */
export interface DownInfo {
  readonly type: "DOWN";
  /** What `monitor` returned. */
  readonly monitor: number;
  /** If a name was monitored that nobody bore, a ref of that name behind which there is nobody. */
  readonly from: ActorRef;
  readonly reason: ExitReason;
  /** The name, if one was monitored. */
  readonly name?: string;
}

/** Bytes that a process wrote, as they came. */
export interface OutputInfo {
  readonly type: "output";
  readonly from: ActorRef;
  readonly stream: OutputStream;
  readonly bytes: Uint8Array;
}

/** One line that a process wrote, without its end. */
export interface LineInfo {
  readonly type: "line";
  readonly from: ActorRef;
  readonly stream: OutputStream;
  readonly line: string;
}

/** One value that a process wrote as a line of JSON. */
export interface JsonInfo {
  readonly type: "json";
  readonly from: ActorRef;
  readonly stream: OutputStream;
  readonly value: unknown;
}

/** One frame that a process wrote behind its length. */
export interface FrameInfo {
  readonly type: "frame";
  readonly from: ActorRef;
  readonly stream: OutputStream;
  readonly bytes: Uint8Array;
}

/** A process wrote something that is not of the form that was asked for; it is dropped. */
export interface MalformedInfo {
  readonly type: "malformed";
  readonly from: ActorRef;
  readonly stream: OutputStream;
  readonly problem: string;
}

/** No more output of this stream will come. */
export interface ClosedInfo {
  readonly type: "closed";
  readonly from: ActorRef;
  readonly stream: OutputStream;
}

/** A process ended and nothing of its tree is left. */
export interface ProcessExitInfo {
  readonly type: "exit";
  readonly from: ActorRef;
  readonly report: ExitReport;
  /** The last bytes of each stream, as text; how many is the process's `tailBytes`. */
  readonly tail: Readonly<Record<OutputStream, string>>;
}

/** A process belongs to another actor from now on; sent to the one that it belonged to. */
export interface HandedOverInfo {
  readonly type: "handedOver";
  readonly from: ActorRef;
  readonly to: ActorRef;
}

/** What somebody sent with `ref.send`, or this actor to itself with `after`. */
export interface SentInfo {
  readonly type: "info";
  readonly message: unknown;
}

/** No message came for as long as this actor had asked for with `timeout`. */
export interface TimeoutInfo {
  readonly type: "timeout";
}

/** The messages of `handleInfo`, told apart by `type`. */
export type Info =
  | ExitInfo
  | DownInfo
  | OutputInfo
  | LineInfo
  | JsonInfo
  | FrameInfo
  | MalformedInfo
  | ClosedInfo
  | ProcessExitInfo
  | HandedOverInfo
  | SentInfo
  | TimeoutInfo;
