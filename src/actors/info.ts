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
export type Info = ExitInfo | DownInfo | OutputInfo | LineInfo | ClosedInfo | ProcessExitInfo | SentInfo | TimeoutInfo;
