/**
 * The runs next smaller than a run: each lacks one thing, or has one thing of the plainest kind. Of a run that differs, the smallest of those that
 * differ too is taken again and again; a run is as small as it gets when none of these does. Ids stay, so that events keep their meaning.
 */
import {
  type Blow,
  type Child,
  type Event,
  type Outcome,
  type Request,
  type Run,
  renamedChild,
  renamedSupervisor,
  rootId,
  type SingleEvent,
  type Supervisor,
  type Worker,
} from "./tree.js";

/** Gives the runs next smaller than `run`, always in the same order; none costs as much. */
export function smallerRuns(run: Run): Run[] {
  const cost = costOf(run);
  const found = [...promoted(run), ...withEvents(run), ...withRoots(run)];
  const seen = new Set<string>();
  return found.filter((one) => {
    const text = JSON.stringify(one);
    if (seen.has(text) || costOf(one) >= cost) return false;
    seen.add(text);
    return true;
  });
}

/** How large a run is for whoever has to understand it. */
export function costOf({ root, events }: Run): number {
  const steps = events.reduce((sum, event) => sum + eventCost(event), 0);
  return steps + supervisorCost(root);
}

function eventCost(event: Event): number {
  if (event.do !== "together") return 100 + stepCost(event);
  return 150 + event.steps.reduce((sum, step) => sum + 100 + stepCost(step), event.last === "none" ? 0 : 50);
}

function stepCost(event: SingleEvent): number {
  if (event.do === "change") return 50 + supervisorCost(event.spec);
  if (event.do === "exit") return event.reason === "x" ? 0 : 1;
  if (event.do !== "call") return 5 * event.id.length + (event.reason === "x" ? 0 : 1);
  if (event.call === "start_child") return 10 + childCost(event.child);
  if (event.call !== "start_instance") return 5;
  const { plan, body } = event.child;
  return 10 + planCost(plan) + (body === "template" ? 0 : 40 + supervisorCost(body));
}

function supervisorCost({ strategy, intensity, autoShutdown, children }: Supervisor): number {
  const own = (strategy === "one_for_one" ? 0 : 2) + intensity + (autoShutdown === "never" ? 0 : 2);
  return own + children.reduce((sum, child) => sum + childCost(child), 0);
}

function childCost({ restart, significant, shutdown, type, plan, body }: Child): number {
  const plain = [
    restart === "permanent",
    !significant,
    shutdown === 60_000 || shutdown === "infinity",
    type === body.is,
  ];
  const own = 60 + plain.filter((isPlain) => !isPlain).length + planCost(plan);
  return own + (body.is === "worker" ? workerCost(body) : 40 + supervisorCost(body));
}

function planCost(plan: readonly Outcome[]): number {
  return plan.reduce((sum, { comes, reason }) => sum + 4 + (comes === "ok" ? 0 : 2) + (reason === "normal" ? 0 : 1), 0);
}

function workerCost({ traps, ending }: Worker): number {
  return (traps ? 1 : 0) + (ending === "returns" ? 0 : 2);
}

/** Each child that is a supervisor as the root, with the events for what is below it. */
function promoted({ root, events }: Run): Run[] {
  return root.children.flatMap(({ id: top, body }) => {
    if (body.is === "worker") return [];
    const renamed = (id: string): string | undefined =>
      id === top ? rootId : id.startsWith(top) && id !== rootId ? id.slice(top.length) : undefined;
    const inside = events.flatMap((event) => renamedEvent(event, renamed) ?? []);
    return [{ root: renamedSupervisor(body, top, ""), events: inside }];
  });
}

type Rename = (id: string) => string | undefined;

function renamedEvent(event: Event, renamed: Rename): Event | undefined {
  if (event.do === "exit") return event;
  if (event.do === "change") {
    const to = renamed(event.to);
    const prefix = to === rootId ? event.to : event.to.slice(0, -(to ?? "").length);
    return to === undefined ? undefined : { ...event, to, spec: renamedSupervisor(event.spec, prefix, "") };
  }
  if (event.do !== "together") return renamedStep(event, renamed);
  const to = renamed(event.to);
  const steps = event.steps.flatMap((step) => renamedStep(step, renamed) ?? []);
  return to === undefined ? undefined : { ...event, to, steps };
}

function renamedStep(step: Blow | Request, renamed: Rename): Blow | Request | undefined {
  const about = step.do === "call" ? ("child" in step ? step.child.id : "id" in step ? step.id : step.to) : step.id;
  const id = renamed(about);
  if (id === undefined) return undefined;
  if (step.do !== "call") return { ...step, id };
  const to = renamed(step.to);
  if (to === undefined) return undefined;
  if (step.call === "start_child") return { ...step, to, child: renamedChild(step.child, about, id) };
  if (step.call === "start_instance") {
    const { body } = step.child;
    return {
      ...step,
      to,
      child: { ...step.child, id, body: body === "template" ? body : renamedSupervisor(body, about, id) },
    };
  }
  return "id" in step ? { ...step, to, id } : { ...step, to };
}

