/**
 * What a process does with servers: calls, starts, stops and system messages, with the results and exceptions of `gen_server` and `sys`;
 * and the helper functions of `erlang/oracle.erl` that wait for ends. Knows no supervisors.
 */
import { Actor, recordOf } from "#src/actors/actor.js";
import { cellOf } from "#src/actors/address.js";
import { localNames, register, unregister } from "#src/actors/local-names.js";
import { startActor } from "#src/actors/start-actor.js";
import { stop } from "#src/actors/stop.js";
import { resume, suspend } from "#src/actors/sys.js";
import { via } from "#src/actors/via.js";
import { isCopalError, NoProcError } from "#src/errors.js";
import type { ActorRef } from "#src/ref.js";
import { ErlangProcess } from "./erlang-process.js";
import { reasonOfError, toReason } from "./reason.js";
import { print, stack, type Term, Tuple, tuple } from "./term.js";
import { startBeside, type Worker, type WorkerOptions } from "./worker.js";
import type { World } from "./world.js";

/** A process that speaks to servers. */
export class ServerProcess extends ErlangProcess {
  /** `gs(Options)`: a linked worker that is nobody's child. */
  gs(options: Partial<WorkerOptions> = {}): Promise<ActorRef> {
    return startBeside(recordOf(this), this.world, { id: "g", ...options });
  }

  /** `gen_server:start_link({local,Name}, ow, …)`. */
  gsNamed(name: string, options: Partial<WorkerOptions> = {}): Promise<ActorRef> {
    return startBeside(recordOf(this), this.world, { id: "g", ...options }, name);
  }

  /** `gen_server:start(ow, …)`, without a link. */
  gsUnlinked(options: Partial<WorkerOptions>): Promise<ActorRef> {
    return startBeside(null, this.world, { id: "g", ...options });
  }

  /** `gen_server:call(Server, Request, TimeoutMs)`; a request `{late,200}` is the method `late` with the argument 200. */
  async call(server: ActorRef | string, request: Term, timeoutMs?: number): Promise<Term> {
    const [method, ...args] = request instanceof Tuple ? request.items : [request];
    const ref = typeof server === "string" ? this.whereis(server) : server;
    if (!ref) throw new NoProcError(`nobody is called ${String(server)}`, {});
    const ask = async () => ref.within(timeoutMs ?? 5_000).call[String(method)]?.(...args);
    return ref === (this.self as unknown) ? this.inTurn(ask) : ask();
  }

  /** `(catch gen_server:call(…))`: the answer, or `{'EXIT',{Reason,{gen_server,call,Args}}}`. */
  async catchCall(server: ActorRef | string, request: Term, timeoutMs?: number): Promise<Term> {
    try {
      return await this.call(server, request, timeoutMs);
    } catch (error) {
      const args = [server, request, ...(timeoutMs === undefined ? [] : [timeoutMs])];
      return tuple("EXIT", tuple(reasonOfError(error), tuple("gen_server", "call", args)));
    }
  }

  /** A server whose `init` takes `initMs`, started with a limit for it. */
  startSlow(initMs: number, startTimeoutMs: number): Promise<ActorRef> {
    const { world } = this;
    return startActor(recordOf(this), {
      class: SlowServer,
      args: [world, initMs],
      startTimeoutMs,
    }) as Promise<unknown> as Promise<ActorRef>;
  }

  /** `(catch gen_server:stop(Server, Reason, TimeoutMs))`. */
  async stop(server: ActorRef, reason: Term = "normal", timeoutMs?: number): Promise<Term> {
    try {
      await stop(server, toReason(reason), timeoutMs);
      return "ok";
    } catch (error) {
      return tuple("EXIT", reasonOfError(error));
    }
  }

  /** `sys:suspend(Server)`. */
  suspend(server: ActorRef): Promise<void> {
    return suspend(server);
  }

  /** `sys:resume(Server)`. */
  resume(server: ActorRef): Promise<void> {
    return resume(server);
  }

  /** `register(Name, Pid)`. */
  register(name: string | undefined, ref: ActorRef): void {
    register(name as string, ref);
  }

  /** `unregister(Name)`. */
  unregister(name: string): void {
    unregister(name, this.world.runtime);
  }

