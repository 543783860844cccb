/**
 * `Actor`: what users subclass. Every public method of a subclass is a message; the helpers here are protected and never are.
 * All of them only reach into the actor's record; the rules are in `cell.ts`, `link.ts` and `ending.ts`.
 */
import { channel } from "node:diagnostics_channel";
import type { Remote } from "comlink";
import { asExitReason, type ExitReason } from "../exit.js";
import { type ActorRef, type AnyMessages, isActorRef } from "../ref.js";
import { cellOf } from "./address.js";
import { alias, unalias } from "./alias.js";
import type { Cell } from "./cell.js";
import {
  type ComputeFunction,
  type ComputeOptions,
  type ComputeTask,
  compute,
  type ProgressOf,
} from "./compute-task.js";
import { Detour } from "./detour.js";
import { Continuation } from "./envelope.js";
import { Ignore } from "./ignore.js";
import type { Info } from "./info.js";
import { link, sendExit, unlink } from "./link.js";
import { actorBrand } from "./methods.js";
import { demonitor, monitor } from "./monitor.js";
import { type ProxyOptions, proxyOf } from "./proxy.js";
import { Refusal } from "./refusal.js";
import { type Reply, takeReply } from "./reply.js";
import { startSpec, takeConstructing } from "./start-actor.js";

const unhandled = channel("copal:unhandled");
const record: unique symbol = Symbol.for("copal.record") as never;

/** A message to come; see `Actor.after`. */
export interface ActorTimer {
  /** Calls it off; does nothing once the message is in the mailbox. */
  cancel(): void;
}

/**
 * One mailbox, one message at a time.
 *
 * An async method holds the mailbox until it settles, unless it called `replyLater`. A method that throws or rejects crashes the
 * actor with `{ error }`, and its caller gets `ERR_ACTOR_EXIT`; `refuse` rejects the caller and goes on.
 *
 * An actor is made by a supervisor, by `start`, or by another actor's `this.start`, never with `new`.
 */
export class Actor {
  readonly #cell: Cell;

  /** @throws {TypeError} when called by anything but the runtime. */
  constructor() {
    const cell = takeConstructing();
    if (!cell)
      throw new TypeError(`${new.target.name} is an actor: start it with start() or this.start(), not with new`);
    this.#cell = cell;
  }

  /** Runs before the first message, with the spec's `args`; the start waits for it. If it fails, the start does. */
  init(..._args: readonly unknown[]): unknown {
    return undefined;
  }

  /** Handles everything that is not a call or a cast. Unless overridden it ignores all, and says so on `copal:unhandled`. */
  handleInfo(message: Info): unknown {
    if (unhandled.hasSubscribers) unhandled.publish({ ref: this.self, message });
    return undefined;
  }

  /** Handles what `continueWith` was given. Unless overridden it ignores all, and says so on `copal:unhandled`. */
  handleContinue(message: unknown): unknown {
    if (unhandled.hasSubscribers) unhandled.publish({ ref: this.self, message: { type: "continue", message } });
    return undefined;
  }

  /**
   * Runs when the actor ends by `exit` or `stop`, by a crash in a callback, or, if it traps exits, by its parent's exit signal. Not when it is
   * killed, not when a signal ends an actor that does not trap, not when `init` failed. If it fails, the actor ends with what it threw.
   */
  terminate(_reason: ExitReason): unknown {
    return undefined;
  }

  get [actorBrand](): true {
    return true;
  }

  /** The actor's record; for the runtime's own subclasses. */
  get [record](): Cell {
    return this.#cell;
  }

  /** Its own address. */
  protected get self(): ActorRef<this> {
    return this.#cell.ref as ActorRef<this>;
  }

  /** Who started it; nothing if it was started from outside all actors. */
  protected get parent(): ActorRef | undefined {
    return this.#cell.parent?.ref;
  }

  /** Whether exit signals of others come as `EXIT` messages instead of ending this actor. False unless set. */
  protected get trapExit(): boolean {
    return this.#cell.trapExit;
  }

  protected set trapExit(traps: boolean) {
    this.#cell.trapExit = traps;
  }

  /** Aborts at the moment this actor begins to end, before `terminate`. */
  protected get endSignal(): AbortSignal {
    return this.#cell.endSignal;
  }

