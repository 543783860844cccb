/**
 * What a thread knows of the others: its lines to them, the stand-ins of their actors, and which of its own actors they know. It resolves addresses both
 * ways; what a message does when it arrives is `incoming.ts`, and which threads there are only the main one knows.
 */
import type { TransferListItem } from "node:worker_threads";
import { cellOf } from "../actors/address.js";
import { Cell } from "../actors/cell.js";
import type { Call, InfoEnvelope, Submission } from "../actors/envelope.js";
import { tellHandled } from "../actors/handling.js";
import type { Source } from "../actors/proxy.js";
import type { Runtime } from "../actors/runtime.js";
import { NoProcError, UnsupportedError } from "../errors.js";
import type { ExitReason } from "../exit.js";
import { type ActorRef, portOf, type RefPort } from "../ref.js";
import { LineProxies, type ProxyAddress } from "./line-proxies.js";
import { Linger } from "./linger.js";
import {
  type Address,
  arePrimitives,
  type Moving,
  notCloneable,
  notTransferable,
  pack,
  packError,
  unpack,
} from "./parcel.js";
import { RemoteCell } from "./remote-cell.js";
import type { LastWord, ThreadMessage } from "./thread-message.js";
import { type ChannelEnd, makeChannel, ThreadPort } from "./thread-port.js";
import { Watch } from "./watch.js";

/** What comes in, and over which line. */
export type Receiver = (line: Line, message: ThreadMessage) => void;

