/**
 * `ActorRef`: the address of one incarnation of an actor. It is plain data (`id`, `thread`, `name`) with typed ways to speak
 * to it; how a message gets there is the business of the port that the runtime hands in. Knows no mailboxes, no threads.
 */

/** What a ref speaks through: the actor itself in its own thread, a message port elsewhere. */
export interface RefPort {
  /** Puts a call into the mailbox; the promise settles with the answer, a time-out or the actor's end. */
  call(method: string, args: readonly unknown[], timeoutMs: number): Promise<unknown>;
  cast(method: string, args: readonly unknown[]): void;
  send(message: unknown): void;
  /** Puts a cast into the mailbox, or `args[0]` as a message if there is no `method`; the promise resolves when it is in. */
  submit(method: string | undefined, args: readonly unknown[], timeoutMs: number): Promise<unknown>;
  /** What its own code gets if it speaks now: an error once it has ended, nothing while it may. Without it, it always may. */
  mute?(): Error | undefined;
}

/** Names that are never messages although they are public methods. */
type NeverAMessage = "init" | "handleInfo" | "handleContinue" | "terminate" | "constructor" | "then" | `_${string}`;

/** What is known of an actor's messages when its class is not: any name, anything in, anything out. */
export interface AnyMessages {
  [method: string]: { method(...args: unknown[]): unknown }["method"];
}

/** The key, in types alone, under which a class says what it can be told when that is not its public methods. */
export declare const messages: unique symbol;

/** What an actor of class `T` can be told: `ActorRef<Told<T>>` is its ref. It is `T` itself unless the class says otherwise. */
export type Told<T> = T extends { readonly [messages]: infer Messages } ? Messages : T;

/** A type that is an actor's message: a public method. */
type Message = (...args: never[]) => unknown;

/**
 * `T`'s messages as functions that answer with a promise: its public methods, without the callbacks and without names that begin
 * with `_`. Written as methods, so that a ref of a known actor fits where any ref does.
 */
export type Calls<T> = {
  [K in keyof T as K extends NeverAMessage ? never : T[K] extends Message ? K : never]: T[K] extends (
    ...args: infer A
  ) => infer R
    ? { method(...args: A): Promise<Awaited<R>> }["method"]
    : never;
};

/** `T`'s messages as functions without an answer. */
export type Casts<T> = {
  [K in keyof T as K extends NeverAMessage ? never : T[K] extends Message ? K : never]: T[K] extends (
    ...args: infer A
  ) => unknown
    ? { method(...args: A): void }["method"]
    : never;
};

/** `T`'s messages as functions without an answer, whose promise tells that the message is in the mailbox. */
export type Submissions<T> = {
  [K in keyof T as K extends NeverAMessage ? never : T[K] extends Message ? K : never]: T[K] extends (
    ...args: infer A
  ) => unknown
    ? { method(...args: A): Promise<void> }["method"]
    : never;
};

/** Ways to speak to an actor that wait, with one time limit; see {@link ActorRef.within}. */
export interface Within<T> {
  readonly call: Calls<T>;
  readonly cast: Submissions<T>;
  send(message: unknown): Promise<void>;
}

/** How long a call waits unless told otherwise. */
export const defaultCallTimeoutMs = 5_000;

/** Who speaks: the actor whose code runs now, as far as that is known. The runtime says; a ref only asks whether that actor may still speak. */
export interface Floor {
  speaker: ActorRef | undefined;
  /** Whether the code of actors is followed through its promises in this thread; until then nobody has to be told apart. */
  isFollowed: boolean;
}

const floorSlot: unique symbol = Symbol.for("copal.floor/1") as never;

/** This thread's floor, one for all loaded copies of the package. */
export const floor: Floor = floorOfThread();

function floorOfThread(): Floor {
  const holder = globalThis as { [floorSlot]?: Floor };
  holder[floorSlot] ??= { speaker: undefined, isFollowed: false };
  return holder[floorSlot];
}

/** Returns the error of a speaker that has ended; nothing if whoever speaks may. */
export function muted(): Error | undefined {
  return floor.speaker === undefined ? undefined : portOf(floor.speaker).mute?.();
}

const brand: unique symbol = Symbol.for("copal.ref") as never;
const port: unique symbol = Symbol.for("copal.port") as never;

/**
 * The address of one incarnation of an actor.
 *
 * Within a thread every actor has exactly one ref object, so `===` compares actors. A restarted actor has a new ref; the old
 * one never reaches it.
 */
export class ActorRef<T = AnyMessages> {
  /** Unique per incarnation within its thread; never used again. */
  readonly id: number;
  /** The thread it lives in; 0 is the main one. */
  readonly thread: number;
  /** The name it was registered under, if any. */
  readonly name: string | undefined;
  readonly #port: RefPort;
  #calls: Speaker | undefined;
  #casts: Speaker | undefined;

  constructor(id: number, thread: number, name: string | undefined, through: RefPort) {
    this.id = id;
    this.thread = thread;
    this.name = name;
    this.#port = through;
  }