  /** `global:register_name(Name, Pid)`. There is one node, whose names are known all over it. */
  registerGlobal(name: string, ref: ActorRef): Term {
    try {
      register(name, ref);
      return "yes";
    } catch (error) {
      if (isCopalError(error, "ERR_ALREADY_STARTED")) return "no";
      throw error;
    }
  }

  /** `Name ! Message`. */
  sendTo(name: string, message: Term): void {
    localNames(this.world.runtime).send(name, message);
  }

  /** `gen_server:cast(Name, Request)`. */
  cast(name: string, request: string): void {
    via(localNames(this.world.runtime), name).cast[request]?.();
  }

  /** `(catch Act)` of a built-in function that answers `ok` or fails with `badarg`. */
  catching(act: () => void): Term {
    try {
      act();
      return "ok";
    } catch {
      return tuple("EXIT", tuple("badarg", stack));
    }
  }

  whereis(name: string): ActorRef | undefined {
    return this.world.runtime.whereis(name);
  }

  /** What `act` takes, in milliseconds, and gives. */
  async timed<T>(act: () => Promise<T>): Promise<[tookMs: number, result: T]> {
    const startMs = this.world.clock.nowMs();
    const result = await act();
    return [this.world.clock.nowMs() - startMs, result];
  }

  /** `lists:sort(Terms)`, for terms of one shape that are made of atoms. */
  sorted(terms: readonly Term[]): Term[] {
    return terms.toSorted((a, b) => (print(a) < print(b) ? -1 : 1));
  }

  /** `alive(Pid)`: also of a process that is still ending. */
  alive(ref: ActorRef): boolean {
    return !cellOf(ref).hasEnded;
  }

  /** `erlang:suspend_process(Pid)`: it handles nothing until the function that is returned is called. */
  suspendProcess(ref: ActorRef): () => void {
    let resume: () => void = () => {};
    const resumed = new Promise<void>((resolve) => {
      resume = resolve;
    });
    (ref as unknown as ActorRef<Worker>).cast.hold(resumed);
    return resume;
  }

  /** `(catch Act)` of something that must throw: the reason of what it throws. */
  caught(act: () => void): Term {
    try {
      act();
    } catch (error) {
      return reasonOfError(error);
    }
    throw new TypeError("nothing was thrown");
  }

  /** The same of something that takes time. */
  async caughtAsync(act: () => Promise<unknown>): Promise<Term> {
    try {
      await act();
    } catch (error) {
      return reasonOfError(error);
    }
    throw new TypeError("nothing was thrown");
  }

  /** `link(Pid)`: `ok`, or the reason of what it throws. */
  linked(ref: ActorRef): Term {
    try {
      this.link(ref);
      return "ok";
    } catch (error) {
      return reasonOfError(error);
    }
  }

  /** `down(Pid)`: waits for its end. */
  down(ref: ActorRef): Promise<Term> {
    return this.receiveDown(this.monitor(ref), 8_000, "still_alive");
  }

  /** `kill(Pid, Reason)`: sends an exit signal and waits for the end. */
  kill(ref: ActorRef, reason: Term, withinMs = 3_000): Promise<Term> {
    const monitor = this.monitor(ref);
    this.exitSignal(ref, reason);
    return this.receiveDown(monitor, withinMs, "still_alive");
  }

  /** `kill_wait(Pid, Reason)`: the same with more patience. */
  killWait(ref: ActorRef, reason: Term): Promise<Term> {
    return this.kill(ref, reason, 8_000);
  }

  /** `die(Pid, Reason)`: asks a worker to end by itself and waits for its end. */
  die(ref: ActorRef, reason: Term): Promise<Term> {
    const monitor = this.monitor(ref);
    ref.send(tuple("die", reason));
    return this.receiveDown(monitor, 3_000, "still_alive");
  }

  /** `wait_exit(Pid)`. */
  waitExit(ref: ActorRef): Promise<Term> {
    return this.receiveExit(ref, 5_000, "no_exit");
  }
}

/** A server that is slow to come up. */
class SlowServer extends Actor {
  override init(world: World, initMs: number): Promise<void> {
    return new Promise((resolve) => {
      world.clock.setTimer(initMs, resolve);
    });
  }
}
