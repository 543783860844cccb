/**
 * Runs random trees on Copal, the way `random_trees.erl` runs them on Erlang: one event after the other, each when nothing moves any
 * more, and a line for each thing that happened.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { setTimeout as wait } from "node:timers/promises";
import { cellOf } from "#src/actors/address.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import type { Parent } from "#src/actors/start-actor.js";
import { stop } from "#src/actors/stop.js";
import { resume, suspend } from "#src/actors/sys.js";
import { isCopalError } from "#src/errors.js";
import type { ActorRef } from "#src/ref.js";
import type { ChildSpec, StartContext, StartResult } from "#src/supervisor/child-spec.js";
import type { DynamicTemplate } from "#src/supervisor/dynamic-spec.js";
import { type DynamicSupervisor, startDynamicSupervisor } from "#src/supervisor/dynamic-supervisor.js";
import type { Offender, SupervisorEvent, SupervisorReport } from "#src/supervisor/reports.js";
import type { Intensity } from "#src/supervisor/restart-window.js";
import { type Supervisor as SupervisorActor, startSupervisor } from "#src/supervisor/supervisor.js";
import { Census } from "./census.js";
import type { Trace } from "./erlang.js";
import { exitReasonOf, reasonText, thrownText } from "./reason-text.js";
import { type ScriptedWorker, startScripted } from "./scripted-child.js";
import {
  type Blow,
  type Child,
  type Event,
  type Instance,
  type Request,
  type Run,
  rootId,
  type Supervisor,
} from "./tree.js";

/** Makes every run happen, one after the other, and resolves with their traces. */
export async function runOnCopal(runs: readonly Run[]): Promise<Trace[]> {
  const traces: Trace[] = [];
  for (const run of runs) traces.push(await new CopalRun().run(run));
  return traces;
}

const turnMs = 10;
const stuckAfterTurns = 300;
/** Long enough never to pass in a run. */
const periodMs = 1_000_000_000;

/** What every supervisor is asked. */
const both: ReadonlySet<Request["call"]> = new Set(["terminate_child", "which_children", "count_children"]);

class CopalRun {
  readonly #census = new Census();
  #isStuck = false;

  async run({ root, events }: Run): Promise<Trace> {
    const census = this.#census;
    const onReport = (report: unknown): void => this.#report(report as SupervisorReport);
    subscribe("copal:supervisor", onReport);
    try {
      census.log("> begin");
      await this.#step(async () => this.#settle(await this.#begin(root)));
      for (const event of events) await this.#step(() => this.#event(event));
      await this.#step(() => this.#event({ do: "exit", reason: "shutdown" }));
    } catch (thrown) {
      census.log(`run failed ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    } finally {
      unsubscribe("copal:supervisor", onReport);
      for (const ref of census.alive()) exitActor(ref, "kill");
    }
    return census.lines;
  }

  /**
   * A step that never comes to its end fails the run, not the whole program. It is given turns of the event loop, not time: on a busy machine
   * they take longer, and so does the step.
   */
  async #step(act: () => Promise<void>): Promise<void> {
    let isOver = false;
    const acted = act().finally(() => {
      isOver = true;
    });
    for (let turn = 0; turn < stuckAfterTurns && !isOver; turn++) await Promise.race([acted, wait(turnMs)]);
    this.#isStuck = !isOver;
    if (isOver) return acted;
    acted.catch(() => {});
    throw new Error("stuck");
  }

  async #begin(root: Supervisor): Promise<string> {
    try {
      await this.#start(rootId, `${rootId}#1`, root, { parent: null, path: rootId });
      return `ok ${rootId}#1`;
    } catch (thrown) {
      return `failed with ${thrownText(thrown)}`;
    }
  }

  async #start(id: string, name: string, spec: Supervisor, { parent, path, signal }: Place): Promise<ActorRef> {
    const { strategy, intensity: max, autoShutdown, children } = spec;
    const common = { path, intensity: intensityOf(max), autoShutdown, ...(signal && { signal }) };
    const [template] = children;
    if (strategy === "simple_one_for_one" && template) {
      const ref = await startDynamicSupervisor(parent, { ...common, template: this.#templateOf(template) });
      this.#census.watch(ref, { id, name, kind: "simple" });
      return ref;
    }
    if (strategy === "simple_one_for_one") throw new Error("no template");
    const specs = children.map((child) => this.#specOf(child));
    const ref = await startSupervisor(parent, { ...common, strategy, children: specs });
    this.#census.watch(ref, { id, name, kind: "supervisor" });
    return ref;
  }

  /** An instance is the template with an id and a plan of its own, and if it is a supervisor with ids of its own below it. */
  #templateOf(template: Child): DynamicTemplate {
    const { id, restart, significant, shutdown, type } = template;
    const start = (context: StartContext, { body, ...own }: Instance): Promise<StartResult> => {
      const instance = { ...template, ...own, ...(body !== "template" && { body }) };
      return this.#specOf(instance).start(context);
    };
    return { id, start, restart, significant, shutdown, type };
  }

  #specOf(child: Child): ChildSpec {
    const { id, restart, significant, shutdown, type } = child;
    const start: ChildSpec["start"] = (context) =>
      startScripted(this.#census, child, context, ({ id, body }, name, { parent, path, signal }) => {
        if (body.is === "worker") throw new Error(`${id} is no supervisor`);
        return this.#start(id, name, body, { parent, path, signal });
      });
    return { id, start, restart, significant, shutdown, type };
  }

