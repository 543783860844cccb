/**
 * The stand-in for an actor of another thread: a record as its own thread has one, to which the rest of the runtime links, monitors and sends as to any
 * other. What is asked of it goes over the port; its end is played again here when it is heard of. There is one for each actor in each thread that knows it.
 */
import { Cell, type CellOptions, type Remote } from "../actors/cell.js";
import { Call, type Envelope, type Submission } from "../actors/envelope.js";
import { tellHandled } from "../actors/handling.js";
import { connect, disconnect, sendExit } from "../actors/link.js";
import type { Monitor } from "../actors/monitor.js";
import type { Runtime } from "../actors/runtime.js";
import { ActorExitError, NoProcError } from "../errors.js";
import { type ExitReason, formatExit } from "../exit.js";
import type { ActorRef } from "../ref.js";
import { packReason } from "./parcel.js";
import type { Line } from "./switchboard.js";

/** An actor of another thread, as it is known in this one. */
export class RemoteCell extends Cell implements Remote {
  readonly #line: Line;
  lostThread: number | undefined = undefined;
  #isWatched = false;
  /** Takes care that it ends within a time although its thread may be stuck; for the thread that started it. */
  onEndOrder: ((withinMs: number) => void) | undefined = undefined;
  /** Told when it is asked to end, before that is posted. */
  onAsked: (() => void) | undefined = undefined;
  /** Actors of this thread that have unlinked from it and have not heard that it knows. */
  readonly #unlinking = new Set<Cell>();

  constructor(runtime: Runtime, line: Line, options: CellOptions) {
    super(runtime, { ...options, mailbox: undefined, waits: true });
    this.#line = line;
  }

  override get remote(): Remote {
    return this;
  }

  /** Who wants to hear of its end; from the first look on, its thread tells this one of it. */
  override get monitors(): Set<Monitor> {
    this.watch();
    return super.monitors;
  }

  /** Asks its thread to tell of its end, unless it was asked. */
  watch(): void {
    if (this.#isWatched || this.hasEnded) return;
    this.isWatched();
    this.#line.post(["watch", this.ref.id]);
  }

  /** Its thread is going to tell of its end, and has not. */
  get awaitsEnd(): boolean {
    return this.#isWatched && !this.hasEnded;
  }

  /** Its thread is going to tell of its end. */
  isWatched(): void {
    this.#isWatched = true;
    this.#line.keep(this);
  }

  override call(method: string, args: readonly unknown[], timeoutMs: number): Promise<unknown> {
    const call = new Call(this.ref, method, args);
    if (this.hasEnded) call.fail(this.goneError(`call \`${method}\` of`));
    else {
      this.runtime.deadlines.add(call, timeoutMs);
      try {
        this.#line.call(this.ref.id, call, timeoutMs);
      } catch (error) {
        call.fail(error);
      }
      // Nothing of this thread will run for it, and so nothing would notice that it is waiting.
      this.runtime.deadlines.holdPending();
    }
    return call.promise;
  }

  override enter(submission: Submission, timeoutMs: number): void {
    this.runtime.deadlines.add(submission, timeoutMs);
    try {
      this.#line.submit(this.ref.id, submission, timeoutMs);
    } catch (error) {
      submission.fail(error);
    }
    this.runtime.deadlines.holdPending();
  }

  override cast(method: string, args: readonly unknown[]): void {
    if (!this.hasEnded) this.#line.cast(this.ref.id, method, args);
  }

  override send(message: unknown): void {
    if (!this.hasEnded) this.#line.parcel(message, (data, isPacked) => ["send", this.ref.id, data, isPacked]);
  }

  override push(envelope: Envelope): void {
    if (envelope.kind === "call" && this.hasEnded) envelope.fail(this.exitError());
    else if (envelope.kind === "call") this.#line.call(this.ref.id, envelope, Number.POSITIVE_INFINITY);
    else if (envelope.kind === "cast") this.cast(envelope.method, envelope.args);
    else if (envelope.kind === "info" && this.hasEnded) tellHandled(this, envelope);
    else if (envelope.kind === "info") this.#line.info(this, envelope);
    else if (envelope.kind === "system") this.#ask(envelope.call);
  }

  /** Has a request of the runtime's served there. */
  #ask(call: Call): void {
    try {
      this.#line.request(this.ref.id, call);
      this.runtime.deadlines.holdPending();
    } catch (error) {
      call.fail(error);
    }
  }

