/**
 * `ProcessActor`: an actor that holds one OS process through a sidecar of its own. The only file that knows both an actor and a sidecar; does not
 * know supervisors.
 */
import { NoProcError, StdinFullError } from "../errors.js";
import { type ExitReason, reasonFromError } from "../exit.js";
import { HeldProcess } from "../process/held-process.js";
import type { LimitOptions } from "../process/life-limits.js";
import { OutputTail } from "../process/output-tail.js";
import type { ActorRef } from "../ref.js";
import type { SidecarClient, TreeStats } from "../sidecar/client.js";
import type { ExitReport } from "../sidecar/exit-report.js";
import type { StartOptions } from "../sidecar/start-options.js";
import type { Started } from "../sidecar/started.js";
import type { StopPlan } from "../sidecar/stop-plan.js";
import { Actor, recordOf } from "./actor.js";
import { cellOf } from "./address.js";
import { Consumption } from "./consumption.js";
import { deliver } from "./deliver.js";
import { exitOfProcess } from "./exit-of-process.js";
import type { Info, OutputStream } from "./info.js";
import { release } from "./instance.js";
import { callbacks } from "./methods.js";
import { onEnd } from "./monitor.js";
import { OutputLosses } from "./output-losses.js";
import { OutputRoute, type RouteOptions } from "./output-route.js";
import { OutputSinks, type SubscribeOptions } from "./output-sinks.js";
import { answerLater, type OutputSink, ownSinks, writeBytes } from "./process-hooks.js";
import { giveState } from "./state.js";

/** The process an actor is to hold, and what becomes of its output and its end. */
export interface ProcessSpec extends StartOptions, LimitOptions {
  /** Exit codes that end the actor `"normal"`; `[0]` unless given. */
  readonly successExitCodes?: readonly number[];
  /** Where output goes from the start on. */
  readonly forward?: readonly RouteOptions[];
  /** The actor it belongs to; see {@link ProcessActor.handOver}. */
  readonly owner?: ActorRef;
  /** How many of the last bytes of each stream are kept for the report of its end, 0 to 16,777,216; 4,096 unless given. */
  readonly tailBytes?: number;
  /** Most bytes written to it that may wait to get into its pipe, from 0; 16,777,216 unless given. A write more is refused, unless nothing waits. */
  readonly stdinQueueBytes?: number;
  /** Sees every chunk as it arrives, before everybody else. Called synchronously; must not throw. Its promise holds the credit back. */
  readonly observe?: (stream: OutputStream, bytes: Buffer) => unknown;
}

/** A process as its actor sees it. */
export interface ProcessStatus extends Started {
  readonly state: "running" | "stopping";
  /** The actor it belongs to, besides its parent; null if none. */
  readonly owner: ActorRef | null;
  readonly subscribers: number;
  /** Whether it runs in a terminal of its own. */
  readonly hasTerminal: boolean;
  /** Bytes written to it that are not in its pipe yet. */
  readonly stdinQueuedBytes: number;
  /** Messages of its output that found no receiver, or that their receiver did not take. */
  readonly droppedMessages: number;
  /** Lines and frames of its output that were not of the form that was asked for. */
  readonly malformedMessages: number;
}

/** Bytes that may wait to get into a process's pipe where nothing else is said. */
const DEFAULT_STDIN_QUEUE_BYTES = 16 * 1024 * 1024;

const places = new WeakMap<ActorRef, Started>();

/** Returns what the process actor of `ref` holds, or held; undefined if it is none or has not started its process. */
export function placeOf(ref: ActorRef): Started | undefined {
  return places.get(ref);
}

/**
 * Holds one OS process and its whole tree.
 *
 * It starts with its process and ends with it: an end of the process is the actor's own (an exit code other than 0 is `{ exit }`, a signal
 * `{ signal }`), and whatever ends the actor stops the tree (signal, grace, SIGKILL) before anybody hears of its end. Output that nobody
 * subscribed to is read and dropped, so that it never blocks the process.
 *
 * Subclasses override `onOutput`, `onLine` and `onExit`. One that overrides `handleInfo` as well passes on to `super.handleInfo` what it does
 * not know, since these three are called from there.
 */
