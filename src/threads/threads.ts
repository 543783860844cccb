/**
 * The worker threads of this process: made for actors that want one, shared or their own, and gone when those are. It lives on the main thread, carries
 * ports between threads that have none yet, and tells every thread of another's end. Messages of actors do not pass here.
 */
import { availableParallelism } from "node:os";
import type { MessagePort } from "node:worker_threads";
import { onEnd } from "../actors/monitor.js";
import { runtimeOfThread } from "../actors/runtime.js";
import type { ExitReason } from "../exit.js";
import { causeOf, receive } from "./incoming.js";
import { type Occupation, Pulse } from "./pulse.js";
import type { RemoteCell } from "./remote-cell.js";
import { reportStuck } from "./stuck-report.js";
import { type Line, Switchboard } from "./switchboard.js";
import type { LastWord, ThreadMessage } from "./thread-message.js";
import { Watchdog } from "./watchdog.js";
import { type ThreadLimits, WorkerThread } from "./worker-thread.js";

/** What an actor ends with that kept its thread busy for longer than its watchdog allows. */
const STUCK: ExitReason = { limit: "watchdog" };

/** Where an actor lives, besides the main thread: one of a few shared threads, or one for it alone. */
export type Placement = "pool" | "own";

/** How long a shared thread without actors stays for the next one. */
const IDLE_MS = 250;

/** How long a shared thread may not react to an order to kill one of its actors before it is ended with all of them. */
const SHARED_PATIENCE_MS = 5_000;

/** Threads that are shared: enough to use the machine, few enough to leave the main thread its place. */
const POOL_THREADS = Math.max(1, Math.min(8, availableParallelism() - 1));

/** All worker threads. */
export class Threads {
  readonly board: Switchboard;
  /** How many threads linger now; see `linger.ts`. */
  readonly #lingering = new Int32Array(new SharedArrayBuffer(4));
  readonly #live = new Map<number, WorkerThread>();
  readonly #pool: (WorkerThread | undefined)[] = new Array(POOL_THREADS).fill(undefined);
  readonly #names = new Map<number, string>([[0, "main"]]);
  readonly #lastWords = new Map<number, LastWord>();
  readonly #watchdogs = new Map<number, Watchdog>();
  /** The actors that threads were stuck in. */
  readonly #culprits = new Map<number, LastWord>();
  #lastThread = 0;