/** The lines, stand-ins and known actors of one thread. */
export class Switchboard {
  readonly runtime: Runtime;
  /** The actor whose end is the thread's: what remains to be said of it the main thread says when the thread is gone. */
  lastActor: Cell | undefined = undefined;
  /** What of this thread's other threads can speak to. */
  readonly exported = new Map<number, RefPort>();
  /** Those of them that are no actors: aliases, and what answers for the runtime. */
  readonly #noActors = new Map<number, ActorRef>();
  readonly #linger: Linger;
  readonly #receive: Receiver;
  readonly #lines = new Map<number, Line>();
  readonly #watches = new WeakMap<Cell, Watch>();
  readonly #ended = new Map<number, WeakRef<Cell>>();
  readonly #known = new Map<number, Map<number, WeakRef<RemoteCell>>>();
  readonly #collected = new FinalizationRegistry<readonly [thread: number, id: number]>(([thread, id]) => {
    const known = thread === this.runtime.thread ? this.#ended : this.#known.get(thread);
    if (known?.get(id)?.deref() === undefined) known?.delete(id);
    if (known !== this.#ended && known?.size === 0) this.#known.delete(thread);
  });

  /** `lingering` is the counter that {@link Linger} shares between threads. */
  constructor(runtime: Runtime, lingering: Int32Array, receive: Receiver) {
    this.runtime = runtime;
    this.#linger = new Linger(lingering);
    this.#receive = receive;
    runtime.onTakenBack = ({ id }) => {
      this.exported.delete(id);
      this.#noActors.delete(id);
    };
  }

  /** Opens a line over the near end of a channel to `thread`; if there is one, what comes over this one is heard as well. */
  open(thread: number, end: ChannelEnd, holdsThread = false): Line {
    const line = this.#lines.get(thread) ?? new Line(this, thread);
    this.#lines.set(thread, line);
    const made = new ThreadPort(end, this.#linger, (message) => this.#receive(line, message));
    made.hold(holdsThread);
    line.through(made);
    return line;
  }

  /** Gives the line to `thread`, made through the main thread if there is none; a lost one if there is no such thread any more. */
  lineTo(thread: number): Line {
    const known = this.#lines.get(thread);
    if (known) return known;
    const main = this.#lines.get(0);
    if (main === undefined || thread === this.runtime.thread) {
      const none = new Line(this, thread);
      none.lose();
      return none;
    }
    const [near, far] = makeChannel();
    main.postNow(["connect", thread, far], [far.port]);
    return this.open(thread, near);
  }

  /** Gives an actor's address, and lets other threads speak to it from now on if it lives here. */
  addressOf(ref: ActorRef): Address {
    const { thread, id, name } = ref;
    if (thread !== this.runtime.thread || id === 0 || this.exported.has(id)) return [thread, id, name];
    const port = portOf(ref);
    if (!(port instanceof Cell)) {
      this.exported.set(id, port);
      this.#noActors.set(id, ref);
    } else if (port.runtime === this.runtime) this.watchOf(port);
    else
      throw new UnsupportedError("an actor of another runtime cannot be named in another thread", {
        feature: "thread",
      });
    return [thread, id, name];
  }

  /** Gives the ref of an address: the one and only in this thread. */
  refOf([thread, id, name]: Address): ActorRef {
    if (id === 0) return name === undefined ? this.runtime.outside : this.runtime.nobodyNamed(name);
    if (thread === this.runtime.thread) {
      const port = this.exported.get(id) ?? this.#ended.get(id)?.deref();
      if (port instanceof Cell) return port.ref;
      const own = this.#noActors.get(id);
      if (own) return own;
    }
    const known = this.#known.get(thread)?.get(id)?.deref();
    if (known) return known.ref;
    const line = this.lineTo(thread);
    const cell = new RemoteCell(this.runtime, line, {
      construct: () => {
        throw new TypeError("an actor of another thread is not made here");
      },
      args: [],
      parent: null,
      name: undefined,
      label: name ?? `actor ${thread}.${id}`,
      shutdownMs: 5_000,
      onStarted: () => {},
      onStartFailed: () => {},
      address: { id, thread },
    });
    cell.started();
    this.add(cell);
    if (line.isLost) cell.lost("noproc");
    return cell.ref;
  }

  /** An actor of this thread that others knew has ended: its ref is still its own if it comes back. */
  hasEnded(cell: Cell): void {
    const { id } = cell.ref;
    this.exported.delete(id);
    this.#ended.set(id, new WeakRef(cell));
    this.#collected.register(cell, [this.runtime.thread, id]);
  }

  /** Gives the record behind an address; undefined if nobody is there. */
  cellOf(address: Address): Cell | undefined {
    const ref = this.refOf(address);
    return ref.id === 0 ? undefined : cellOf(ref);
  }

  /** Makes a stand-in known. */
  add(cell: RemoteCell): void {
    const { thread, id } = cell.ref;
    let known = this.#known.get(thread);
    if (known === undefined) {
      known = new Map();
      this.#known.set(thread, known);
    }
    known.set(id, new WeakRef(cell));
    this.#collected.register(cell, [thread, id]);
  }

  /** Gives the watch on an actor of this thread, by which other threads hear of its end. */
  watchOf(cell: Cell): Watch {
    let watch = this.#watches.get(cell);
    if (watch === undefined) {
      watch = new Watch(this, cell);
      this.#watches.set(cell, watch);
      this.exported.set(cell.ref.id, cell);
      cell.monitors.add(watch);
    }
    return watch;
  }

  /** Lists the actors of another thread whose end is awaited here: what else is known there may be an alias, or nobody's actor. */
  actorsOf(thread: number): RemoteCell[] {
    const known = [...(this.#known.get(thread)?.values() ?? [])].map((weak) => weak.deref());
    return known.filter((cell) => cell?.awaitsEnd) as RemoteCell[];
  }

  /** A thread is no more: what it had still said is heard first, then every actor of it that is known here has ended. */
  lost(thread: number, reason: ExitReason, lastWord?: LastWord, cause?: unknown): void {
    const line = this.#lines.get(thread);
    if (line === undefined) return;
    line.lose();
    this.#lines.delete(thread);
    for (const weak of [...(this.#known.get(thread)?.values() ?? [])]) {
      const cell = weak.deref();
      if (cell?.ref.id === lastWord?.id) cell?.lost(lastWord?.reason ?? reason, cause);
      else cell?.lost(reason);
    }
  }

  /** Posts everything that waits for the end of the turn. */
  flush(): void {
    for (const line of this.#lines.values()) line.flush();
  }

  /** Called when the actor that the thread ends with has ended. */
  onLast: (reason: ExitReason, cause: unknown) => void = () => {};
}

/** The line to one other thread. */
export class Line {
  readonly thread: number;
  readonly board: Switchboard;
  isLost = false;
  readonly proxies = new LineProxies(this);
  /** It speaks over the first, which keeps its order, and hears over all: two threads may each have made one for the other at the same time. */
  readonly #ports: ThreadPort[] = [];
  readonly #calls = new Map<number, Call>();
  readonly #lastAnswers = new Map<Call, unknown>();
  readonly #infos = new Map<number, { readonly cell: RemoteCell; readonly envelope: InfoEnvelope }>();
  readonly #kept = new Set<RemoteCell>();
  #lastNumber = 0;

  constructor(board: Switchboard, thread: number) {
    this.board = board;
    this.thread = thread;
  }

  through(port: ThreadPort): void {
    this.#ports.push(port);
  }

  /** Posts data that is ready to go, at the end of this turn; at once if somebody waits for it and the other thread sleeps. */
  post(message: ThreadMessage, isAwaited = false): void {
    if (!this.isLost) this.#ports[0]?.post(message, isAwaited);
  }

  /** Posts now. @throws {DataCloneError} if it cannot be cloned. */
  postNow(message: ThreadMessage, transfer?: readonly TransferListItem[]): void {
    if (!this.isLost) this.#ports[0]?.postNow(message, transfer);
  }

  /** Posts a cast. @throws {NotCloneableError} */
  cast(to: number, method: string, args: readonly unknown[]): void {
    if (arePrimitives(args)) this.post(["cast", to, method, false, ...args]);
    else this.parcel(args, (packed, isPacked) => ["cast", to, method, isPacked, ...(packed as unknown[])]);
  }

  /** Posts what `make` makes of a value; @throws {NotCloneableError} and posts nothing if the value cannot be cloned. */
  parcel(value: unknown, make: (data: unknown, isPacked: boolean) => ThreadMessage): void {
    const { lastNumber } = this.proxies;
    try {
      const { content, isPacked, isCopy, moving } = pack(value, this.#addressOf, this.#sendProxy);
      if (isCopy) return this.post(make(content, isPacked));
      this.#send(make(content, isPacked), moving);
    } catch (error) {
      this.proxies.takeBack(lastNumber);
      throw error;
    }
  }

  #send(message: ThreadMessage, moving: Moving | undefined): void {
    try {
      this.postNow(message, moving?.parts);
    } catch (cause) {
      throw moving ? notTransferable((cause as Error).message, cause) : notCloneable("", cause);
    }
    moving?.haveMoved();
  }

  /** Posts a call and keeps it until it is answered. @throws {NotCloneableError} */
  call(to: number, call: Call, timeoutMs: number): void {
    const number = ++this.#lastNumber;
    const { method, args } = call;
    if (arePrimitives(args)) this.post(["call", to, number, method, timeoutMs, false, ...args], true);
    else
      this.parcel(args, (packed, isPacked) => [
        "call",
        to,
        number,
        method,
        timeoutMs,
        isPacked,
        ...(packed as unknown[]),
      ]);
    this.#calls.set(number, call);
  }

  /** Posts a request to the runtime's side of an actor, and keeps the call until it is answered. @throws {NotCloneableError} */
  request(to: number, call: Call): void {
    const number = ++this.#lastNumber;
    this.parcel(call.args, (args, isPacked) => ["request", to, number, call.method, args, isPacked]);
    this.#calls.set(number, call);
  }

  /** Posts a submission and keeps it until it is in the mailbox there. @throws {NotCloneableError} */
  submit(to: number, submission: Submission, timeoutMs: number): void {
    const number = ++this.#lastNumber;
    const method = submission.isSent ? undefined : submission.method;
    this.parcel(submission.args, (args, isPacked) => ["submit", to, number, method, args, isPacked, timeoutMs]);
    this.#calls.set(number, submission);
  }

  /** Posts an info with its type; its sender hears when it is handled. */
  info(cell: RemoteCell, envelope: InfoEnvelope): void {
    const number = envelope.onHandled === undefined ? undefined : ++this.#lastNumber;
    if (number !== undefined) this.#infos.set(number, { cell, envelope });
    this.parcel(envelope.message, (info, isPacked) => ["info", cell.ref.id, info, isPacked, number]);
  }

  /** Takes the call of this number, which is answered. */
  takeCall(number: number): Call | undefined {
    const call = this.#calls.get(number);
    this.#calls.delete(number);
    return call;
  }

  /** Answers the call of this number when its actor has ended. */
  answerAtEnd(number: number, value: unknown): void {
    const call = this.#calls.get(number);
    if (call) this.#lastAnswers.set(call, value);
  }

  /** The info of this number is handled. */
  handled(number: number): void {
    const info = this.#infos.get(number);
    this.#infos.delete(number);
    if (info) tellHandled(info.cell, info.envelope);
  }

  addressOf(ref: ActorRef): Address {
    return this.board.addressOf(ref);
  }

  /** Makes what has come whole; proxies in it end with `receiver`. */
  unpack(content: unknown, isPacked: boolean, receiver?: RefPort): unknown {
    if (!isPacked) return content;
    const cell = receiver instanceof Cell ? receiver : undefined;
    return unpack(
      content,
      (address) => this.board.refOf(address),
      (address) => this.proxies.receive(address, cell),
    );
  }

  /** Whether `ref` has ended and its thread's end is what tells of it. */
  speaksLast(ref: ActorRef): boolean {
    const { lastActor } = this.board;
    return lastActor?.ref === ref && lastActor.hasEnded;
  }

  /** Holds on to a stand-in that waits for its end. */
  keep(cell: RemoteCell): void {
    this.#kept.add(cell);
  }

  /** It has ended: nobody answers any more what still waits for it. */
  forget(cell: RemoteCell): void {
    this.#kept.delete(cell);
    for (const [number, call] of this.#calls) {
      if (call.target !== cell.ref) continue;
      this.#calls.delete(number);
      if (this.#lastAnswers.has(call)) call.answer(this.#lastAnswers.get(call));
      else call.fail(cell.reason === "noproc" ? cell.goneError(`call \`${call.method}\` of`) : cell.exitError());
      this.#lastAnswers.delete(call);
    }
    for (const [number, info] of this.#infos) if (info.cell === cell) this.handled(number);
  }

  flush(): void {
    this.#ports[0]?.flush();
  }

  /** Takes in everything that has arrived. */
  drain(): void {
    for (const port of this.#ports) port.drain();
  }

  /** The thread is gone: hears what it has said, then closes. */
  lose(): void {
    this.drain();
    this.isLost = true;
    for (const port of this.#ports) port.close();
    this.proxies.lose();
  }

  readonly #addressOf = (ref: ActorRef): Address => this.board.addressOf(ref);
  readonly #sendProxy = (source: Source): ProxyAddress => this.proxies.send(source);

  /** Rejects a call that nobody is there to take. */
  refuse(number: number, method: string, to: number): void {
    const error = new NoProcError(
      `cannot call \`${method}\` of actor ${this.board.runtime.thread}.${to}: it has ended`,
      {},
    );
    this.post(["fail", number, packError(error)]);
  }
}
