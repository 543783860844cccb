/**
 * What one random run is made of: a tree of supervisors, a script for every child, and the events that befall them. Plain data,
 * so that Erlang reads the very same; knows neither how a run is generated nor how it is run.
 */

/** How an actor ends or is ended, by its name in a trace; `"{shutdown,x}"` is the tuple. */
export type Reason = "normal" | "shutdown" | "{shutdown,x}" | "x" | "y" | "kill";

/**
 * What one start of a child comes to.
 *
 * `ok`, `info` (a value comes with the ref), `ignore`; `error`: the start function says so; `init_stop`, `init_raise`: the child's
 * `init` does; `throw`, `raise`: the start function throws; `dead`: the child is up and has ended with `reason` before its
 * supervisor hears that it is up.
 */
export interface Outcome {
  readonly comes: "ok" | "info" | "ignore" | "error" | "init_stop" | "init_raise" | "throw" | "raise" | "dead";
  readonly reason: Reason;
}

/** A worker: whether it traps exits, and what its `terminate` does. */
export interface Worker {
  readonly is: "worker";
  readonly traps: boolean;
  /** Returns; never comes back from a `shutdown` of its supervisor; or raises `x`. */
  readonly ending: "returns" | "deaf" | "raises";
}

/** A supervisor; the only child of a `simple_one_for_one` is the template of all its children. */
export interface Supervisor {
  readonly is: "supervisor";
  readonly strategy: "one_for_one" | "one_for_all" | "rest_for_one" | "simple_one_for_one";
  readonly intensity: number;
  readonly autoShutdown: "never" | "any_significant" | "all_significant";
  readonly children: readonly Child[];
}

/** A child specification and the child's script. */
export interface Child {
  /** Unique in the run; that of a descendant begins with that of its supervisor, except that `r`, the root, begins none. */
  readonly id: string;
  readonly restart: "permanent" | "transient" | "temporary";
  readonly significant: boolean;
  readonly shutdown: number | "infinity" | "brutal_kill";
  readonly type: "worker" | "supervisor";
  /** What its first, second, … start comes to; any later one is `ok`. */
  readonly plan: readonly Outcome[];
  readonly body: Worker | Supervisor;
}

/**
 * What an instance of a template has of its own. If the template is a supervisor, it is that one with ids of its own; if it is a worker, the
 * template says all.
 */
export interface Instance {
  readonly id: string;
  readonly plan: readonly Outcome[];
  readonly body: Supervisor | "template";
}

/** A request to the supervisor `to`. */
export type Request =
  | { readonly do: "call"; readonly to: string; readonly call: "start_child"; readonly child: Child }
  | {
      readonly do: "call";
      readonly to: string;
      readonly call: "start_instance";
      readonly child: Instance;
    }
  | {
      readonly do: "call";
      readonly to: string;
      readonly call: "terminate_child" | "restart_child" | "delete_child" | "get_childspec";
      readonly id: string;
    }
  | { readonly do: "call"; readonly to: string; readonly call: "which_children" | "count_children" };

/**
 * A worker stops itself or raises, or a stranger sends an exit signal. A supervisor is stopped from outside, in order, as `gen_server:stop`
 * does; it never raises.
 */
export interface Blow {
  readonly do: "stop" | "raise" | "signal";
  readonly id: string;
  readonly reason: Reason;
}

/** An event that stands for itself. */
export type SingleEvent = Exclude<Event, { readonly do: "together" }>;

/** What happens in a run; each but the steps of `together` begins when nothing moves any more. */
export type Event =
  | Blow
  | Request
  /**
   * All of it is in the mailbox of the supervisor `to` before that handles any of it; `last` is an exit signal to that one from outside, which
   * to the root is its parent's.
   */
  | {
      readonly do: "together";
      readonly to: string;
      readonly steps: readonly (Blow | Request)[];
      readonly last: Reason | "none";
    }
  /** The supervisor lives by another specification from now on: OTP's `code_change`, Copal's `changeSpec`. */
  | { readonly do: "change"; readonly to: string; readonly spec: Supervisor }
  /** The exit signal of the root's parent. */
  | { readonly do: "exit"; readonly reason: Reason };

/** One run: a root supervisor, whose id is `r`, and what happens. */
export interface Run {
  readonly root: Supervisor;
  readonly events: readonly Event[];
}

/** The id of every run's root. */
export const rootId = "r";

/** Tells whether `id` is somewhere below the supervisor `above`. */
export function isBelow(id: string, above: string): boolean {
  return above === rootId ? id !== rootId : id !== above && id.startsWith(above);
}

/** The ids under which a run has a `simple_one_for_one`; those that an event starts included. */
export function simpleIds({ root, events }: Run): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (id: string, body: Worker | Supervisor): void => {
    if (body.is === "worker") return;
    if (body.strategy === "simple_one_for_one") found.add(id);
    for (const child of body.children) visit(child.id, child.body);
  };
  visit(rootId, root);
  for (const event of events) {
    for (const step of event.do === "together" ? event.steps : [event])
      if (step.do === "change") visit(step.to, step.spec);
      else if (step.do === "call" && (step.call === "start_child" || step.call === "start_instance")) {
        const { id, body } = step.child;
        if (body !== "template") visit(id, body);
      }
  }
  return found;
}

/** The same supervisor with other ids below it: such as began with `from` begin with `to`. */
export function renamedSupervisor(spec: Supervisor, from: string, to: string): Supervisor {
  return { ...spec, children: spec.children.map((child) => renamedChild(child, from, to)) };
}

/** The same child, whose id begins with `from`, under one that begins with `to`, and so all below it. */
export function renamedChild(child: Child, from: string, to: string): Child {
  const { id, body } = child;
  const renamed = body.is === "worker" ? body : renamedSupervisor(body, from, to);
  return { ...child, id: to + id.slice(from.length), body: renamed };
}
