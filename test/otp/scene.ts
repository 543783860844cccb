/**
 * The process that runs a scenario, and every process it spawns: a bare Erlang process with the helper functions of `erlang/oracle.erl`
 * under their own names. A helper does what its original does and waits where its original sleeps.
 */
import { recordOf } from "#src/actors/actor.js";
import { startActor } from "#src/actors/start-actor.js";
import { isCopalError } from "#src/errors.js";
import type { ActorRef } from "#src/ref.js";
import { type ListedChild, Supervisor } from "#src/supervisor/supervisor.js";
import { type ErlangSpec, fromChildSpec, moduleOf, toChildSpec } from "./child-specs.js";
import { reasonOfError, startReason } from "./reason.js";
import { ServerProcess } from "./server-process.js";
import { type Flags, startResult, startTree, supervisorSpec, wrongChildSpec, wrongFlag } from "./start-tree.js";
import { element, isTagged, type Term, type Tuple, tuple } from "./term.js";

/** A process of a scenario. */
export class Scene extends ServerProcess {
  /** `sup(Flags, Specs)`, which must work. */
  async sup(flags: Flags, specs: readonly ErlangSpec[]): Promise<ActorRef> {
    return startTree(recordOf(this), this.world, flags, specs);
  }

  /** `sup(Flags, Specs)` as a value, `{ok,Pid}` or `{error,Reason}`; under a name if given. */
  supResult(flags: Flags, specs: readonly ErlangSpec[], name?: string): Promise<Term> {
    return startResult(startTree(recordOf(this), this.world, flags, specs, undefined, name));
  }

  /** `supn(Name, Flags, Specs)`, which must work. */
  async supNamed(name: string, flags: Flags, specs: readonly ErlangSpec[]): Promise<ActorRef> {
    return startTree(recordOf(this), this.world, flags, specs, undefined, name);
  }

  /** `supervisor:start_link(?MODULE, Init)`: what `init` decides is whether there is a supervisor at all. */
  supInit(decide: () => "ignore"): Promise<Term> {
    return startResult(
      startActor(recordOf(this), {
        class: DecidingSupervisor,
        args: [decide],
      }) as Promise<unknown> as Promise<ActorRef>,
    );
  }

  /** `plan(Id, Outcomes)`: what the next starts of a worker come to. */
  plan(id: string, outcomes: readonly Term[]): void {
    this.world.plan.set(id, [...outcomes]);
  }

  /** `evs()`. */
  async evs(): Promise<Term[]> {
    await this.sleep(30);
    return [...this.world.events];
  }

  /** `clear()`. */
  async clear(): Promise<void> {
    await this.sleep(30);
    this.world.events = [];
  }

  /** `seq()`: what came up, went down, failed and was reported, in order. */
  async seq(): Promise<Term[]> {
    return (await this.evs()).flatMap((event) => {
      if (isTagged(event, "started")) return [tuple("up", event.items[1])];
      if (isTagged(event, "terminate", 3)) return [tuple("term", ...event.items.slice(1))];
      if (isTagged(event, "start", 3)) return [tuple("start_fail", ...event.items.slice(1))];
      if (isTagged(event, "report", 5)) return [tuple(...event.items.slice(0, 4))];
      return [];
    });
  }

  /** `seqn()`: the same without reports. */
  async seqn(): Promise<Term[]> {
    return (await this.seq()).filter((event) => !isTagged(event, "report"));
  }

  /** The reports of some contexts, all if none is named, as `{report,Context,Reason,Id,Count}`. */
  async reports(...contexts: readonly string[]): Promise<Tuple[]> {
    const isWanted = (event: Term): event is Tuple =>
      isTagged(event, "report", 5) && (contexts.length === 0 || contexts.includes(String(event.items[1])));
    return (await this.evs()).filter(isWanted);
  }

  /** `pid(Sup, Id)`. */
  async pid(sup: ActorRef, id: string): Promise<ActorRef> {
    const found = (await this.whichChildren(sup)).find((listed) => listed.id === id)?.child;
    if (typeof found !== "object") throw new TypeError(`${id} does not run`);
    return found;
  }

  /** `wc(Sup)`: ids and states, the newest first. */
  async wc(sup: ActorRef): Promise<Term[]> {
    return (await this.whichChildren(sup)).map(({ id, child }) =>
      tuple(id, typeof child === "object" ? "running" : child),
    );
  }

  /** `supervisor:which_children(Sup)`. */
  async whichChildren(sup: ActorRef): Promise<ListedChild[]> {
    return (await sup.within("infinity").call.whichChildren?.()) as ListedChild[];
  }