  async #event(event: Event): Promise<void> {
    const root = this.#census.running(rootId);
    if (!root) return;
    this.#census.log(`> ${describe(event)}`);
    await this.#settle(await this.#perform(event, root));
  }

  async #perform(event: Event, root: ActorRef): Promise<string | undefined> {
    if (event.do === "exit") {
      exitActor(root, exitReasonOf(event.reason));
      await whenEnded(root);
      return undefined;
    }
    if (event.do !== "call" && event.do !== "together" && event.do !== "change") return this.#strike(event);
    const to = this.#census.running(event.to);
    const kind = to && this.#census.of(to)?.kind;
    if (!to || kind === "worker") return "skipped";
    if (event.do === "change") return kind === "simple" ? "skipped" : this.#change(to, event.spec);
    return event.do === "call" ? this.#request(to, event) : this.#together(to, event, to === root);
  }

  async #strike({ do: how, id, reason }: Blow): Promise<string | undefined> {
    const ref = this.#census.running(id);
    const kind = ref && this.#census.of(ref)?.kind;
    if (!ref) return "skipped";
    const worker = ref as ActorRef<unknown> as ActorRef<ScriptedWorker>;
    if (how === "signal") exitActor(ref, exitReasonOf(reason));
    else if (kind === "worker" && how === "stop") worker.cast.stop(reason);
    else if (kind === "worker") worker.cast.raise(reason);
    else if (how === "stop") await stop(ref, exitReasonOf(reason));
    // Whether it ends or takes the signal as a message: either way it is past it then.
    await (kind === "worker" ? worker.within("infinity").call.ping() : callsOf(ref).countChildren()).catch(() => {});
    if (cellOf(ref).isEnding) await whenEnded(ref);
    return undefined;
  }

  /** Another supervisor, of which this one's twin has a child of that id, would act meanwhile. */
  async #strikeChild(of: ActorRef, blow: Blow): Promise<string | undefined> {
    const ref = this.#census.running(blow.id);
    return ref && cellOf(ref).parent === cellOf(of) ? this.#strike(blow) : "skipped";
  }

  /** The supervisor stands still until every step is in its mailbox. */
  async #together(to: ActorRef, { steps, last }: Together, isRoot: boolean): Promise<string> {
    await suspend(to);
    const answers: Promise<string | undefined>[] = [];
    for (const step of steps) {
      const answer = step.do === "call" ? this.#request(to, step) : this.#strikeChild(to, step);
      answers.push(answer);
      if (step.do !== "call") await answer;
    }
    if (last !== "none") exitActor(to, exitReasonOf(last));
    if (last !== "none" && (isRoot || last === "kill")) await whenEnded(to);
    else await resume(to);
    return (await Promise.all(answers)).map((answer) => answer ?? "none").join(" | ");
  }

  async #change(to: ActorRef, { strategy, intensity: max, autoShutdown, children }: Supervisor): Promise<string> {
    if (strategy === "simple_one_for_one") throw new Error("not for this supervisor");
    const specs = children.map((child) => this.#specOf(child));
    await callsOf(to).changeSpec({ strategy, intensity: intensityOf(max), autoShutdown, children: specs });
    return "ok";
  }

  async #request(to: ActorRef, request: Request): Promise<string> {
    const isSimple = this.#census.of(to)?.kind === "simple";
    // An id may be a simple_one_for_one now and something else later: what the one has and the other has not is not asked.
    if (!both.has(request.call) && isSimple !== (request.call === "start_instance")) return "skipped";
    try {
      return await (isSimple ? this.#askSimple(to, request) : this.#ask(to, request));
    } catch (thrown) {
      if (isCopalError(thrown, "ERR_ACTOR_EXIT") || isCopalError(thrown, "ERR_NOPROC")) return "gone";
      if (isCopalError(thrown, "ERR_CHILD_STATE")) return thrown.state;
      if (isCopalError(thrown, "ERR_ALREADY_STARTED")) return `already_started ${this.#census.nameOf(thrown.ref)}`;
      if (isCopalError(thrown, "ERR_CHILD_SPEC") && thrown.field === "significant")
        return "failed with bad_combination";
      if (isCopalError(thrown, "ERR_START")) return `failed with ${thrownText(thrown)}`;
      throw thrown;
    }
  }

  async #ask(to: ActorRef, request: Request): Promise<string> {
    const call = callsOf(to);
    switch (request.call) {
      case "start_child":
        return this.#started(await call.startChild(this.#specOf(request.child)));
      case "restart_child":
        return this.#started(await call.restartChild(request.id));
      case "terminate_child":
        await call.terminateChild(request.id);
        return "ok";
      case "delete_child":
        await call.deleteChild(request.id);
        return "ok";
      case "get_childspec": {
        const { restart, shutdown, significant, type } = await call.getChildSpec(request.id);
        return `${restart} ${shutdown} ${significant} ${type}`;
      }
      case "which_children":
        return this.#shown(await call.whichChildren());
      case "count_children":
        return countsText(await call.countChildren());
      case "start_instance":
        throw new Error("not for this supervisor");
    }
  }

  async #askSimple(to: ActorRef, request: Request): Promise<string> {
    const call = (to as ActorRef<unknown> as ActorRef<DynamicSupervisor>).within("infinity").call;
    if (request.call === "start_instance") return this.#started(await call.startChild(request.child));
    // Rule *active* of `random_trees.erl`.
    if (request.call === "count_children") return countsText({ ...(await call.countChildren()), active: "any" });
    if (request.call !== "terminate_child") return this.#ask(to, request);
    const ref = this.#census.last(request.id);
    if (!ref) return "not_found";
    await call.terminateChild(ref);
    return "ok";
  }

  #started(started: unknown): string {
    if (started === undefined) return "ok -";
    if (typeof started === "object" && started !== null && "ref" in started && "info" in started)
      return `ok ${this.#census.nameOf(started.ref as ActorRef)} ${String(started.info)}`;
    return `ok ${this.#census.nameOf(started as ActorRef)}`;
  }

  /** Waits until nothing moves, then writes the ends since the last time, the result and the state of every supervisor. */
  async #settle(result: string | undefined): Promise<void> {
    let tree = await this.#tree();
    while (!tree) {
      if (this.#isStuck) throw new Error("never settled");
      await new Promise((resolve) => setImmediate(resolve));
      tree = await this.#tree();
    }
    for (const line of this.#census.takeEnded()) this.#census.log(line);
    if (result !== undefined) this.#census.log(`= ${result}`);
    for (const line of tree) this.#census.log(line);
  }

  /** The state of all supervisors, or undefined while something moves; see `tree()` in `random_trees.erl`. */
  async #tree(): Promise<string[] | undefined> {
    const census = this.#census;
    const reached = new Set<ActorRef>();
    const lines: string[] = [];
    const look = async (ref: ActorRef, id: string): Promise<boolean> => {
      const children: readonly Listed[] = await callsOf(ref).whichChildren();
      const up = children.flatMap(({ child }) => (typeof child === "object" ? [child] : []));
      if (children.some(({ child }) => child === "restarting") || up.some((one) => cellOf(one).hasEnded)) return false;
      lines.push(`tree ${id} [${this.#shown(children)}] ${countsText(await callsOf(ref).countChildren())}`);
      reached.add(ref);
      for (const one of up) {
        reached.add(one);
        const known = census.of(one);
        if (known && known.kind !== "worker" && !(await look(one, known.id))) return false;
      }
      return true;
    };
    const root = census.running(rootId);
    try {
      if (root && !(await look(root, rootId))) return undefined;
    } catch (thrown) {
      // It has ended meanwhile.
      if (isCopalError(thrown, "ERR_ACTOR_EXIT") || isCopalError(thrown, "ERR_NOPROC")) return undefined;
      throw thrown;
    }
    return census.alive().every((ref) => reached.has(ref)) ? lines : undefined;
  }

  /** Newest first; of a simple_one_for_one, which promises no order, by name. */
  #shown(children: readonly Listed[]): string {
    const texts = children.map(({ id, child, type }) => {
      const who = child === undefined ? "-" : child === "restarting" ? child : this.#census.nameOf(child);
      return `${id ?? "i"}=${who}/${type}`;
    });
    return (children.some(({ id }) => id === undefined) ? texts.sort() : texts).join(",");
  }

  #report(event: SupervisorEvent | SupervisorReport): void {
    if (event.type !== "report") return;
    if (event.kind === "progress") this.#census.log(`report progress ${this.#offender(event.started)}`);
    else {
      const { errorContext, reason, offender } = event;
      const why = reason === "reached_max_restart_intensity" ? reason : reasonText(reason);
      this.#census.log(`report ${errorContext} ${why} ${this.#offender(offender)}`);
    }
  }

  #offender({ id, ref, count }: Offender): string {
    return `${id} ${count === undefined ? (ref ? this.#census.nameOf(ref) : "none") : `all ${count}`}`;
  }
}

