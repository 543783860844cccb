/**
 * The scripted worker, `erlang/ow.erl` on Copal: a server that does what it is asked, and a start function that plays the outcomes of
 * the plan table one by one.
 */
import { Actor } from "#src/actors/actor.js";
import type { Info } from "#src/actors/info.js";
import type { Reply } from "#src/actors/reply.js";
import { type Parent, type StartOptions, startActor } from "#src/actors/start-actor.js";
import type { ExitReason } from "#src/exit.js";
import type { ActorRef } from "#src/ref.js";
import { ErlangError, exitWith, fromReason, RaisedError, reasonOfError, toReason } from "./reason.js";
import { element, isTagged, type Term, tuple } from "./term.js";
import type { World } from "./world.js";

/** What makes a worker; the keys are those of the original's map. */
export interface WorkerOptions {
  readonly id: string;
  /** Whether it traps exits; it does unless told otherwise. */
  readonly trap?: boolean;
  /** `{stop, R}`, `{exit, R}` or `ignore`: how `init` fails. */
  readonly init?: Term;
  /** The name of an actor that it unlinks itself from. */
  readonly unlink_from?: string;
  /** `{Ms, Reason}`: it dies by itself after that time. */
  readonly crash_after?: Term;
  /** Whether it logs every message that means nothing to it. */
  readonly loginfo?: boolean;
  /** How long `terminate` takes, in milliseconds. */
  readonly term_delay?: number;
  /** What `terminate` exits with. */
  readonly term_exit?: Term;
  /** What `init` hands to `handleContinue`. */
  readonly continue?: Term;
  /** The name of a supervisor that `init` asks for its children, and waits 50 ms for the answer. */
  readonly ask?: string;
}

/** A worker. Its requests are its methods: `{late, 200}` is `late(200)`. */
export class Worker extends Actor {
  #world: World | undefined;
  #options: WorkerOptions = { id: "undefined" };
  /** The caller that waits for a time-out. */
  #onTimeout: Reply | undefined;

  override init(world: World, options: WorkerOptions): Promise<void> | undefined {
    this.#world = world;
    this.#options = options;
    const { init, id, trap = true, unlink_from, crash_after } = options;
    if (init === "ignore") this.ignore();
    if (isTagged(init, "stop", 2) || isTagged(init, "exit", 2)) throw exitWith(element(2, init));
    this.trapExit = trap;
    const from = unlink_from === undefined ? undefined : world.runtime.whereis(unlink_from);
    if (from) this.unlink(from);
    world.log(tuple("started", id, this.self));
    if (crash_after !== undefined) this.after(Number(element(1, crash_after)), tuple("die", element(2, crash_after)));
    if (options.continue !== undefined) this.continueWith(options.continue);
    return options.ask === undefined ? undefined : this.#ask(world.runtime.whereis(options.ask));
  }

  /** `{stop, R}` and `{stop, R, Reply}`. */
  stop(reason: Term, ...reply: readonly Term[]): Term {
    if (reply.length === 0) this.replyLater();
    this.exit(toReason(reason));
    return reply[0];
  }

  bad(): Term {
    return "badreturn";
  }

  throw(term: Term): never {
    throw term;
  }

  crash(kind: "error" | "exit", reason: Term): never {
    throw kind === "error" ? new ErlangError(reason) : exitWith(reason);
  }

  late(ms: number): void {
    this.after(ms, tuple("reply", this.replyLater(), "late"));
  }

  reply_twice(): Term {
    this.replyLater()("one");
    return "two";
  }

  /** `{noreply, State, Ms}`: answers `timed` if nobody says anything for that long. */
  timeout_noreply(ms: number): void {
    this.#onTimeout = this.replyLater();
    this.timeout(ms);
  }

  /** `{reply, ok, State, Ms}`. */
  reply_timeout(ms: number): Term {
    this.timeout(ms);
    return "ok";
  }

  /** `{reply, ok, State, {continue, What}}`, with a message to itself that was there first. */
  cont(what: Term): Term {
    this.self.send("after_cont");
    this.continueWith(what);
    return "ok";
  }

  override handleContinue(what: unknown): void {
    if (isTagged(what, "stop", 2)) this.exit(toReason(what.items[1]));
    else if (isTagged(what, "again", 2)) {
      this.#log("continue", "again");
      this.continueWith(what.items[1]);
    } else this.#log("continue", what);
  }

  ping(): Term {
    return "pong";
  }

  /** Holds its mailbox until `done` settles, as a process does that is not scheduled. */
  async hold(done: Promise<void>): Promise<void> {
    await done;
  }