export class ProcessActor extends Actor {
  static readonly [callbacks]: readonly string[] = ["onOutput", "onLine", "onExit", "exitReasonOf"];
  #spec: ProcessSpec = { argv: [] };
  #held: HeldProcess | undefined;
  #starting: Promise<void> | undefined;
  #hasBegun = false;
  #isStopping = false;
  #report: ExitReport | undefined;
  readonly #sinks = new OutputSinks();
  readonly #losses = new OutputLosses(recordOf(this));
  #owner: { readonly ref: ActorRef; readonly forget: () => void } | undefined;
  #ownerIsGone = false;
  readonly #tails = { stdout: new OutputTail(0), stderr: new OutputTail(0) };
  readonly #ended: (() => void)[] = [];
  readonly #stopping: ((report: ExitReport) => void)[] = [];

  /** Starts the process; the actor has started when the program runs. Fails with `ERR_START` and `{ startFailed }` if it does not. */
  override async init(spec: ProcessSpec): Promise<void> {
    this.#spec = spec;
    this.#tails.stdout = new OutputTail(spec.tailBytes);
    this.#tails.stderr = new OutputTail(spec.tailBytes);
    this.#sinks.add((spec.forward ?? []).map((options) => this.#route(options)));
    this.#sinks.add(this[ownSinks](this.#losses));
    if (spec.owner) this.#belongTo(spec.owner);
    const { successExitCodes, forward, observe, owner, tailBytes, stdinQueueBytes, ...held } = spec;
    this.#held = new HeldProcess(held);
    void this.#held.exited.then((report) => this.#exited(report));
    const sink = {
      output: (stream: OutputStream, bytes: Buffer) => this.#output(stream, bytes),
      closed: (stream: OutputStream) => this.#sinks.closed(stream),
    };
    this.#starting = this.#held.begin(sink, recordOf(this).runtime.sidecars);
    await this.#starting;
    this.#hasBegun = true;
    places.set(this.self, this.#held.client.place);
  }

  /**
   * Writes to its standard input; resolves when the bytes are in the pipe. A writer that waits for that is as fast as the process reads.
   *
   * Rejects with `ERR_SIDECAR` when it reads no more (`osCode` `EPIPE`), with `ERR_STDIN_FULL` when more than `stdinQueueBytes` would wait with it.
   */
  write(data: string | Uint8Array): Promise<void> {
    return this[answerLater]("write", this[writeBytes](typeof data === "string" ? Buffer.from(data) : data));
  }

  /** Closes its standard input behind everything written before. */
  closeStdin(): Promise<void> {
    return this[answerLater]("closeStdin", this.#running().closeStdin());
  }

  /** Sends it a signal, by name or number: to the leader (default), its process group, or the whole tree. */
  signal(signal: string | number, target: "leader" | "group" | "tree" = "leader"): Promise<void> {
    return this[answerLater]("signal", this.#running().signal(signal, target));
  }

  /** Stops the whole tree, by its own stop plan unless told otherwise; resolves with the report when nothing of it is left. */
  stop(plan?: StopPlan): Promise<ExitReport> {
    this.#isStopping = true;
    const client = this.#running();
    const report = new Promise<ExitReport>((resolve) => this.#stopping.push(resolve));
    const stopped = client.stop(plan).then(() => report);
    return this[answerLater]("stop", stopped);
  }

  /** Whether its process still runs. */
  alive(): boolean {
    return this.#report === undefined;
  }

  /** The last bytes that it wrote, as text: 4,096 of each stream unless `tailBytes` says otherwise. */
  tail(stream: OutputStream = "stdout"): string {
    return this.#tails[stream].bytes().toString();
  }

  /** Says what it holds. */
  status(): ProcessStatus {
    const client = this.#running();
    return {
      ...client.place,
      state: this.#isStopping ? "stopping" : "running",
      owner: this.#owner?.ref ?? null,
      subscribers: this.#sinks.subscribers,
      hasTerminal: Boolean(this.#spec.pty),
      stdinQueuedBytes: client.stdinQueuedBytes,
      droppedMessages: this.#losses.droppedMessages,
      malformedMessages: this.#losses.malformedMessages,
    };
  }

  /** Counts the processes of its tree and what they use. */
  stats(): Promise<TreeStats> {
    return this[answerLater]("stats", this.#running().stats());
  }

  /**
   * Sends its output to `ref`'s `handleInfo` from now on: `line` messages (or `output`, `json`, `frame`, by `as`), then `closed` for each stream and `exit`.
   * What is not of the form comes as `malformed`. The process waits for a subscriber that falls more than a window behind; one that ends is forgotten.
   * Subscribing again replaces what was asked before.
   *
   * Refuses with `RangeError` if `as` or `maxBytes` is wrong.
   */
  subscribe(ref: ActorRef, options: SubscribeOptions = {}): void {
    const { as = "lines", stream, maxBytes } = options;
    let route: OutputSink;
    try {
      const limits = maxBytes !== undefined && { maxBytes };
      route = this.#route({ resolve: () => ref, as, ...(stream && { stream }), ...limits });
    } catch (error) {
      this.refuse(error as Error);
    }
    this.#sinks.subscribe(ref, options, route);
  }

  /** Ends a subscription; what is on its way still arrives. */
  unsubscribe(ref: ActorRef): void {
    this.#sinks.unsubscribe(ref);
  }

  /**
   * Gives the process to another actor. From then on the process ends with `ref`, whatever the reason of its end, `"normal"` included; and `ref` gets what
   * the owner before was subscribed to (lines, if it was not), while that one gets nothing more but a `handedOver`. The link to
   * the actor that started it, its supervisor mostly, stays as it is.
   *
   * Refuses with `ERR_NOPROC` if `ref` is gone.
   */
  handOver(ref: ActorRef): void {
    if (cellOf(ref).hasEnded) this.refuse(new NoProcError(`${ref.id} is gone and cannot own a process`, { ref }));
    const before = this.#owner;
    const options = before && this.#sinks.optionsOf(before.ref);
    if (before && before.ref !== ref) {
      before.forget();
      this.unsubscribe(before.ref);
      deliver(before.ref, { type: "handedOver", from: this.self, to: ref });
    }
    if (before?.ref === ref) return;
    this.#belongTo(ref);
    this.subscribe(ref, options);
  }

  /** Changes the size of its terminal, in characters; rejects with `ERR_SIDECAR` where there is none. */
  resize(rows: number, cols: number): Promise<void> {
    return this[answerLater]("resize", this.#running().resize(rows, cols));
  }

  /** Freezes its whole tree until `resume`; a stop thaws it. */
  pause(): Promise<void> {
    return this[answerLater]("pause", this.#running().pause());
  }

  /** Lets a frozen tree go on. */
  resume(): Promise<void> {
    return this[answerLater]("resume", this.#running().resume());
  }

  /** Called with each chunk of output, if overridden. */
  protected onOutput(_stream: OutputStream, _bytes: Buffer): unknown {
    return undefined;
  }

  /** Called with each line of output, if overridden. */
  protected onLine(_stream: OutputStream, _line: string): unknown {
    return undefined;
  }

  /** Called once, after the last output, when nothing of the tree is left. */
  protected onExit(_report: ExitReport): unknown {
    return undefined;
  }

  /** Gives the reason with which the actor ends after its process; may be overridden. What it throws is the reason then. */
  protected exitReasonOf(report: ExitReport): ExitReason {
    return exitOfProcess(report, this.#spec.successExitCodes ?? [0]);
  }

  override handleInfo(message: Info): unknown {
    if (!("from" in message) || message.from !== this.self) return super.handleInfo(message);
    if (message.type === "output") return this.onOutput(message.stream, message.bytes as Buffer);
    if (message.type === "line") return this.onLine(message.stream, message.line);
    if (message.type === "exit") return this.onExit(message.report);
    return undefined;
  }

  /** Shows the process and its command to those who look on; the environment may hold secrets. */
  [giveState](): unknown {
    const { argv, successExitCodes } = this.#spec;
    const tail = { stdout: this.tail("stdout"), stderr: this.tail("stderr") };
    return { argv, ...(successExitCodes && { successExitCodes }), ...(this.#hasBegun && this.status()), tail };
  }

  /** Ends the tree with the actor: by the stop plan, or at once when the actor is killed. */
  async [release](reason: ExitReason): Promise<void> {
    this.#isStopping = true;
    this.#owner?.forget();
    // An init that was abandoned has its process on the way still.
    const isHeld = await this.#starting?.then(
      () => true,
      () => false,
    );
    if (!isHeld || !this.#held || this.#report) return this.#forgetAll();
    const gone = new Promise<void>((resolve) => this.#ended.push(resolve));
    await this.#held.stop(reason === "killed" ? { graceMs: 0 } : {}).catch(() => {});
    await gone;
  }

  /** Its own output as messages to itself, for the hooks that a subclass overrides. */
  [ownSinks](_losses: OutputLosses): readonly OutputSink[] {
    const resolve = () => this.self;
    const base = ProcessActor.prototype;
    const sinks: OutputSink[] = [];
    if (this.onOutput !== base.onOutput) sinks.push(this.#route({ resolve, as: "bytes" }));
    if (this.onLine !== base.onLine) sinks.push(this.#route({ resolve, as: "lines" }));
    return sinks;
  }

  /** Writes bytes, unless too many wait already; resolves when they are in the pipe. */
  [writeBytes](bytes: Uint8Array): Promise<void> {
    // Its first output may be here before the news of its start: what answers that waits.
    if (!this.#hasBegun) return Promise.resolve(this.#starting).then(() => this[writeBytes](bytes));
    const client = this.#running();
    const { stdinQueueBytes: mostBytes = DEFAULT_STDIN_QUEUE_BYTES } = this.#spec;
    const queuedBytes = client.stdinQueuedBytes;
    if (queuedBytes === 0 || queuedBytes + bytes.length <= mostBytes) return client.write(bytes);
    const text = `${recordOf(this).label} does not read: ${queuedBytes} bytes wait for it, and ${bytes.length} more are too many`;
    return Promise.reject(new StdinFullError(text, { ref: this.self, queuedBytes }));
  }

  /**
   * Answers the call in hand with what `request` comes to and lets the mailbox go on meanwhile; its failure is the caller's, not the actor's. For a
   * subclass that calls one of its own methods, while another message is in hand, it is `request` and nothing else.
   */
  [answerLater]<T>(method: string, request: Promise<T>): Promise<T> {
    const { current } = recordOf(this);
    if (current === undefined || !("method" in current) || current.method !== method) return request;
    const reply = this.replyLater<T>();
    return request.then(
      (value) => {
        reply(value);
        return value;
      },
      (error: unknown) => this.refuse(error as Error),
    );
  }

  #running(): SidecarClient {
    // Messages are handled only after init and before the end.
    return (this.#held as HeldProcess).client;
  }

  #route(options: RouteOptions): OutputRoute {
    return new OutputRoute(this.self, options, this.#losses);
  }

  #belongTo(ref: ActorRef): void {
    const gone = () => {
      this.#ownerIsGone = true;
      if (this.#isStopping || this.#report) return;
      this.#isStopping = true;
      this.exit({ shutdown: "ownerGone" });
    };
    this.#owner = { ref, forget: onEnd(cellOf(ref), gone) };
  }

  #output(stream: OutputStream, bytes: Buffer): void {
    const seen = this.#spec.observe?.(stream, bytes);
    this.#tails[stream].push(bytes);
    const all = new Consumption(() => this.#held?.credit(stream, bytes.length));
    this.#sinks.push(stream, bytes, all.begin());
    if (seen instanceof Promise) {
      const done = all.begin();
      seen.then(done, done);
    }
    all.seal();
  }

  #exited(seen: ExitReport): void {
    const report: ExitReport =
      this.#ownerIsGone && seen.stoppedBy === "owner" ? { ...seen, stoppedBy: "ownerGone" } : seen;
    this.#report = report;
    for (const tell of this.#stopping) tell(report);
    const tail = { stdout: this.tail("stdout"), stderr: this.tail("stderr") };
    const message: Info = { type: "exit", from: this.self, report, tail };
    this.#sinks.ended(message);
    this.#owner?.forget();
    for (const tell of this.#ended) tell();
    // Behind everything that its own hooks have still to handle.
    deliver(this.self, message, () => this.exit(this.#reasonOf(report)));
  }

  #reasonOf(report: ExitReport): ExitReason {
    try {
      return this.exitReasonOf(report);
    } catch (error) {
      return reasonFromError(error);
    }
  }

  /** Nobody is to be told any more, or waited for. */
  #forgetAll(): void {
    this.#sinks.forgetMonitors();
    this.#owner?.forget();
  }
}