  constructor() {
    this.board = new Switchboard(runtimeOfThread(), this.#lingering, (line, message) => {
      if (!receive(line, message)) this.#serve(line, message);
    });
  }

  /** What people call a thread: `main`, `pool-1`, `own-7`. */
  nameOf(thread: number): string {
    return this.#names.get(thread) ?? `own-${thread}`;
  }

  /** Gives the thread for a new actor. */
  place(placement: Placement, limits: ThreadLimits, entry: URL): WorkerThread {
    if (placement === "own") return this.#make(undefined, limits, entry);
    const free = this.#pool.findIndex((thread) => thread === undefined || thread.isLeaving);
    const busy = this.#pool.filter((thread) => thread !== undefined && !thread.isLeaving);
    const least = busy.sort((one, other) => (one?.actors ?? 0) - (other?.actors ?? 0))[0];
    if (least && (least.actors === 0 || free < 0)) return least;
    const made = this.#make(free + 1, limits, entry);
    this.#pool[free] = made;
    return made;
  }

  /** Counts `cell` among the actors of its thread until it has ended; a shared thread without any goes, in a while. */
  inhabit(thread: WorkerThread, placement: Placement, cell: RemoteCell): void {
    if (placement === "own") {
      cell.onEndOrder = (withinMs) => thread.mustHear(withinMs);
      cell.onAsked = () => thread.asked();
      return;
    }
    // The others there are not to suffer for one that is merely slow; but an end that was ordered by force comes.
    cell.onEndOrder = (withinMs) => thread.mustHear(withinMs + SHARED_PATIENCE_MS);
    thread.actors++;
    thread.hold(true);
    onEnd(cell, () => {
      if (--thread.actors > 0 || thread.isLeaving) return;
      thread.hold(false);
      setTimeout(() => {
        if (thread.actors === 0 && !thread.isLeaving) thread.leave();
      }, IDLE_MS).unref();
    });
  }

  #make(place: number | undefined, limits: ThreadLimits, entry: URL): WorkerThread {
    const thread = ++this.#lastThread;
    const name = place === undefined ? `own-${thread}` : `pool-${place}`;
    if (place !== undefined) this.#names.set(thread, name);
    const made = new WorkerThread({
      board: this.board,
      lingering: this.#lingering,
      entry,
      thread,
      name,
      isOwn: place === undefined,
      limits,
      onExit: (gone, reason) => this.#exited(gone, reason),
    });
    this.#live.set(thread, made);
    return made;
  }

  #exited(thread: WorkerThread, ended: ExitReason): void {
    const { number, line } = thread;
    const at = this.#pool.indexOf(thread);
    if (at >= 0) this.#pool[at] = undefined;
    thread.isLeaving = true;
    line.drain();
    this.#watchdogs.get(number)?.callOff();
    this.#watchdogs.delete(number);
    this.#live.delete(number);
    const emptied = thread.sidecars.ended();
    if (emptied) void emptied.then(() => this.#tellOfEnd(thread, ended));
    else this.#tellOfEnd(thread, ended);
  }

  #tellOfEnd({ number, line }: WorkerThread, ended: ExitReason): void {
    const culprit = this.#culprits.get(number);
    const lastWord = culprit ?? this.#lastWords.get(number);
    this.#culprits.delete(number);
    this.#lastWords.delete(number);
    // What an own thread's actor ends with, everybody there does; what it was stuck in ends with more than the others.
    const reason = culprit ? ended : (lastWord?.reason ?? ended);
    // Threads hear of it before anybody here can tell them.
    for (const other of this.#live.values()) other.line.post(["lost", number, reason, lastWord]);
    const cause = lastWord && causeOf(line, lastWord.cause, lastWord.ignored);
    this.board.lost(number, reason, lastWord, cause);
    this.#names.delete(number);
  }

  #guard(thread: WorkerThread, limitMs: number | undefined, memory: SharedArrayBuffer | undefined): void {
    const { number, line } = thread;
    let watchdog = this.#watchdogs.get(number);
    if (watchdog === undefined && memory !== undefined) {
      const watched = { pulse: new Pulse(memory), idleMs: () => thread.idleMs(), ask: () => line.postNow(["ask"]) };
      watchdog = new Watchdog(watched, (occupation, forMs) => this.#isStuck(thread, occupation, forMs));
      this.#watchdogs.set(number, watchdog);
    }
    if (limitMs === undefined || thread.isLeaving) watchdog?.callOff();
    else watchdog?.guard(limitMs);
  }

  /** Replaces a thread: the actor it is stuck in is told from those who lose their place through no fault of theirs. */
  #isStuck(thread: WorkerThread, at: Occupation | undefined, forMs: number): void {
    const { number, name } = thread;
    if (at) this.#culprits.set(number, { id: at.id, reason: STUCK, cause: undefined, ignored: false });
    const others = this.board.actorsOf(number).filter(({ ref }) => ref.id !== at?.id);
    thread.condemn(at ? "noconnection" : STUCK);
    reportStuck({
      thread: name,
      actor: at?.label,
      callback: at?.callback,
      forMs,
      others: others.map(({ label }) => label),
    });
  }

  #serve(line: Line, message: ThreadMessage): void {
    const thread = this.#live.get(line.thread);
    switch (message[0]) {
      case "connect":
        this.#carry(line, message[1], message[2]);
        break;
      case "guard":
        if (thread) this.#guard(thread, message[1], message[2]);
        break;
      case "sign":
        this.#watchdogs.get(line.thread)?.sign();
        break;
      case "ending":
        thread?.heard();
        break;
      case "last":
        this.#lastWords.set(line.thread, message[1]);
        thread?.isAboutToLeave();
        break;
      case "lend":
        void thread?.sidecars.lend();
        break;
      case "abandon":
        void thread?.sidecars.abandon(message[1]);
        break;
      case "greeted":
        void thread?.sidecars.greeted(message[1]);
        break;
      case "sweep":
        void thread?.sidecars.sweep(message[1]);
        break;
    }
  }

  #carry(from: Line, to: number, port: MessagePort): void {
    const target = this.#live.get(to);
    if (target) return target.line.postNow(["connected", from.thread, port], [port]);
    port.close();
    from.post(["lost", to, "noproc", undefined]);
  }
}

const slot: unique symbol = Symbol.for("copal.threads/1") as never;

/** Gives the main thread's worker threads, of which there are none before somebody asks. */
export function threadsOfProcess(): Threads {
  const holder = globalThis as { [slot]?: Threads };
  holder[slot] ??= new Threads();
  return holder[slot];
}

/** What people call the thread of an actor. */
export function threadName(thread: number): string {
  return thread === 0 ? "main" : threadsOfProcess().nameOf(thread);
}
