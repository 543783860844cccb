/**
 * Ready-made actors for tests: one that counts, one that does whatever a test tells it, one that holds something to release.
 */
import { Actor, type ActorTimer } from "#src/actors/actor.js";
import type { Info } from "#src/actors/info.js";
import { release } from "#src/actors/instance.js";
import type { Reply } from "#src/actors/reply.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ExitReason } from "#src/exit.js";
import type { ActorRef } from "#src/ref.js";

/** A promise that the test settles. */
export interface Gate<T = void> {
  readonly passed: Promise<T>;
  open(value: T): void;
  fail(error: unknown): void;
}

export function gate<T = void>(): Gate<T> {
  let open: (value: T) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const passed = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { passed, open, fail };
}

/** Counts. */
export class Counter extends Actor {
  #n = 0;

  add(by: number): number {
    this.#n += by;
    return this.#n;
  }

  crash(message = "crashed on request"): never {
    throw new TypeError(message);
  }
}

/** The protected helpers of an actor, handed out. */
export interface Hands {
  self(): ActorRef;
  parent(): ActorRef | undefined;
  trap(traps?: boolean): void;
  link(ref: ActorRef): void;
  unlink(ref: ActorRef, options?: { readonly flush?: boolean }): void;
  monitor(ref: ActorRef | string): number;
  demonitor(id: number, options?: { readonly flush?: boolean }): void;
  start(spec: unknown): Promise<ActorRef>;
  after(delayMs: number, message: unknown): ActorTimer;
  exit(reason: ExitReason): void;
  exitOther(ref: ActorRef, reason: ExitReason): void;
  continueWith(message: unknown): void;
  timeout(silenceMs: number): void;
  ignore(): never;
  alias(): ActorRef;
  unalias(ref: ActorRef): boolean;
  endSignal(): AbortSignal;
  replyLater(): Reply;
  refuse(error: Error): never;
}

/** What a puppet keeps of a continuation. */
export interface Continued {
  readonly type: "continue";
  readonly message: unknown;
}

/** Does what a test tells it, and keeps what it was sent. */
export class Puppet extends Actor {
  readonly #seen: (Info | Continued)[] = [];
  #onTerminate: (reason: ExitReason) => unknown = () => {};

  override init(setUp?: (hands: Hands) => unknown): unknown {
    return setUp?.(this.#hands());
  }

  run<R>(act: (hands: Hands) => R): R {
    return act(this.#hands());
  }

  onTerminate(act: (reason: ExitReason) => unknown): void {
    this.#onTerminate = act;
  }

  seen(): (Info | Continued)[] {
    return [...this.#seen];
  }

  override handleInfo(message: Info): void {
    this.#seen.push(message);
  }

  override handleContinue(message: unknown): void {
    this.#seen.push({ type: "continue", message });
  }

  override terminate(reason: ExitReason): unknown {
    return this.#onTerminate(reason);
  }

  #hands(): Hands {
    return {
      self: () => this.self as ActorRef<Puppet>,
      parent: () => this.parent,
      trap: (traps = true) => {
        this.trapExit = traps;
      },
      link: (ref) => this.link(ref),
      unlink: (ref, options) => this.unlink(ref, options),
      monitor: (ref) => this.monitor(ref),
      demonitor: (id, options) => this.demonitor(id, options),
      start: (spec) => this.start(spec),
      after: (delayMs, message) => this.after(delayMs, message),
      exit: (reason) => this.exit(reason),
      exitOther: (ref, reason) => this.exit(ref, reason),
      continueWith: (message) => this.continueWith(message),
      timeout: (silenceMs) => this.timeout(silenceMs),
      ignore: () => this.ignore(),
      alias: () => this.alias(),
      unalias: (ref) => this.unalias(ref),
      endSignal: () => this.endSignal,
      replyLater: () => this.replyLater(),
      refuse: (error) => this.refuse(error),
    };
  }
}

/** Holds something outside the runtime: `onRelease` is its `release`. */
export class Holder extends Puppet {
  onRelease: (reason: ExitReason) => Promise<void> = async () => {};

  async [release](reason: ExitReason): Promise<void> {
    await this.onRelease(reason);
  }
}

/** Lets a puppet act and gives what came of it. */
export function doing<R>(ref: ActorRef<Puppet>, act: (hands: Hands) => R): Promise<Awaited<R>> {
  return ref.call.run(act) as Promise<Awaited<R>>;
}

/** Starts a puppet from outside. */
export function puppet(setUp?: (hands: Hands) => unknown): Promise<ActorRef<Puppet>> {
  return startActor(null, { class: Puppet, args: [setUp] });
}

/** The class of an actor that has `onRelease` as its `release`. */
export function holding(onRelease: (reason: ExitReason) => Promise<void>): typeof Holder {
  return class extends Holder {
    override onRelease = onRelease;
  };
}

export function holder(onRelease: (reason: ExitReason) => Promise<void>): Promise<ActorRef<Holder>> {
  return startActor(null, { class: holding(onRelease) });
}

/** A puppet that traps exits. */
export function trapper(): Promise<ActorRef<Puppet>> {
  return puppet((hands) => hands.trap());
}

/** Lets every message that is on its way be handled, and the ends that follow. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