  override handleInfo(info: Info): unknown {
    if (info.type === "timeout") this.#timedOut();
    if (info.type === "EXIT" && this.#options.loginfo) {
      this.#log("info", tuple("EXIT", info.from, fromReason(info.reason)));
    }
    if (info.type !== "info") return undefined;
    const { message } = info;
    if (isTagged(message, "die", 2)) this.exit(toReason(message.items[1]));
    else if (isTagged(message, "exit_now", 2)) throw exitWith(message.items[1]);
    else if (isTagged(message, "exit_to", 3)) this.exit(message.items[1] as ActorRef, toReason(message.items[2]));
    else if (isTagged(message, "link_to", 2)) this.link(message.items[1] as ActorRef);
    else if (isTagged(message, "reply", 3)) (message.items[1] as Reply)(message.items[2]);
    else if (isTagged(message, "terminate_me", 2)) return this.#terminateMe(message.items[1] as ActorRef);
    else if (this.#options.loginfo) this.#log("info", message);
    return undefined;
  }

  override async terminate(reason: ExitReason): Promise<void> {
    this.#log("terminate", fromReason(reason));
    const { term_delay, term_exit } = this.#options;
    if (term_delay !== undefined) await this.#sleep(term_delay);
    if (term_exit !== undefined) throw exitWith(term_exit);
    this.#world?.log(tuple("terminated", this.#options.id));
  }

  async #ask(sup: ActorRef | undefined): Promise<void> {
    const answer = await sup?.within(50).call.whichChildren?.().catch(reasonOfError);
    this.#log("asked", answer);
  }

  async #terminateMe(sup: ActorRef): Promise<void> {
    await sup.within("infinity").call.terminateChild?.(this.#options.id);
  }

  #timedOut(): void {
    const reply = this.#onTimeout;
    this.#onTimeout = undefined;
    if (reply) reply("timed");
    else this.#world?.log(tuple("timeout", this.#options.id));
  }

  #log(what: string, detail: Term): void {
    this.#world?.log(tuple(what, this.#options.id, detail));
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world?.clock.setTimer(ms, resolve);
    });
  }
}

/** What a start function comes up with. */
export type Started = ActorRef | { readonly ref: ActorRef; readonly info: Term } | "ignore";

/** `ow:start_link/1`: starts a worker, or plays the outcome that is planned for it. */
export async function startWorker(parent: Parent, world: World, options: WorkerOptions): Promise<Started> {
  const outcome = world.nextOutcome(options.id);
  const start = (more: Partial<WorkerOptions> = {}) => startLinked(parent, world, { ...options, ...more });
  if (outcome === "ok") return start();
  if (outcome === "extra") return { ref: await start(), info: "extra" };
  if (isTagged(outcome, "crash_after")) return start({ crash_after: tuple(...outcome.items.slice(1)) });
  if (isTagged(outcome, "sleep_error")) {
    world.log(tuple("start", options.id, tuple("error", element(3, outcome))));
    await new Promise<void>((resolve) => world.clock.setTimer(Number(element(2, outcome)), resolve));
    throw exitWith(element(3, outcome));
  }
  world.log(tuple("start", options.id, outcome));
  if (outcome === "ignore") return "ignore";
  if (outcome === "init_ignore") return start({ init: "ignore" });
  if (isTagged(outcome, "error", 2)) throw exitWith(element(2, outcome));
  if (isTagged(outcome, "init_stop", 2)) return start({ init: tuple("stop", element(2, outcome)) });
  if (isTagged(outcome, "init_exit", 2)) return start({ init: tuple("exit", element(2, outcome)) });
  if (isTagged(outcome, "return", 2)) return element(2, outcome) as Started;
  throw new RaisedError(element(3, outcome));
}

/** `gen_server:start_link(ow, Options, [])` in a start function; the child is its supervisor's own. */
export function startLinked(parent: Parent, world: World, options: WorkerOptions, name?: string): Promise<ActorRef> {
  return startActor(parent, startOptions(world, options, name)) as Promise<unknown> as Promise<ActorRef>;
}

/** The same from a bare process: the two are tied by the link and nothing else. */
export function startBeside(parent: Parent, world: World, options: WorkerOptions, name?: string): Promise<ActorRef> {
  const tied = { ...startOptions(world, options, name), outlivesParent: true };
  return startActor(parent, tied) as Promise<unknown> as Promise<ActorRef>;
}

function startOptions(world: World, options: WorkerOptions, name: string | undefined): StartOptions<Worker> {
  const { runtime } = world;
  return { class: Worker, args: [world, options], runtime, id: options.id, ...(name !== undefined && { name }) };
}