  /** `supervisor:which_children(Sup)` as it is printed. */
  async whichTerms(sup: ActorRef): Promise<Term[]> {
    return (await this.whichChildren(sup)).map(({ id, child, type }) => tuple(id, child, type, ["ow"]));
  }

  /** `cc(Sup)`: specs, active, supervisors, workers. */
  async cc(sup: ActorRef): Promise<Term[]> {
    return (await this.countChildren(sup)).map((count) => (count as Tuple).items[1]);
  }

  /** `supervisor:count_children(Sup)`. */
  async countChildren(sup: ActorRef): Promise<Term[]> {
    const count = (await sup.within("infinity").call.countChildren?.()) as Record<string, number>;
    return ["specs", "active", "supervisors", "workers"].map((key) => tuple(key, count[key]));
  }

  /** `supervisor:start_child(Sup, Spec)`. */
  startChild(sup: ActorRef, spec: ErlangSpec): Promise<Term> {
    return this.#asked(sup, "startChild", toChildSpec(this.world, spec));
  }

  /** `supervisor:start_child(Sup, ExtraArgs)` of a `simple_one_for_one` supervisor. */
  startInstance(sup: ActorRef, ...extra: readonly Term[]): Promise<Term> {
    return this.#asked(sup, "startChild", ...extra);
  }

  /** The same, which must work: its pid. */
  async instance(sup: ActorRef): Promise<ActorRef> {
    const result = await this.startInstance(sup, []);
    if (!isTagged(result, "ok")) throw new TypeError("the instance does not start");
    return result.items[1] as ActorRef;
  }

  /** The pid in what a start returned. */
  pidOf(started: Term): ActorRef {
    return element(2, started) as ActorRef;
  }

  terminateChild(sup: ActorRef, id: string | ActorRef): Promise<Term> {
    return this.#asked(sup, "terminateChild", id);
  }

  restartChild(sup: ActorRef, id: string): Promise<Term> {
    return this.#asked(sup, "restartChild", id);
  }

  deleteChild(sup: ActorRef, id: string): Promise<Term> {
    return this.#asked(sup, "deleteChild", id);
  }

  /** `supervisor:get_childspec(Sup, Id)`. */
  async getChildspec(sup: ActorRef, id: string): Promise<Term> {
    const result = await this.#asked(sup, "getChildSpec", id);
    if (!isTagged(result, "ok")) return result;
    const spec = fromChildSpec(result.items[1] as object);
    return tuple("ok", { ...spec, modules: [moduleOf(spec)] });
  }

  /**
   * `up(Sup, New)`: what `sys:change_code` gives when `init` is asked again and says `{ok,{Flags,Specs}}`. Where it says `ignore` there is
   * nothing to ask the supervisor for.
   */
  async changeCode(sup: ActorRef, flags: Flags | "ignore", specs: readonly ErlangSpec[]): Promise<Term> {
    if (flags === "ignore") return "ok";
    try {
      await sup.within("infinity").call.changeSpec?.(supervisorSpec(this.world, flags, specs));
      return "ok";
    } catch (error) {
      if (!isCopalError(error, "ERR_CHILD_SPEC")) throw error;
      return tuple("error", tuple("error", wrongFlag(error.field, error.got) ?? wrongChildSpec(error)));
    }
  }

  /** A request to a supervisor as the original's result. */
  async #asked(sup: ActorRef, method: string, ...args: readonly unknown[]): Promise<Term> {
    try {
      return okWith(await sup.within("infinity").call[method]?.(...args), method);
    } catch (error) {
      if (isCopalError(error, "ERR_CHILD_STATE")) return tuple("error", error.state);
      if (isCopalError(error, "ERR_ALREADY_STARTED")) return tuple("error", tuple("already_started", error.ref));
      if (isCopalError(error, "ERR_CHILD_SPEC")) return tuple("error", wrongChildSpec(error));
      if (isCopalError(error, "ERR_START")) return tuple("error", startReason(error.reason));
      return tuple("error", reasonOfError(error));
    }
  }
}

/** A supervisor whose own `init` may give up before it has any children. */
class DecidingSupervisor extends Supervisor {
  override async init(decide: never): Promise<void> {
    if ((decide as () => unknown)() === "ignore") this.ignore();
  }
}

/** What an `ok` answer of a supervisor carries. */
function okWith(answer: unknown, method: string): Term {
  if (method === "terminateChild" || method === "deleteChild") return "ok";
  if (method === "getChildSpec") return tuple("ok", answer);
  if (typeof answer === "object" && answer !== null && "info" in answer && "ref" in answer)
    return tuple("ok", answer.ref, answer.info);
  return tuple("ok", answer);
}