function withEvents({ root, events }: Run): Run[] {
  const half = Math.ceil(events.length / 2);
  const changed = [
    events.slice(0, half),
    events.slice(half),
    ...without(events),
    ...events.flatMap((event, at) => (event.do === "together" ? [events.toSpliced(at, 1, ...event.steps)] : [])),
    ...eachChanged(events, plainerEvents),
  ];
  return changed.map((some) => ({ root, events: some }));
}

function plainerEvents(event: Event): Event[] {
  if (event.do !== "together") return [...plainerSteps(event), ...befallingTheSupervisor(event)];
  const lasts: Event[] =
    event.last === "none"
      ? []
      : [
          { ...event, last: "none" },
          { ...event, last: "x" },
        ];
  const fewer = [...without(event.steps), ...eachChanged(event.steps, plainerSteps)];
  return [...event.steps, ...lasts, ...fewer.map((steps) => ({ ...event, steps }))];
}

/** Not among the steps of several at once: the supervisor of those stands still. */
function befallingTheSupervisor(event: SingleEvent): Event[] {
  if (event.do === "exit" || event.do === "call" || event.do === "change" || event.id.length < 2) return [];
  return [{ ...event, id: event.id.slice(0, -1) }];
}

function plainerSteps<T extends SingleEvent>(step: T): T[] {
  if (step.do === "change") return plainerChanges(step.spec).map((spec) => ({ ...step, spec }));
  if (step.do !== "call") return [{ ...step, reason: "x" }];
  if (step.call === "start_child") return plainerChildren(step.child).map((child) => ({ ...step, child }));
  if (step.call !== "start_instance") return [];
  const { plan, body } = step.child;
  const bodies = body === "template" ? [] : ["template" as const, ...plainerSupervisors(body)];
  const children = [
    ...plainerPlans(plan).map((other) => ({ plan: other })),
    ...bodies.map((other) => ({ body: other })),
  ];
  return children.map((other) => ({ ...step, child: { ...step.child, ...other } }));
}

/** How long a child is given stays: one that runs under the name may be deaf, and would never come back from a longer stop. */
function plainerChanges(spec: Supervisor): Supervisor[] {
  const given = new Map(spec.children.map(({ id, shutdown }) => [id, shutdown]));
  return plainerSupervisors(spec).filter(({ children }) =>
    children.every(({ id, shutdown }) => given.get(id) === shutdown),
  );
}

function withRoots({ root, events }: Run): Run[] {
  return plainerSupervisors(root).map((plainer) => ({ root: plainer, events }));
}

function plainerSupervisors(spec: Supervisor): Supervisor[] {
  const { strategy, intensity, children } = spec;
  const isSimple = strategy === "simple_one_for_one";
  const insignificant = children.map((child) => ({ ...child, significant: false }));
  return [
    ...(isSimple ? [] : without(children).map((some) => ({ ...spec, children: some }))),
    ...(isSimple ? [] : [{ ...spec, strategy: "one_for_one" as const }]),
    { ...spec, autoShutdown: "never", children: insignificant },
    { ...spec, intensity: 0 },
    { ...spec, intensity: Math.max(0, intensity - 1) },
    ...eachChanged(children, plainerChildren).map((some) => ({ ...spec, children: some })),
  ];
}

function plainerChildren(child: Child): Child[] {
  const { body, plan, type } = child;
  const bodies: (Worker | Supervisor)[] =
    body.is === "worker" ? plainerWorkers(body) : [plain, ...plainerSupervisors(body)];
  return [
    ...bodies.map((other) => withTime({ ...child, body: other, type: type === body.is ? other.is : type }, body)),
    ...plainerPlans(plan).map((other) => ({ ...child, plan: other })),
    { ...child, restart: "permanent", significant: false },
    { ...child, significant: false },
    { ...child, type: body.is },
    ...(isDeaf(body) ? [] : [{ ...child, shutdown: body.is === "worker" ? 60_000 : ("infinity" as const) }]),
  ];
}

/** What was given to one that is deaf is too short for another. */
function withTime(child: Child, before: Worker | Supervisor): Child {
  return isDeaf(before) && !isDeaf(child.body) ? { ...child, shutdown: 60_000 } : child;
}

function isDeaf(body: Worker | Supervisor): boolean {
  return body.is === "worker" && body.ending === "deaf";
}

const plain: Worker = { is: "worker", traps: false, ending: "returns" };

function plainerWorkers(worker: Worker): Worker[] {
  return [plain, { ...worker, traps: false }, { ...worker, ending: "returns" }];
}

function plainerPlans(plan: readonly Outcome[]): (readonly Outcome[])[] {
  return [[], ...without(plan), ...eachChanged(plan, plainerOutcomes)];
}

function plainerOutcomes({ comes, reason }: Outcome): Outcome[] {
  const up: Outcome = { comes: "ok", reason: "normal" };
  if (comes === "ok" || comes === "info" || comes === "ignore") return [up];
  return comes === "raise" || comes === "init_raise" || reason === "normal" ? [up] : [up, { comes, reason: "x" }];
}

function without<T>(items: readonly T[]): (readonly T[])[] {
  return items.map((_, at) => items.toSpliced(at, 1));
}

function eachChanged<T>(items: readonly T[], change: (item: T) => readonly T[]): (readonly T[])[] {
  return items.flatMap((item, at) => change(item).map((other) => items.with(at, other)));
}
