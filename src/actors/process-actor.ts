/**
 * `ProcessActor`: an actor that holds one OS process through a sidecar of its own. The only file that knows both an actor and a sidecar; does not
 * know supervisors.
 */
import { UnsupportedError } from "../errors.js";
import type { ExitReason } from "../exit.js";
import type { ActorRef } from "../ref.js";
import { type SidecarClient, type Started, startSidecar, type TreeStats } from "../sidecar/client.js";
import type { ExitReport } from "../sidecar/exit-report.js";
import type { StartOptions, StopPlan } from "../sidecar/start-options.js";
import { Actor } from "./actor.js";
import { deliver } from "./deliver.js";
import { exitOfProcess } from "./exit-of-process.js";
import type { Info, OutputStream } from "./info.js";
import { release } from "./instance.js";
import { callbacks } from "./methods.js";
import { OutputRoute, type RouteOptions } from "./output-route.js";
import { giveState } from "./state.js";

/** The process an actor is to hold, and what becomes of its output and its end. */
export interface ProcessSpec extends StartOptions {
  /** Exit codes that end the actor `"normal"`; `[0]` unless given. */
  readonly successExitCodes?: readonly number[];
  /** Where output goes from the start on. */
  readonly forward?: readonly RouteOptions[];
  /** Sees every chunk as it arrives, before everybody else. Called synchronously; must not throw. */
  readonly observe?: (stream: OutputStream, bytes: Buffer) => void;
}

/** How a subscriber gets output: one message per line, or the bytes as they come; of one stream, or of both. */
export interface SubscribeOptions {
  readonly as?: "lines" | "bytes";
  readonly stream?: OutputStream;
}