function intensityOf(max: number): Intensity {
  return { max, withinMs: periodMs, resolution: "otp" };
}

type Together = Extract<Event, { readonly do: "together" }>;

interface Place {
  readonly parent: Parent;
  readonly path: string;
  readonly signal?: AbortSignal;
}

interface Listed {
  readonly id: string | undefined;
  readonly child: ActorRef | "restarting" | undefined;
  readonly type: string;
}

function callsOf(ref: ActorRef) {
  return (ref as ActorRef<unknown> as ActorRef<SupervisorActor>).within("infinity").call;
}

function countsText(counts: {
  readonly specs: number;
  readonly active: number | "any";
  readonly supervisors: number;
  readonly workers: number;
}): string {
  return [counts.specs, counts.active, counts.supervisors, counts.workers].join("/");
}

function idOf(request: Request): string {
  return "id" in request ? request.id : "child" in request ? request.child.id : "";
}

/** The header of an event in a trace. */
export function describe(event: Event): string {
  if (event.do === "together") {
    const steps = event.steps.map((step) => ` (${describe(step)})`).join("");
    return `together ${event.to}${steps}${event.last === "none" ? "" : ` (exit ${event.last})`}`;
  }
  if (event.do === "exit") return `exit ${event.reason}`;
  if (event.do === "change") return `change ${event.to}`;
  if (event.do !== "call") return `${event.do} ${event.id} ${event.reason}`;
  return `${event.call} ${event.to} ${idOf(event)}`.trimEnd();
}
