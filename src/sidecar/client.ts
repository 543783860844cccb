/**
 * One process's life in its sidecar: its start, who waits for which answer, the flow of bytes, its end. Turns method calls into commands and
 * hands events to one sink; decides nothing about restarts and knows no actor.
 */
import { SidecarError, WireError } from "../errors.js";
import type { CommandBodies, EventBodies, WireEvent } from "../wire/messages.js";
import { CAPABILITY, STREAM } from "../wire/messages.js";
import { gone, lossOf, startError, unread } from "./client-errors.js";
import { Connection } from "./connection.js";
import { type EncodedStart, encodedStart } from "./encoded-start.js";
import { type ExitReport, exitReport, lostReport } from "./exit-report.js";
import { keepIdle, takeIdle } from "./idle-sidecars.js";
import { LentPipe } from "./lent-pipe.js";
import { warnOfMissing } from "./limits-warning.js";
import { waitForLostTree } from "./lost-tree.js";
import type { SidecarHost } from "./sidecar-host.js";
import { type StartOptions, size } from "./start-options.js";
import { type Started, startedOf } from "./started.js";
import { StdinQueue } from "./stdin-queue.js";
import { knownSignal, type StopPlan, stopBody } from "./stop-plan.js";
import { TakenPipe } from "./taken-pipe.js";
import { sidecarHost } from "./thread-sidecars.js";

/** The two streams a process writes to. */
export type OutputStream = "stdout" | "stderr";

/** Where the events of one process go. `closed` is called once for each stream and `exited` once, after which nothing is called. */
export interface SidecarSink {
  /** Bytes arrived; they are the sink's to keep, and it gives credit once they are consumed. */
  output(stream: OutputStream, bytes: Buffer): void;
  /** No more bytes of this stream will come. */
  closed(stream: OutputStream): void;
  /** The process and its whole tree are gone. Its last output came before this. */
  exited(report: ExitReport): void;
}

/** What lives under one process and what it uses. */
export type TreeStats = Readonly<EventBodies["stats"]>;

/** Tries to connect while the fork server's queue of connections is full, and anew after finding it, or an idle sidecar, dead. */
const MAX_TRIES = 100;

/** Milliseconds a sidecar has, beyond the grace, to end its tree before it is taken for stuck and killed itself. */
const STUCK_AFTER_MS = 2_000;

/**
 * Starts a process in a sidecar of its own, from `host` or else from the fork server, and resolves once the program runs.
 *
 * @throws {RangeError} if the options are wrong; nothing was started.
 * @throws {StartError} if the program could not be started: `failure` has stage and errno.
 * @throws {SidecarError} if there is no usable sidecar: stage `find`, `start` or `hello`.
 */
export async function startSidecar(
  options: StartOptions,
  sink: SidecarSink,
  host?: SidecarHost,
): Promise<SidecarClient> {
  const start = encodedStart(options);
  for (let tries = 1; ; tries++) {
    const idle = host ? undefined : takeIdle();
    const connection = idle ?? new Connection(host ?? (await sidecarHost()));
    const client = new SidecarClient(connection, start, sink);
    try {
      await client.started;
      return client;
    } catch (error) {
      if (tries >= MAX_TRIES || !(error instanceof SidecarError)) throw error;
      const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
      if (code === "ECONNREFUSED") connection.server.abandon();
      else if (code === "EAGAIN") await new Promise((resolve) => setTimeout(resolve, tries));
      // An idle sidecar that was told to end, and says so, had nothing and is not announced as swept.
      else if (idle && error.osCode === "ERR_SIDECAR") continue;
      // An idle sidecar that was killed unnoticed: what it may have started is gone before another is tried.
      else if (idle) await idle.server.swept(idle.sidecarPid);
      else {
        // Killed before it could say what it had started.
        const wasKilled = error.osCode === undefined && !(error.cause instanceof WireError);
        if (wasKilled && connection.sidecarPid > 0) await connection.server.swept(connection.sidecarPid);
        throw error;
      }
    }
  }
}

