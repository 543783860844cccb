/**
 * The worker threads of this process: made for actors that want one, shared or their own, and gone when those are. It lives on the main thread, carries
 * ports between threads that have none yet, and tells every thread of another's end. Messages of actors do not pass here.
 */
import { channel } from "node:diagnostics_channel";
import { onEnd } from "../actors/monitor.js";
import { runtimeOfThread } from "../actors/runtime.js";
import type { ExitReason } from "../exit.js";
import { causeOf, receive } from "./incoming.js";
import { packError } from "./parcel.js";
import { type Occupation, Pulse } from "./pulse.js";
import { reportStuck } from "./stuck-report.js";
import { type Line, Switchboard } from "./switchboard.js";
import type { Place, Placement, ThreadHost } from "./thread-host.js";
import type { LastWord, ThreadMessage } from "./thread-message.js";
import { type PoolOptions, ThreadPools } from "./thread-pools.js";
import type { ChannelEnd } from "./thread-port.js";
import { Watchdog } from "./watchdog.js";
import { type ClassLoader, startOrdered } from "./worker-start.js";
import { type ThreadLimits, WorkerThread } from "./worker-thread.js";

/** What an actor ends with that kept its thread busy for longer than its watchdog allows. */
const STUCK: ExitReason = { limit: "watchdog" };

/** How long a shared thread without actors stays for the next one. */
const IDLE_MS = 250;

/** How long a shared thread may not react to an order to kill one of its actors before it is ended with all of them. */
const SHARED_PATIENCE_MS = 5_000;

type Word<W extends ThreadMessage[0]> = Extract<ThreadMessage, readonly [W, ...unknown[]]>;

/** All worker threads. */
export class Threads implements ThreadHost {
  readonly board: Switchboard;
  /** How many threads linger now; see `linger.ts`. */
  readonly #lingering = new Int32Array(new SharedArrayBuffer(4));
  readonly #live = new Map<number, WorkerThread>();
  readonly #pools = new ThreadPools();
  readonly #names = new Map<number, string>([[0, "main"]]);
  readonly #lastWords = new Map<number, LastWord>();
  /** Places that worker threads asked for and nobody has come to live in yet. */
  readonly #kept = new Map<string, { readonly asker: number; readonly place: Place }>();
  /** Imports the classes of actors that worker threads start here. */
  load: ClassLoader = () => Promise.reject(new Error("nothing was said of how classes are loaded"));
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

  /** Gives a place for a new actor: in a thread of its own with these limits, or in one of the pool that `limits` describe. */
  place(placement: Placement, limits: PoolOptions, entry: URL): Place & { readonly thread: WorkerThread } {
    if (placement === "own") {
      const thread = this.#make(undefined, limits, entry);
      const { line } = thread;
      return {
        thread,
        line,
        release: () => thread.leave(),
        asked: () => thread.asked(),
        mustHear: (withinMs) => thread.mustHear(withinMs),
      };
    }
    const thread = this.#pools.choose(limits, (number, each) => this.#make(number, each, entry));
    this.#occupy(thread);
    return {
      thread,
      line: thread.line,
      release: () => this.#vacate(thread),
      asked: () => {},
      // The others there are not to suffer for one that is merely slow; but an end that was ordered by force comes.
      mustHear: (withinMs) => thread.mustHear(withinMs + SHARED_PATIENCE_MS),
      inhabit: (cell) => {
        onEnd(cell, () => this.#vacate(thread));
      },
    };
  }

  #occupy(thread: WorkerThread): void {
    thread.actors++;
    thread.hold(true);
  }

  /** One actor fewer; a shared thread without any goes, in a while. */
  #vacate(thread: WorkerThread): void {
    if (--thread.actors > 0 || thread.isLeaving) return;
    thread.hold(false);
    setTimeout(() => {
      if (thread.actors === 0 && !thread.isLeaving) thread.leave();
    }, IDLE_MS).unref();
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
    this.#pools.forget(thread);
    thread.isLeaving = true;
    line.drain();
    this.#watchdogs.get(number)?.callOff();
    this.#watchdogs.delete(number);
    this.#live.delete(number);
    const [sidecars, computed] = [thread.sidecars.ended(), thread.compute.ended()];
    if (sidecars || computed) void Promise.all([sidecars, computed]).then(() => this.#tellOfEnd(thread, ended));
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
    this.#bereave(number);
  }

  /** Finds a place for an actor of a worker thread; who asks may end before anybody comes to live there. */
  #placeFor(line: Line, [, number, placement, limits, entry, shutdownMs]: Word<"place">): void {
    try {
      const place = this.place(placement, limits, new URL(entry));
      if (placement === "own") place.thread.startedBy = { thread: line.thread, shutdownMs };
      this.#kept.set(`${line.thread}:${number}`, { asker: line.thread, place });
      line.post(["placed", number, place.thread.number]);
    } catch (error) {
      line.post(["notPlaced", number, packError(error)]);
    }
  }

  #housed(thread: WorkerThread | undefined, [, asker, number]: Word<"housed">): void {
    // Of an asker that is gone the place was given up; its last order has come all the same.
    if (!this.#kept.delete(`${asker}:${number}`) && thread && !thread.isOwn) this.#occupy(thread);
  }

  /** A thread has ended: nobody comes to live where it had asked for places, and what it had started alone must hear of that. */
  #bereave(gone: number): void {
    for (const [key, { asker, place }] of this.#kept) {
      if (asker !== gone) continue;
      this.#kept.delete(key);
      place.release();
    }
    for (const thread of this.#live.values())
      if (thread.startedBy?.thread === gone) thread.mustHear(thread.startedBy.shutdownMs);
  }

  #guard(thread: WorkerThread, limitMs: number | undefined, memory: SharedArrayBuffer | undefined): void {
    const { number, line } = thread;
    let watchdog = this.#watchdogs.get(number);
    if (watchdog === undefined && memory !== undefined) {
      const watched = {
        pulse: new Pulse(memory),
        isLoading: () => thread.loads.areUnderWay,
        idleMs: () => thread.idleMs(),
        ask: () => line.postNow(["ask"]),
      };
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
    thread.condemn(at ? "noconnection" : STUCK, 0);
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
      case "place":
        this.#placeFor(line, message);
        break;
      case "unplace": {
        const key = `${line.thread}:${message[1]}`;
        this.#kept.get(key)?.place.release();
        this.#kept.delete(key);
        break;
      }
      case "housed":
        this.#housed(thread, message);
        break;
      case "vacated":
        if (thread && !thread.isOwn) this.#vacate(thread);
        break;
      case "asked":
        this.#live.get(message[1])?.asked();
        break;
      case "mustHear": {
        const target = this.#live.get(message[1]);
        target?.mustHear(message[2] + (target.isOwn ? 0 : SHARED_PATIENCE_MS));
        break;
      }
      case "start":
        startOrdered(line, message[1], this.load, false);
        break;
      case "published":
        channel(message[1]).publish(line.unpack(message[2], message[3]));
        break;
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
      case "compute":
        if (thread) thread.compute.submit(message[1], message[2], message[3]);
        else message[3].close();
        break;
      case "abortCompute":
        thread?.compute.abort(message[1]);
        break;
    }
  }

  #carry(from: Line, to: number, end: ChannelEnd): void {
    const target = this.#live.get(to);
    if (target) return target.line.postNow(["connected", from.thread, end], [end.port]);
    end.port.close();
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