/** A process as its actor sees it. */
export interface ProcessStatus extends Started {
  readonly state: "running" | "stopping";
  /** Bytes written to it that are not in its pipe yet. */
  readonly stdinQueuedBytes: number;
}

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
  static readonly [callbacks]: readonly string[] = ["onOutput", "onLine", "onExit"];
  #spec: ProcessSpec = { argv: [] };
  #starting: Promise<SidecarClient> | undefined;
  #client: SidecarClient | undefined;
  #isStopping = false;
  #report: ExitReport | undefined;
  /** Subscriptions by subscriber; what the spec forwards, and what goes to its own hooks, by number. */
  readonly #routes = new Map<ActorRef | number, OutputRoute>();
  readonly #ended: (() => void)[] = [];
  readonly #stopping: ((report: ExitReport) => void)[] = [];

  /** Starts the process; the actor has started when the program runs. Fails with `ERR_START` and `{ startFailed }` if it does not. */
  override async init(spec: ProcessSpec): Promise<void> {
    this.#spec = spec;
    for (const options of [...(spec.forward ?? []), ...this.#hookRoutes()])
      this.#routes.set(this.#routes.size, new OutputRoute(this.self, options));
    this.#starting = startSidecar(spec, {
      output: (stream, bytes) => this.#output(stream, bytes),
      closed: (stream) => {
        for (const route of this.#routes.values()) route.closed(stream);
      },
      exited: (report) => this.#exited(report),
    });
    this.#client = await this.#starting;
    places.set(this.self, this.#client.place);
  }

  /** Writes to its standard input; resolves when the bytes are in the pipe. Rejects with `ERR_SIDECAR` when it reads no more (`osCode` `EPIPE`). */
  write(data: string | Uint8Array): Promise<void> {
    return this.#aside(this.#running().write(typeof data === "string" ? Buffer.from(data) : data));
  }

  /** Closes its standard input behind everything written before. */
  closeStdin(): Promise<void> {
    return this.#aside(this.#running().closeStdin());
  }

  /** Sends it a signal, by name or number: to the leader (default), its process group, or the whole tree. */
  signal(signal: string | number, target: "leader" | "group" | "tree" = "leader"): Promise<void> {
    return this.#aside(this.#running().signal(signal, target));
  }

  /** Stops the whole tree, by its own stop plan unless told otherwise; resolves with the report when nothing of it is left. */
  stop(plan?: StopPlan): Promise<ExitReport> {
    this.#isStopping = true;
    const client = this.#running();
    const report = new Promise<ExitReport>((resolve) => this.#stopping.push(resolve));
    return this.#aside(client.stop(plan).then(() => report));
  }

  /** Says what it holds. */
  status(): ProcessStatus {
    const client = this.#running();
    return {
      ...client.place,
      state: this.#isStopping ? "stopping" : "running",
      stdinQueuedBytes: client.stdinQueuedBytes,
    };
  }

  /** Counts the processes of its tree and what they use. */
  stats(): Promise<TreeStats> {
    return this.#aside(this.#running().stats());
  }

  /**
   * Sends its output to `ref`'s `handleInfo` from now on: `line` messages (or `output`, with `as: "bytes"`), then `closed` for each stream and `exit`.
   * The process waits for a subscriber that falls more than a window behind. Subscribing again replaces what was asked before.
   */
  subscribe(ref: ActorRef, { as = "lines", stream }: SubscribeOptions = {}): void {
    this.#routes.set(ref, new OutputRoute(this.self, { resolve: () => ref, as, ...(stream && { stream }) }));
  }

  /** Ends a subscription; what is on its way still arrives. */
  unsubscribe(ref: ActorRef): void {
    this.#routes.delete(ref);
  }

  /** Not supported yet: rejects with `ERR_UNSUPPORTED`. */
  resize(_rows: number, _cols: number): void {
    this.refuse(new UnsupportedError("`resize` is not supported yet: there is no pty", { feature: "pty" }));
  }

  /** Not supported yet: rejects with `ERR_UNSUPPORTED`. */
  handOver(_ref: ActorRef): void {
    this.refuse(new UnsupportedError("`handOver` is not supported yet", { feature: "handOver" }));
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
    return { argv, ...(successExitCodes && { successExitCodes }), ...(this.#client && this.status()) };
  }

  /** Ends the tree with the actor: by the stop plan, or at once when the actor is killed. */
  async [release](reason: ExitReason): Promise<void> {
    this.#isStopping = true;
    // An init that was abandoned has its process on the way still.
    const client = await this.#starting?.catch(() => undefined);
    if (!client || this.#report) return;
    const gone = new Promise<void>((resolve) => this.#ended.push(resolve));
    await (reason === "killed" ? client.kill() : client.stop()).catch(() => {});
    await gone;
  }

  #running(): SidecarClient {
    // Messages are handled only after init and before the end.
    return this.#client as SidecarClient;
  }

  /** Lets the mailbox go on while a request is under way; its failure is the caller's, not the actor's. */
  #aside<T>(request: Promise<T>): Promise<T> {
    const reply = this.replyLater<T>();
    return request.then(
      (value) => {
        reply(value);
        return value;
      },
      (error: unknown) => this.refuse(error as Error),
    );
  }

  #output(stream: OutputStream, bytes: Buffer): void {
    this.#spec.observe?.(stream, bytes);
    let open = this.#routes.size + 1;
    const consumed = () => {
      if (--open === 0) this.#credit(stream, bytes.length);
    };
    for (const [key, route] of this.#routes) {
      route.push(stream, bytes, consumed);
      // A subscriber that has ended does not come back under the same ref.
      if (route.droppedMessages > 0 && typeof key !== "number") this.#routes.delete(key);
    }
    consumed();
  }

  async #credit(stream: OutputStream, bytes: number): Promise<void> {
    // Output may come together with the news of the start.
    const client = this.#client ?? (await this.#starting?.catch(() => undefined));
    client?.credit(stream, bytes);
  }

  #exited(report: ExitReport): void {
    this.#report = report;
    for (const tell of this.#stopping) tell(report);
    const message: Info = { type: "exit", from: this.self, report };
    for (const [key, route] of this.#routes) if (typeof key !== "number") route.tell(message);
    for (const tell of this.#ended) tell();
    // Behind everything that its own hooks have still to handle.
    deliver(this.self, message, () => this.exit(exitOfProcess(report, this.#spec.successExitCodes ?? [0])));
  }

  /** Its own output as messages to itself, for the hooks that a subclass overrides. */
  #hookRoutes(): RouteOptions[] {
    const resolve = () => this.self;
    const base = ProcessActor.prototype;
    const routes: RouteOptions[] = [];
    if (this.onOutput !== base.onOutput) routes.push({ resolve, as: "bytes" });
    if (this.onLine !== base.onLine) routes.push({ resolve, as: "lines" });
    return routes;
  }
}
