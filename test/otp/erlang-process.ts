/**
 * A bare Erlang process on Copal: an actor that runs a function, keeps what it is sent and takes it out by pattern. It has the operations
 * of the language (spawn, link, monitor, exit, receive) under their own names and none of `gen_server`.
 */
import { Actor, recordOf } from "#src/actors/actor.js";
import type { DownInfo, Info } from "#src/actors/info.js";
import { startActor } from "#src/actors/start-actor.js";
import { reasonFromError } from "#src/exit.js";
import type { ActorRef } from "#src/ref.js";
import { exitWith, fromReason, toReason } from "./reason.js";
import { isTagged, type Term, tuple } from "./term.js";
import type { World } from "./world.js";

/** What a process runs. Returning ends it with `normal`, throwing with what was thrown. */
export type Body<P> = (process: P) => Promise<unknown>;

/** Tells whether a message is the one that is waited for. */
export type Pattern = (message: Term) => boolean;

const begin = Symbol("begin");

/** One process; every operation acts as this process. */
export class ErlangProcess extends Actor {
  readonly #inbox: Term[] = [];
  #body: Body<this> | undefined;
  #look: (() => void) | undefined;
  #world: World | undefined;

  override init(world: World, body: Body<never>): void {
    this.#world = world;
    this.#body = body as Body<this>;
    // A new process begins when the one that spawned it waits, as on a single scheduler.
    this.after(0, begin);
  }

  #begin(): void {
    const running = this.#body?.(this) ?? Promise.resolve();
    running.then(
      () => this.exit("normal"),
      (thrown: unknown) => this.exit(reasonFromError(thrown)),
    );
  }

  /** Runs `act` while a message is handled, as everything a process does is. */
  inTurn<T>(act: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      (this.self.cast as unknown as { perform(act: () => void): void }).perform(() => {
        act().then(resolve, reject);
      });
    });
  }

  perform(act: () => void): void {
    act();
  }

  override handleInfo(info: Info): void {
    if (info.type === "info" && info.message === begin) {
      this.#begin();
      return;
    }
    this.#inbox.push(fromInfo(info));
    this.#look?.();
  }

  /** What it shares with the other processes of its scenario. */
  get world(): World {
    if (!this.#world) throw new TypeError("a process has a world once it runs");
    return this.#world;
  }

  override get self(): ActorRef<this> {
    return super.self;
  }

  /** `process_flag(trap_exit, Traps)`. */
  trap(traps = true): void {
    this.trapExit = traps;
  }

  override link(ref: ActorRef): void {
    super.link(ref);
  }

  /** `unlink(Pid)`: an `'EXIT'` that is there already stays. */
  override unlink(ref: ActorRef): void {
    super.unlink(ref, { flush: false });
  }

  override monitor(refOrName: ActorRef | string): number {
    return super.monitor(refOrName);
  }

  /** `demonitor(Ref, [flush])`, or without `flush`. */
  override demonitor(id: number, { flush = true }: { readonly flush?: boolean } = {}): void {
    super.demonitor(id, { flush });
    if (!flush) return;
    const at = this.#inbox.findIndex((message) => isTagged(message, "DOWN") && message.items[1] === id);
    if (at >= 0) this.#inbox.splice(at, 1);
  }

  override alias(): ActorRef {
    return super.alias();
  }

  override unalias(alias: ActorRef): boolean {
    return super.unalias(alias);
  }

  /** `spawn(Fun)`: a process of its own, linked to nobody. */
  spawn(body: Body<this>): Promise<ActorRef> {
    const { world } = this;
    return startActor(null, { class: this.#class, args: [world, body], runtime: world.runtime }) as Promise<ActorRef>;
  }

  /** `spawn_link(Fun)`. */
  spawnLink(body: Body<this>): Promise<ActorRef> {
    const args = [this.world, body];
    return startActor(recordOf(this), { class: this.#class, args, outlivesParent: true }) as Promise<ActorRef>;
  }

  /** `exit(Pid, Reason)`. */
  exitSignal(to: ActorRef, reason: Term): void {
    this.exit(to, toReason(reason));
  }

  /** `receive Pattern -> Message after AfterMs -> undefined end`; waits for ever unless told otherwise. */
  async receive(matches: Pattern, afterMs = Number.POSITIVE_INFINITY): Promise<Term> {
    let isLate = false;
    const { clock } = this.world.runtime;
    const timer = Number.isFinite(afterMs)
      ? clock.setTimer(afterMs, () => {
          isLate = true;
          this.#look?.();
        })
      : undefined;
    for (;;) {
      const at = this.#inbox.findIndex(matches);
      if (at >= 0) {
        timer?.cancel();
        return this.#inbox.splice(at, 1)[0];
      }
      if (isLate) return undefined;
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
      this.#look = undefined;
    }
  }

  /** The reason of a monitor's `'DOWN'`, or `otherwise` if it does not come in time. */
  async receiveDown(monitor: number, afterMs?: number, otherwise?: Term): Promise<Term> {
    const [reason] = await this.receiveDownOf(monitor, afterMs);
    return reason ?? otherwise;
  }

  /** The reason and the object of a monitor's `'DOWN'`; both undefined if it does not come in time. */
  async receiveDownOf(monitor: number, afterMs?: number): Promise<[reason: Term, object: Term]> {
    const down = await this.receive((message) => isTagged(message, "DOWN") && message.items[1] === monitor, afterMs);
    return isTagged(down, "DOWN") ? [down.items[4], down.items[3]] : [undefined, undefined];
  }

  /** The reason of an `'EXIT'` of `from`, of anybody if undefined, or `otherwise` if it does not come in time. */
  async receiveExit(from: ActorRef | undefined, afterMs?: number, otherwise?: Term): Promise<Term> {
    const isIt: Pattern = (message) => isTagged(message, "EXIT") && (!from || message.items[1] === from);
    const exit = await this.receive(isIt, afterMs);
    return isTagged(exit, "EXIT") ? exit.items[2] : otherwise;
  }

  /** Takes out every message that is there or comes before 50 ms of silence. */
  async drain(): Promise<Term[]> {
    const taken: Term[] = [];
    for (;;) {
      const message = await this.receive(() => true, 50);
      if (message === undefined) return taken;
      taken.push(message);
    }
  }

  /** `timer:sleep(Ms)`. A process that ends meanwhile sleeps for ever. */
  sleep(ms: number): Promise<void> {
    const cell = recordOf(this);
    return new Promise((resolve) => {
      this.world.runtime.clock.setTimer(ms, () => {
        if (!cell.isEnding) resolve();
      });
    });
  }

  /** `receive stop -> ok; {exit, R} -> exit(R) end`. */
  async loop(): Promise<void> {
    const order = await this.receive((message) => message === "stop" || isTagged(message, "exit", 2));
    if (isTagged(order, "exit", 2)) throw exitWith(order.items[1]);
  }

  get #class(): new () => ErlangProcess {
    return this.constructor as new () => ErlangProcess;
  }
}

/** What was monitored: the process, or its name and node. */
function objectOf({ from, name }: DownInfo): Term {
  return name === undefined ? from : tuple(name, from.thread);
}

function fromInfo(info: Info): Term {
  if (info.type === "EXIT") return tuple("EXIT", info.from, fromReason(info.reason));
  if (info.type === "DOWN") return tuple("DOWN", info.monitor, "process", objectOf(info), fromReason(info.reason));
  if (info.type === "info") return info.message;
  throw new TypeError(`no process is sent ${info.type}`);
}