/** The owner's end of one process; made by {@link startSidecar}. */
export class SidecarClient {
  readonly #connection: Connection;
  readonly #sink: SidecarSink;
  /** Made for the first write: most processes get none. */
  #stdinQueue: StdinQueue | undefined;
  readonly #argv0: string;
  readonly #stopPlan: CommandBodies["stop"];
  readonly #windowBytes: CommandBodies["start"]["windowBytes"];
  /** Whether its standard input is a socket. */
  readonly #hasSocket: boolean;
  /** Bytes consumed that were not credited yet. */
  readonly #consumedBytes = { stdout: 0, stderr: 0 };
  /** Bytes handed to the sink that it has not given back, of streams that are not taken. */
  readonly #unconsumedBytes = { stdout: 0, stderr: 0 };
  /** Pipes of streams with much output, which are read here and no longer by the sidecar. */
  readonly #taken: { stdout?: TakenPipe; stderr?: TakenPipe } = {};
  #keepsNodeRunning = true;
  readonly #startedAt = performance.now();
  readonly #startId: number;
  readonly #requests = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  /** Which streams have not ended yet. */
  readonly #isOpen = { stdout: true, stderr: true };
  #place: Started | undefined;
  /** Why nothing reaches the process any more; made when somebody asks, since most ends disappoint nobody. */
  #failure: (() => Error) | undefined;
  /** Resolves when the program runs; rejects when it never did. */
  readonly started: Promise<void>;

  /** Asks for the start at once. Use {@link startSidecar}, which waits for {@link started} and tries again. */
  constructor(connection: Connection, start: EncodedStart, sink: SidecarSink) {
    this.#connection = connection;
    this.#sink = sink;
    this.#argv0 = start.program;
    this.#stopPlan = start.body.stop;
    this.#windowBytes = start.body.windowBytes;
    this.#hasSocket = start.body.stdin === "socket";
    connection.holdFor({
      received: (event, owned) => this.#received(event, owned),
      lost: (cause) => this.#lost(cause),
    });
    const { id, isFree } = connection.sendStart(start.frame);
    if (!isFree) start.frame = Buffer.from(start.frame);
    this.#startId = id;
    this.started = new Promise<unknown>((resolve, reject) =>
      this.#requests.set(this.#startId, { resolve, reject }),
    ) as Promise<void>;
  }