  /**
   * Its messages as calls: `await ref.call.add(1)`.
   *
   * Calls, casts and sends of one sender arrive in order; nothing is promised between senders. Waits at most 5,000 ms (see
   * {@link within}); the actor may still handle the call after that, and a late answer is dropped.
   *
   * The promise rejects with `ERR_NOPROC` if the actor was already gone, `ERR_ACTOR_EXIT` if it ends before it answers,
   * `ERR_CALL_TIMEOUT` if no answer came in time, `ERR_NO_METHOD` if it has no such message; with `ERR_ACTOR_EXIT`, and nothing is said, if it is
   * the caller that has ended.
   */
  get call(): Calls<T> {
    this.#calls ??= callsThrough(this.#port, defaultCallTimeoutMs);
    return this.#calls as unknown as Calls<T>;
  }

  /** Its messages without an answer: `ref.cast.add(1)`. To an actor that is gone a cast does nothing; of one that is gone it throws `ERR_ACTOR_EXIT`. */
  get cast(): Casts<T> {
    this.#casts ??= castsThrough(this.#port);
    return this.#casts as unknown as Casts<T>;
  }

  /**
   * Its calls with another time limit, in milliseconds; `"infinity"` waits for the answer or the actor's end.
   *
   * `within(ms).cast` and `within(ms).send` wait too: until the message is in the mailbox, for room if that is full and `overflow` is `block`. Their
   * promises reject with `ERR_MAILBOX_FULL` if another policy drops the message at once, `ERR_CALL_TIMEOUT` if no room came in time (the message is not
   * handled then, unless it got in in another thread at the last moment), and as a call's if the actor was gone or ends first.
   */
  within(timeoutMs: number | "infinity"): Within<T> {
    return new Limited<T>(this.#port, timeoutMs === "infinity" ? Number.POSITIVE_INFINITY : timeoutMs);
  }

  /**
   * Sends `message` to the actor's `handleInfo`, as `{ type: "info", message }`. To an actor that is gone it does nothing.
   *
   * @throws {ActorExitError} if it is the sender that has ended.
   */
  send(message: unknown): void {
    const mute = muted();
    if (mute) throw mute;
    this.#port.send(message);
  }

  get [brand](): true {
    return true;
  }

  /** What it speaks through; for the runtime only. */
  get [port](): RefPort {
    return this.#port;
  }
}

/** Tells whether `value` is a ref, of this or another loaded copy of the package. */
export function isActorRef(value: unknown): value is ActorRef {
  return typeof value === "object" && value !== null && (value as { [brand]?: unknown })[brand] === true;
}

/** Returns what `ref` speaks through. For the runtime; user code has `call`, `cast` and `send`. */
export function portOf(ref: ActorRef): RefPort {
  return ref[port];
}

type Speak = (method: string) => (...args: unknown[]) => unknown;

function callsThrough(through: RefPort, timeoutMs: number): Speaker {
  return new Speaker(
    (method) =>
      (...args) =>
        floor.speaker === undefined
          ? through.call(method, args, timeoutMs)
          : callAsSpeaker(through, method, args, timeoutMs),
  );
}

function castsThrough(through: RefPort): Speaker {
  return new Speaker((method) => (...args) => {
    const mute = muted();
    if (mute) throw mute;
    through.cast(method, args);
  });
}

function callAsSpeaker(through: RefPort, method: string, args: unknown[], timeoutMs: number): Promise<unknown> {
  return unlessMute(() => through.call(method, args, timeoutMs));
}

function unlessMute(speak: () => Promise<unknown>): Promise<unknown> {
  const mute = muted();
  if (mute === undefined) return speak();
  const rejected = Promise.reject(mute);
  // As any call that fails: nobody has to look at it.
  rejected.catch(() => {});
  return rejected;
}

/** Speaks with one time limit. */
class Limited<T> implements Within<T> {
  readonly #port: RefPort;
  readonly #timeoutMs: number;

  constructor(through: RefPort, timeoutMs: number) {
    this.#port = through;
    this.#timeoutMs = timeoutMs;
  }

  get call(): Calls<T> {
    return callsThrough(this.#port, this.#timeoutMs) as unknown as Calls<T>;
  }

  get cast(): Submissions<T> {
    const submit: Speak =
      (method) =>
      (...args) =>
        unlessMute(() => this.#port.submit(method, args, this.#timeoutMs));
    return new Speaker(submit) as unknown as Submissions<T>;
  }

  async send(message: unknown): Promise<void> {
    await unlessMute(() => this.#port.submit(undefined, [message], this.#timeoutMs));
  }
}

/**
 * The object behind `ref.call` and `ref.cast`. A method's function is made on first use and then is an own property, so only
 * the first use of a name meets the proxy, which sits behind the prototype and sees misses alone.
 */
class Speaker {
  readonly #speak: Speak;

  constructor(speak: Speak) {
    this.#speak = speak;
  }

  static functionFor(speaker: object, method: string): unknown {
    if (!(#speak in speaker)) return undefined;
    const value = speaker.#speak(method);
    Object.defineProperty(speaker, method, { value });
    return value;
  }
}

// `then` would make a speaker awaitable, and the others are asked for by printers.
const notMethods: ReadonlySet<string> = new Set(["then", "constructor", "toJSON"]);

Object.setPrototypeOf(
  Speaker.prototype,
  new Proxy(Object.freeze(Object.create(null) as object), {
    get: (_target, name, speaker: object) =>
      typeof name === "symbol" || notMethods.has(name) ? undefined : Speaker.functionFor(speaker, name),
  }),
);