  /** It takes no turns here. */
  override enqueue(): void {}

  override free(): void {}

  /** Called for a start that is called off. */
  override end(reason: ExitReason): void {
    if (this.hasEnded) return;
    this.#line.post(["callOff", this.ref.id, packReason(reason)]);
    this.onEndOrder?.(this.shutdownMs);
  }

  override kill(): void {
    if (this.hasEnded) return;
    this.isKilled = true;
    const { outside } = this.runtime;
    this.#line.post(["exit", this.ref.id, [outside.thread, outside.id, undefined], "kill", "order"]);
    this.onEndOrder?.(0);
  }

  signal(from: ActorRef, reason: ExitReason, kind: "link" | "order"): void {
    if (this.hasEnded || this.#line.speaksLast(from)) return;
    if (kind === "order") this.onAsked?.();
    if (reason === "kill" && kind === "order") this.kill();
    else this.#line.post(["exit", this.ref.id, this.#line.addressOf(from), packReason(reason), kind]);
  }

  link(cell: Cell): void {
    this.watch();
    this.#unlinking.delete(cell);
    this.#line.post(["link", this.ref.id, this.#line.addressOf(cell.ref)]);
  }

  unlink(cell: Cell): void {
    if (this.hasEnded) return;
    this.#unlinking.add(cell);
    this.#line.post(["unlink", this.ref.id, this.#line.addressOf(cell.ref)]);
  }

  stop(reason: ExitReason): void {
    this.#line.post(["stop", this.ref.id, packReason(reason)]);
  }

  /**
   * The actor has linked itself to `cell`.
   *
   * A race: (1) `cell` unlinks, (2) before the actor hears of it, it links. It will hear of the unlinking after that and hold itself unlinked; so does
   * `cell`, for which a link does not count until the actor has said that it knows.
   */
  linkedBy(cell: Cell): void {
    if (!this.#unlinking.has(cell)) connect(cell, this);
    this.watch();
  }

  /** The actor knows that `cell` has unlinked. */
  knowsUnlinked(cell: Cell): void {
    this.#unlinking.delete(cell);
  }

  /** `init` has settled there. */
  started(): void {
    this.hasStarted = true;
    const options = this.starting;
    this.starting = undefined;
    options?.onStarted();
  }

  /** It has ended: monitors hear of it now, links by signals of their own. */
  ended(reason: ExitReason, cause?: unknown): void {
    if (this.hasEnded) return;
    const watchers = [...super.monitors];
    super.monitors.clear();
    this.isEnding = true;
    this.hasEnded = true;
    this.reason = reason;
    this.cause = cause;
    const { name } = this.ref;
    if (name !== undefined) this.runtime.freeName(name, this);
    this.parent?.children?.delete(this);
    this.#line.forget(this);
    this.settleCalls();
    for (const watcher of watchers) watcher.notify(reason);
  }

  /** It has ended with its thread: whoever was linked to it hears of that here, its parent last. */
  lost(reason: ExitReason, cause?: unknown): void {
    if (this.hasEnded) return;
    const { parent, hasStarted } = this;
    const linked = [...this.links];
    this.lostThread = this.ref.thread;
    this.ended(reason, cause);
    for (const other of linked) disconnect(this, other);
    for (const other of linked) if (other !== parent) sendExit(other, this.ref, reason, "link");
    const mayHear = hasStarted || (parent?.trapExit && !parent.unwinds);
    if (parent && linked.includes(parent) && mayHear) sendExit(parent, this.ref, reason, "link");
  }

  /** What a call of it that waits for an answer gets when it has ended. */
  override exitError(): InstanceType<typeof ActorExitError> {
    const options = this.cause === undefined ? {} : { cause: this.cause };
    return new ActorExitError(
      `${this.label} ended: ${formatExit(this.reason)}`,
      { ref: this.ref, reason: this.reason },
      options,
    );
  }

  /** What a caller gets who was too late. */
  goneError(wanted: string): InstanceType<typeof NoProcError> {
    const text = `cannot ${wanted} ${this.label}: it has ended: ${formatExit(this.reason)}`;
    return new NoProcError(text, { ref: this.ref });
  }
}
