/**
 * What the actors of one thread share: clock, run queue, names, deadlines, identities. There is one runtime per thread, shared even
 * by two loaded copies of the package; a test may make its own. Knows cells only as records; what an actor does is `cell.ts`.
 */
import { CallTimeoutError, NoProcError } from "../errors.js";
import { ActorRef, type RefPort } from "../ref.js";
import type { SidecarHost } from "../sidecar/sidecar-host.js";
import { cellOf } from "./address.js";
import type { Cell } from "./cell.js";
import { type Clock, systemClock } from "./clock.js";
import { Deadlines } from "./deadlines.js";
import { type ActorQueue, RunQueue, type Scheduler, systemScheduler } from "./scheduler.js";

/** What a runtime is made of; real time and the main thread unless told otherwise. */
export interface RuntimeOptions {
  readonly clock?: Clock;
  readonly scheduler?: Scheduler;
  /** The number its refs carry; 0 is the main thread. */
  readonly thread?: number;
  /** Where its process actors get their sidecars; from the fork server unless given. */
  readonly sidecars?: SidecarHost;
}

/** Who is shown what runs in a thread, so that somebody else can tell when nothing goes on there any more. */
export interface Onlooker {
  /** Code of `cell` begins to run: this method or callback of it. */
  begins(cell: Cell, callback: string): void;
  /** It has returned. */
  rests(): void;
}

const nobody: RefPort = {
  call: () => Promise.reject(new NoProcError("there is nobody behind this ref", {})),
  cast: () => {},
  send: () => {},
  submit: () => Promise.reject(new NoProcError("there is nobody behind this ref", {})),
};

/** The actors of one thread. */
export class Runtime {
  readonly thread: number;
  readonly clock: Clock;
  readonly queue: ActorQueue;
  readonly deadlines: Deadlines;
  readonly sidecars: SidecarHost | undefined;
  /** The sender of exit signals that come from no actor; its id is 0. */
  readonly outside: ActorRef;
  /** Whose code runs now, as far as it runs in its turn; what an async callback does after its first `await` is not known to be its own. */
  running: Cell | undefined = undefined;
  /** Who looks on; nobody unless somebody asked for it. */
  onlooker: Onlooker | undefined = undefined;
  /** Has somebody look after this thread while an actor lives here, for whom it must not be busy with one thing for longer; nobody where that is in vain. */
  guard: ((cell: Cell, limitMs: number) => void) | undefined = undefined;
  /** Forgets an address that is no actor's and was given to other threads; set by whoever gives them addresses. */
  onTakenBack: ((ref: ActorRef) => void) | undefined = undefined;
  readonly #names = new Map<string, Cell>();
  #lastId = 0;
  #lastMonitor = 0;

  constructor({ clock = systemClock, scheduler = systemScheduler, thread = 0, sidecars }: RuntimeOptions = {}) {
    this.thread = thread;
    this.clock = clock;
    this.sidecars = sidecars;
    this.deadlines = new Deadlines(clock, (call, timeoutMs) => {
      const ref = call.target;
      const who = describeRef(ref);
      call.fail(
        new CallTimeoutError(`${who} ${call.expected} \`${call.method}\` within ${timeoutMs} ms`, {
          ref,
          method: call.method,
          timeoutMs,
        }),
      );
    });
    const onIdle = () => this.deadlines.holdPending();
    this.queue = scheduler.queueFor?.(clock, onIdle) ?? new RunQueue(scheduler, clock, onIdle);
    this.outside = new ActorRef(0, thread, undefined, nobody);
  }

  /** Returns the running actor of this name. A name is free again once its holder has ended. */
  whereis(name: string): ActorRef | undefined {
    return this.#names.get(name)?.ref;
  }

  /** Makes a ref for a name that nobody bears. */
  nobodyNamed(name: string | undefined): ActorRef {
    return new ActorRef(0, this.thread, name, nobody);
  }

  /** Takes `name` for `cell`; it must be free. */
  takeName(name: string, cell: Cell): void {
    this.#names.set(name, cell);
  }

  /** Frees `name` if `cell` holds it. */
  freeName(name: string, cell: Cell): void {
    if (this.#names.get(name) === cell) this.#names.delete(name);
  }

  /** A number for a new incarnation, never given twice. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** A number for a new monitor, never given twice. */
  nextMonitor(): number {
    return ++this.#lastMonitor;
  }
}

/** Names an actor for people: its registered name, else its number. */
export function describeRef(ref: ActorRef): string {
  return ref.name === undefined ? `actor ${ref.thread}.${ref.id}` : `actor ${ref.name}`;
}

/** How many messages wait in the actor's mailbox, the one in hand not counted; 0 for an actor that has ended. */
export function mailboxLength(ref: ActorRef): number {
  return cellOf(ref).mailboxLength;
}

/** Tells whether the actor has not begun to end. */
export function isAlive(ref: ActorRef): boolean {
  return !cellOf(ref).isEnding;
}

const slot: unique symbol = Symbol.for("copal.runtime/1") as never;

/** Makes `runtime` this thread's; before anything else has asked for it. */
export function setRuntimeOfThread(runtime: Runtime): void {
  (globalThis as { [slot]?: Runtime })[slot] = runtime;
}

/** Returns this thread's runtime, made on first use. */
export function runtimeOfThread(): Runtime {
  const holder = globalThis as { [slot]?: Runtime };
  holder[slot] ??= new Runtime();
  return holder[slot];
}