  /** What runs, and where. Known once {@link started} has resolved. */
  get place(): Started {
    if (!this.#place) throw new SidecarError(`${this.#argv0} has not started yet`, { stage: "start" });
    return this.#place;
  }

  /** Bytes written and not yet in the process's pipe. */
  get stdinQueuedBytes(): number {
    return this.#stdinQueue?.queuedBytes ?? 0;
  }

  /** Writes to standard input; resolves when the bytes are in the pipe. Rejects with `EPIPE` as its `osCode` when nobody reads any more. */
  write(data: Uint8Array): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure());
    this.#stdinQueue ??= new StdinQueue(this.#windowBytes.stdin, {
      send: (bytes) => this.#connection.sendWrite(bytes),
      borrow: () => this.#borrow(),
      // Who asks for a socket expects a flood.
      ...(this.#hasSocket && { borrowAfterBytes: 0 }),
      broken: (cause) => unread(this.#argv0, cause),
    });
    return this.#stdinQueue.write(data);
  }

  /** Closes standard input behind everything written before; resolves when it is closed. */
  async closeStdin(): Promise<void> {
    await this.#stdinQueue?.readyToClose();
    await this.#request("closeStdin", {});
  }

  /** Sends a signal by name or number; rejects with `ESRCH` as its `osCode` when nobody was there to get it. */
  async signal(signal: string | number, target: "leader" | "group" | "tree" = "leader"): Promise<void> {
    await this.#request("signal", { signal: knownSignal(signal), target });
  }

  /**
   * Begins to stop the whole tree, by the plan it was started with where `plan` says nothing else; resolves when the sidecar has begun. The end
   * itself is the sink's `exited`. After the end it does nothing. A sidecar that does not manage it within two seconds beyond the grace (somebody
   * may have stopped it with SIGSTOP) is killed itself, and its tree by the kernel and the fork server.
   */
  async stop(plan?: StopPlan): Promise<void> {
    const { signal, graceMs, steps } = this.#stopPlan;
    const isPlanned = steps && plan?.signal === undefined;
    const body = plan?.steps
      ? stopBody({ signal, ...plan })
      : { ...stopBody({ signal, graceMs, ...plan }), ...(isPlanned && { planned: true }) };
    if (this.#failure) return;
    const isStuck = () => !this.#failure && killSidecar(this.place.sidecarPid);
    setTimeout(isStuck, body.graceMs + STUCK_AFTER_MS).unref();
    await this.#request("stop", body).catch((error: unknown) => {
      if (!this.#failure) throw error;
    });
  }

  /** Kills the whole tree at once: a stop without grace. */
  kill(): Promise<void> {
    return this.stop({ graceMs: 0 });
  }

  /** Freezes every process of the tree where it is; resolves when that was ordered. A stop thaws it. */
  async pause(): Promise<void> {
    await this.#request("pause", {});
  }

  /** Lets a frozen tree go on. */
  async resume(): Promise<void> {
    await this.#request("resume", {});
  }

  /** Changes the size of its terminal, in characters; its foreground processes get SIGWINCH. Rejects where there is none. */
  async resize(rows: number, cols: number): Promise<void> {
    await this.#request("resize", size(rows, cols));
  }

  /** Counts what lives under the process and what it uses. */
  async stats(): Promise<TreeStats> {
    return (await this.#request("stats", {})) as TreeStats;
  }

  /**
   * Gives back bytes of output that were consumed, so that as many more may come. Small amounts wait for more: the process is never held up by
   * that, since a window that is full is full of bytes not consumed, or has half to give back.
   */
  credit(stream: OutputStream, bytes: number): void {
    const taken = this.#taken[stream];
    if (taken) return taken.consumed(bytes);
    this.#unconsumedBytes[stream] -= bytes;
    const consumed = this.#consumedBytes[stream] + bytes;
    const isDue = consumed * 2 >= this.#windowBytes[stream] && !this.#failure;
    this.#consumedBytes[stream] = isDue ? 0 : consumed;
    if (isDue) this.#connection.notify("credit", { stream: STREAM[stream], bytes: consumed });
  }

  /** Says whether the process keeps Node running while it runs, as it does at first. It ends with Node in any case. */
  keepsNodeRunning(keeps: boolean): void {
    if (this.#failure) return;
    this.#keepsNodeRunning = keeps;
    this.#connection.keepsNodeRunning(keeps);
    this.#taken.stdout?.keepsNodeRunning(keeps);
    this.#taken.stderr?.keepsNodeRunning(keeps);
  }

  #request<Name extends keyof CommandBodies & string>(name: Name, body: CommandBodies[Name]): Promise<unknown> {
    if (this.#failure) return Promise.reject(this.#failure());
    return new Promise((resolve, reject) => this.#requests.set(this.#connection.send(name, body), { resolve, reject }));
  }

  #received(event: WireEvent, owned: boolean): void {
    switch (event.name) {
      case "output":
        return this.#output(event.body, owned);
      case "started":
        this.#place = startedOf(event.body, this.#connection.sidecarPid);
        warnOfMissing(this.#argv0, this.#place);
        return this.#settle(event.id, undefined);
      case "startFailed":
        this.#fail(() => startError(this.#argv0, event.body));
        return keepIdle(this.#connection);
      case "wrote":
        return this.#stdinQueue?.acknowledge(event.id);
      case "ok":
      case "stats":
        return this.#settle(event.id, event.body);
      case "lent":
        // Bytes of an event are overwritten by the next one.
        return this.#settle(event.id, {
          ...event.body,
          ...(event.body.path && { path: Buffer.from(event.body.path) }),
        });
      case "offer":
        return this.#take(event.body);
      case "closed":
        if (event.body.stream === STREAM.stdin) return this.#stdinQueue?.closedBySidecar();
        return this.#closed(event.body.stream === STREAM.stdout ? "stdout" : "stderr");
      case "stepped":
        return;
      case "error":
        return this.#refused(event.id, event.body);
      case "exited":
        this.#fail(() => gone(this.#argv0));
        // One that was told to end has said its last word.
        if (event.body.stoppedBy === "sidecarSignal") this.#connection.close();
        else keepIdle(this.#connection);
        return this.#exited(exitReport(event.body));
    }
  }

  #output({ stream, bytes }: EventBodies["output"], owned: boolean): void {
    // A small piece would keep the whole buffer it lies in alive.
    const isWorthKeeping = owned && bytes.length * 4 > bytes.buffer.byteLength;
    const kept = isWorthKeeping ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : Buffer.from(bytes);
    const name = stream === STREAM.stdout ? "stdout" : "stderr";
    this.#unconsumedBytes[name] += kept.length;
    this.#sink.output(name, kept);
  }

  /**
   * Takes the pipe of a stream with much output, if it can be opened.
   *
   * 1. Output goes on to come as frames until the sidecar has agreed; its answer stands behind the last of them.
   * 2. From then on only this end reads. What is in the pipe when the process ends is read before the end is told.
   * 3. A sidecar that sees the end first does not agree: then it has sent the rest itself, and the pipe is closed unread.
   */
  #take({ stream, path, inode }: EventBodies["offer"]): void {
    const name = stream === STREAM.stdout ? "stdout" : "stderr";
    const pipe = TakenPipe.open(Buffer.from(path).toString(), inode, this.#windowBytes[name], {
      read: (bytes) => this.#sink.output(name, bytes),
      ended: () => this.#closed(name),
    });
    if (!pipe) return;
    const begin = () => {
      this.#taken[name] = pipe;
      pipe.begin(this.#unconsumedBytes[name], this.#keepsNodeRunning);
    };
    this.#requests.set(this.#connection.send("take", { stream }), { resolve: begin, reject: () => pipe.close() });
  }

  /**
   * Gets the pipe or the socket of standard input, where the sidecar lends it. Not for a process that does not keep Node running: a write that
   * waits in the pipe would. Nor for one whose plan of a stop has words for it: they would come between the parts of a write.
   */
  async #borrow(): Promise<LentPipe | undefined> {
    const hasWords = this.#stopPlan.steps?.some(({ stdin, closeStdin }) => stdin || closeStdin);
    if (hasWords || !this.#keepsNodeRunning || !this.#connection.can(CAPABILITY.lendsStdin)) return undefined;
    const lend = (request: CommandBodies["lend"]) =>
      this.#request("lend", request).catch(() => undefined) as Promise<EventBodies["lent"] | undefined>;
    return this.#hasSocket ? LentPipe.borrowSocket(lend) : LentPipe.borrow(lend);
  }

  #closed(stream: OutputStream): void {
    if (!this.#isOpen[stream]) return;
    this.#isOpen[stream] = false;
    this.#sink.closed(stream);
  }

  #exited(report: ExitReport): void {
    this.#taken.stdout?.finish();
    this.#taken.stderr?.finish();
    this.#closed("stdout");
    this.#closed("stderr");
    this.#sink.exited(report);
  }

  #settle(id: number, value: unknown): void {
    this.#requests.get(id)?.resolve(value);
    this.#requests.delete(id);
  }

  #refused(id: number, { code, errno, message }: EventBodies["error"]): void {
    // An answer to the life before this one.
    if (id < this.#startId) return;
    const isFatal = id === this.#startId;
    const stage = isFatal ? "hello" : "run";
    const error = new SidecarError(`${this.#argv0}: ${message}`, { stage, code, ...(errno !== null && { errno }) });
    if (isFatal) {
      this.#connection.close();
      return this.#lost(error);
    }
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    if (request) request.reject(error);
    else this.#stdinQueue?.fail(() => error);
  }

  /** Everything that waits, and everything to come, fails. */
  #fail(failure: () => Error): void {
    this.#failure = failure;
    this.#stdinQueue?.fail(failure);
    for (const { reject } of this.#requests.values()) reject(failure());
    this.#requests.clear();
  }

  /**
   * The connection ended although the process had not: its sidecar was killed, or one of both sides broke the protocol.
   *
   * 1. The kernel kills the leader, by its parent-death signal, and a PID namespace; the fork server adopts the rest and kills it.
   * 2. Where there is a cgroup it is killed from here as well, in case the fork server is gone too.
   * 3. Only when none of them is left is the end reported, as for any other end.
   */
  #lost(cause: Error | undefined): void {
    if (this.#failure) return;
    const place = this.#place;
    const error = lossOf(this.#argv0, place ? "run" : "start", cause);
    this.#fail(() => error);
    if (!place) return;
    void waitForLostTree(place, this.#connection.server).then(() =>
      this.#exited(lostReport(performance.now() - this.#startedAt)),
    );
  }
}

function killSidecar(sidecarPid: number): void {
  try {
    process.kill(sidecarPid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