  /**
   * Ties the ends of two actors together. Twice is once.
   *
   * @throws {NoProcError} if the other has ended and this one does not trap exits; if it does, an `EXIT` comes instead.
   * @throws {ActorExitError} if this actor has begun to end.
   */
  protected link(ref: ActorRef): void {
    link(this.#alive(), ref);
  }

  /** Unties them. No `EXIT` of that actor comes afterwards; with `flush` (the default) not even one that was in the mailbox already. */
  protected unlink(ref: ActorRef, { flush = true }: { readonly flush?: boolean } = {}): void {
    unlink(this.#cell, ref, flush);
  }

  /**
   * Asks for one `DOWN` message when the other ends; at once, with `"noproc"`, if it has. A name means who bears it now; `DOWN` then has `name` too.
   *
   * @returns the number that `DOWN` carries and `demonitor` takes; every call makes another monitor.
   * @throws {ActorExitError} if this actor has begun to end.
   */
  protected monitor(refOrName: ActorRef | string): number {
    return monitor(this.#alive(), refOrName);
  }

  /** Calls a monitor off. Its `DOWN` does not come afterwards; with `flush` (the default) not even one that was in the mailbox already. */
  protected demonitor(id: number, { flush = true }: { readonly flush?: boolean } = {}): void {
    demonitor(this.#cell, id, flush);
  }

  /**
   * Starts a child of this actor, linked to it, and resolves with its ref. It ends with this actor, before anyone hears of that.
   *
   * Rejects with `ERR_START` if the child does not start, with `ERR_ACTOR_EXIT` if this actor has begun to end.
   */
  protected start<T = AnyMessages>(spec: unknown): Promise<ActorRef<T>> {
    return startSpec(this.#cell, spec) as Promise<ActorRef<T>>;
  }

  /**
   * Runs a function of a module on another thread, with `args`, and gives a promise of what it comes to: `this.compute<typeof primes>("./primes.js#primes", [1000])`.
   *
   * `module` is `./file.ts#name`, an absolute path, a `file:` URL, a `URL` with its hash, or a package's name; without `#name` it is the default export. What is relative
   * is seen from this actor's module if it was started by `module`, else from the working directory; `new URL("./primes.js#primes", import.meta.url)` is right
   * anywhere. The function waits for a thread of the process's pool by `priority`. Arguments, progress and answer are cloned, or moved with `transfer`.
   *
   * It belongs to this actor: when that ends it is taken out of the queue, or its thread is ended, before anybody hears of the end.
   *
   * Rejects with what the function threw, its class, code, cause and stack kept; `ERR_COMPUTE_FULL` at once if as many wait as may; `ERR_COMPUTE_MODULE` if there is no such
   * function; `ERR_COMPUTE_LOST` if its thread exits, runs out of memory or breaks; `ERR_COMPUTE_TIMEOUT`; `ERR_NOT_CLONEABLE` for arguments or an answer that cannot
   * be cloned; the reason of `signal` if that aborts. A rejection that nobody looks at ends this actor.
   *
   * @throws {ActorExitError} if this actor has begun to end. @throws {TypeError} if `module` or `args` are of no such form.
   * @throws {RangeError} if `priority` is no number.
   */
  protected compute<F extends ComputeFunction = (...args: unknown[]) => unknown>(
    module: string | URL,
    args: Parameters<F>,
    options: ComputeOptions<ProgressOf<F>> = {},
  ): ComputeTask<Awaited<ReturnType<F>>> {
    return compute(this.#alive(), this.constructor, module, args, options);
  }

  /**
   * Makes another address of this actor's, which can be taken back: what is sent to it comes as if sent to this actor.
   *
   * @throws {ActorExitError} if this actor has begun to end.
   */
  protected alias(): ActorRef {
    return alias(this.#alive());
  }

  /** Takes an alias back: nothing sent to it comes any more, not even what is in the mailbox. False if it is none of this actor's, or was taken back. */
  protected unalias(ref: ActorRef): boolean {
    return unalias(this.#cell, ref);
  }

  /**
   * Makes a proxy of a function or an object of this actor's, to be given to another: see `proxy`. It ends with this actor.
   *
   * A use of it is a message of this actor: it waits its turn, and an async one holds the mailbox. So a method that awaits somebody who awaits the proxy
   * waits for itself; `{ interleaved: true }` is for that.
   *
   * @throws {ActorExitError} if this actor has begun to end.
   * @throws {TypeError} if `value` is neither a function nor an object.
   */
  protected proxy<T extends object>(value: T, options: ProxyOptions = {}): Remote<T> {
    return proxyOf(this.#alive(), value, options);
  }

  /**
   * Sends `message` to this actor's own `handleInfo`, as `info`, in `delayMs` milliseconds. It does not outlive the actor.
   *
   * @throws {ActorExitError} if this actor has begun to end.
   */
  protected after(delayMs: number, message: unknown): ActorTimer {
    const cell = this.#alive();
    cell.timers ??= new Set();
    const { timers } = cell;
    const timer = cell.runtime.clock.setTimer(delayMs, () => {
      timers.delete(timer);
      cell.send(message);
    });
    timers.add(timer);
    return {
      cancel: () => {
        timers.delete(timer);
        timer.cancel();
      },
    };
  }

  /**
   * Hands `message` to `handleContinue` before anything that is in the mailbox, as soon as the callback in hand is done. Several come in order.
   *
   * From `init` the start is complete before it, and from a method the caller has its answer.
   *
   * @throws {ActorExitError} if this actor has begun to end.
   */
  protected continueWith(message: unknown): void {
    const cell = this.#alive();
    cell.detour ??= new Detour();
    cell.detour.continueWith(new Continuation(message));
    if (!cell.isQueued && !cell.isBusy) cell.enqueue();
  }

  /**
   * Sends `timeout` to this actor's own `handleInfo` when no message has come for `silenceMs` milliseconds, counted from the end of the callback in
   * hand. Any message calls it off, whatever it is; 0 means: unless one is there already. Asking again replaces what was asked before.
   *
   * @throws {ActorExitError} if this actor has begun to end.
   */
  protected timeout(silenceMs: number): void {
    const cell = this.#alive();
    cell.detour ??= new Detour();
    cell.detour.awaitSilence(silenceMs);
    if (!cell.isQueued && !cell.isBusy) cell.enqueue();
  }

  /**
   * Ends this actor with `reason`, from a callback or from anywhere else, such as a socket's event. No further message is handled.
   *
   * A method that called it and returns still answers its caller, once the end is complete. Does nothing if the end has begun.
   * Something that is no reason, such as an `Error`, ends it with what it would stand for if it were thrown.
   */
  protected exit(reason: ExitReason): void;
  /**
   * Sends an exit signal to another actor, in this one's name. What it does there is OTP's table: `"kill"` ends it with `"killed"`; one that traps
   * exits gets an `EXIT`; `"normal"` is ignored otherwise, unless sent to oneself; anything else ends it. A supervisor takes it from its parent only.
   *
   * @throws {ActorExitError} if this actor has begun to end.
   */
  protected exit(ref: ActorRef, reason: ExitReason): void;
  protected exit(refOrReason: ActorRef | ExitReason, reason?: ExitReason): void {
    if (isActorRef(refOrReason)) {
      sendExit(cellOf(refOrReason), this.#alive().ref, asExitReason(reason), "order");
      return;
    }
    if (this.#cell.isEnding) return;
    this.#cell.endsItself = true;
    this.#cell.end(asExitReason(refOrReason), true);
  }

  /**
   * Takes the reply to the call in hand into one's own hands, and lets go of the mailbox: the method's own result no longer answers.
   * After a cast or an info it only lets go of the mailbox.
   *
   * @throws {ActorExitError} if this actor has begun to end.
   */
  protected replyLater<R = unknown>(): Reply<R> {
    return takeReply(this.#alive());
  }

  /**
   * Says, from `init`, that this actor is not needed: it ends `"normal"`, a supervisor goes on without it, and any other start rejects with
   * `ERR_START` that is `ignored`. It throws, to leave `init`; anywhere else that is a crash.
   */
  protected ignore(): never {
    throw new Ignore();
  }

  /** Rejects the caller of the method in hand with `error`, without crashing this actor. It throws, to leave the method. */
  protected refuse(error: Error): never {
    throw new Refusal(error);
  }

  #alive(): Cell {
    if (this.#cell.isEnding) throw this.#cell.exitError();
    return this.#cell;
  }
}

/** Returns the record of `actor`; for the runtime's own subclasses. */
export function recordOf(actor: Actor): Cell {
  return actor[record];
}
