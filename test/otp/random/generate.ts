/**
 * Generates runs: fast-check makes a shape in which every part is free of every other, and `runOf` makes a run of it, giving out ids
 * and mending what OTP would refuse. Knows nothing of how a run is made to happen, nor of how one is made smaller.
 *
 * What is left out because its outcome hangs on time or on a defect of OTP's:
 *
 * - a deaf worker is given 1 or 2 ms or `brutal_kill`, any other worker either no time limit that could be reached or `brutal_kill`;
 * - a supervisor that is a child has `infinity` or `brutal_kill`;
 * - an instance's plan says `ignore` for its first start only: OTP keeps an instance that is restarted and ignored as a child that
 *   is none, and falls over it when it ends.
 */
import fc from "fast-check";
import {
  type Blow,
  type Child,
  type Event,
  type Outcome,
  type Reason,
  type Request,
  type Run,
  renamedSupervisor,
  rootId,
  type Supervisor,
  type Worker,
} from "./tree.js";

const reasons: readonly Reason[] = ["x", "normal", "shutdown", "{shutdown,x}", "y", "kill"];
const startReasons: readonly Reason[] = ["x", "y", "normal", "shutdown", "{shutdown,x}"];

interface ChildShape {
  readonly restart: Child["restart"];
  readonly isSignificant: boolean;
  readonly shutdown: "patient" | "infinity" | "brutal_kill";
  readonly isOddType: boolean;
  readonly plan: readonly Outcome[];
  readonly body: Worker | SupervisorShape;
}

interface SupervisorShape {
  readonly is: "supervisor";
  readonly strategy: Supervisor["strategy"];
  readonly intensity: number;
  readonly autoShutdown: Supervisor["autoShutdown"];
  readonly children: readonly ChildShape[];
}

/** `sup` and `child` choose among what there is, modulo its number. */
interface EventShape {
  readonly kind: BlowKind | RequestKind | "together" | "exit" | "stop root";
  readonly sup: number;
  readonly child: number;
  readonly reason: Reason;
  readonly spec: ChildShape;
  readonly steps: readonly StepShape[];
  readonly last: Reason | "none";
}

type StepShape = Omit<EventShape, "kind" | "steps" | "last"> & { readonly kind: BlowKind | RequestKind };
type BlowKind = Blow["do"];
type RequestKind =
  | "start"
  | "terminate_child"
  | "restart_child"
  | "delete_child"
  | "get_childspec"
  | "which_children"
  | "count_children";

/** The arbitrary of all runs. */
export function arbitraryRun(): fc.Arbitrary<Run> {
  const inmost = childShape(workerShape());
  const inner = childShape(bodyShape(inmost, 3));
  const outer = childShape(bodyShape(inner, 3));
  return record({
    root: supervisorShape(outer, 5),
    events: fc.array(eventShape(inner), { minLength: 1, maxLength: 12 }),
  }).map(runOf);
}

function workerShape(): fc.Arbitrary<Worker> {
  return record({
    is: fc.constant("worker"),
    traps: fc.boolean(),
    ending: weighted<Worker["ending"]>([8, "returns"], [1, "raises"], [1, "deaf"]),
  });
}

function supervisorShape(child: fc.Arbitrary<ChildShape>, most: number): fc.Arbitrary<SupervisorShape> {
  return record({
    is: fc.constant("supervisor"),
    strategy: weighted<Supervisor["strategy"]>(
      [3, "one_for_one"],
      [3, "one_for_all"],
      [3, "rest_for_one"],
      [2, "simple_one_for_one"],
    ),
    intensity: fc.integer({ min: 0, max: 5 }),
    autoShutdown: weighted<Supervisor["autoShutdown"]>([3, "never"], [1, "any_significant"], [1, "all_significant"]),
    children: fc.array(child, { minLength: 1, maxLength: most }),
  });
}

function bodyShape(child: fc.Arbitrary<ChildShape>, most: number): fc.Arbitrary<Worker | SupervisorShape> {
  return fc.oneof({ weight: 3, arbitrary: workerShape() }, { weight: 1, arbitrary: supervisorShape(child, most) });
}

function childShape(body: fc.Arbitrary<Worker | SupervisorShape>): fc.Arbitrary<ChildShape> {
  return record({
    restart: weighted<Child["restart"]>([5, "permanent"], [3, "transient"], [2, "temporary"]),
    isSignificant: fc.boolean(),
    shutdown: weighted<ChildShape["shutdown"]>([5, "patient"], [1, "infinity"], [1, "brutal_kill"]),
    isOddType: weighted([9, false], [1, true]),
    plan: fc.oneof(
      { weight: 8, arbitrary: fc.constant([]) },
      // Most come up the first time, or few trees would.
      { weight: 12, arbitrary: fc.array(outcomeShape(), { maxLength: 4 }).map((later) => [up, ...later]) },
      { weight: 1, arbitrary: fc.array(outcomeShape(), { minLength: 1, maxLength: 6 }) },
    ),
    body,
  });
}

const up: Outcome = { comes: "ok", reason: "normal" };

function outcomeShape(): fc.Arbitrary<Outcome> {
  return record({
    comes: weighted<Outcome["comes"]>(
      [4, "ok"],
      [1, "info"],
      [2, "ignore"],
      [3, "error"],
      [1, "init_stop"],
      [1, "init_raise"],
      [1, "throw"],
      [1, "raise"],
      [1, "dead"],
    ),
    reason: fc.constantFrom(...startReasons),
  }).map(({ comes, reason }) => {
    if (comes === "ok" || comes === "info" || comes === "ignore") return { comes, reason: "normal" };
    // What is thrown as an error is not a reason but gives one.
    return { comes, reason: comes === "raise" || comes === "init_raise" ? "x" : reason };
  });
}

function eventShape(spec: fc.Arbitrary<ChildShape>): fc.Arbitrary<EventShape> {
  const kind = stepKind();
  const step = record({ kind, ...choices(spec) });
  return record({
    kind: fc.oneof(
      { weight: 12, arbitrary: kind },
      { weight: 4, arbitrary: weighted<EventShape["kind"]>([18, "together"], [1, "exit"], [1, "stop root"]) },
    ),
    ...choices(spec),
    steps: fc.array(step, { minLength: 1, maxLength: 5 }),
    last: fc.oneof(
      { weight: 8, arbitrary: fc.constant("none" as const) },
      { weight: 1, arbitrary: fc.constantFrom(...reasons) },
    ),
  });
}

function choices(spec: fc.Arbitrary<ChildShape>) {
  return {
    sup: fc.nat({ max: 11 }),
    child: fc.nat({ max: 59 }),
    reason: fc.constantFrom(...reasons),
    spec,
  };
}

function stepKind(): fc.Arbitrary<StepShape["kind"]> {
  return weighted<StepShape["kind"]>(
    [10, "stop"],
    [2, "raise"],
    [4, "signal"],
    [4, "start"],
    [3, "terminate_child"],
    [3, "restart_child"],
    [1, "delete_child"],
    [1, "get_childspec"],
    [1, "which_children"],
    [1, "count_children"],
  );
}

/** As `fc.record`, but of plain objects, which compare equal to others. */
function record<T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

function weighted<T>(...cases: readonly (readonly [number, T])[]): fc.Arbitrary<T> {
  return fc.oneof(...cases.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));
}

interface RunShape {
  readonly root: SupervisorShape;
  readonly events: readonly EventShape[];
}

/** Gives out ids, mends what OTP would refuse, and lets every event choose its supervisor and child. */
export function runOf(shape: RunShape): Run {
  const root = supervisorOf(rootId, shape.root);
  const places: Place[] = [];
  survey(rootId, root, places);
  const events = shape.events.map((event) => {
    const made = eventOf(event, places);
    surveyStarted(made, places);
    return made;
  });
  return { root, events };
}

/** A supervisor and the ids that its children have or may get. */
interface Place {
  readonly id: string;
  readonly spec: Supervisor;
  readonly known: readonly Child[];
  readonly extra: readonly string[];
}

function survey(id: string, spec: Supervisor, places: Place[]): void {
  const isSimple = spec.strategy === "simple_one_for_one";
  const extra = [...(isSimple ? "ijk" : "xy")].map((letter) => idBelow(id, letter));
  places.push({ id, spec, known: isSimple ? [] : spec.children, extra });
  for (const { id: below, body } of spec.children) if (body.is === "supervisor") survey(below, body, places);
}

/** A supervisor that an event starts is there for the events after it. */
function surveyStarted(event: Event, places: Place[]): void {
  for (const step of event.do === "together" ? event.steps : [event]) {
    if (step.do !== "call" || (step.call !== "start_child" && step.call !== "start_instance")) continue;
    const { id, body } = step.child;
    if (body === "template" || body.is === "worker") continue;
    if (!places.some((place) => place.id === id)) survey(id, body, places);
  }
}

function idBelow(above: string, letter: string): string {
  return above === rootId ? letter : above + letter;
}

function supervisorOf(id: string, shape: SupervisorShape): Supervisor {
  const { strategy, intensity, autoShutdown } = shape;
  const isSimple = strategy === "simple_one_for_one";
  const shapes = isSimple ? shape.children.slice(0, 1) : shape.children;
  const letters = isSimple ? "t" : "abcde";
  const children = shapes.map((child, index) => childOf(idBelow(id, letters[index] ?? "e"), child, shape));
  return { is: "supervisor", strategy, intensity, autoShutdown, children };
}

function childOf(id: string, shape: ChildShape, above: Pick<SupervisorShape, "strategy" | "autoShutdown">): Child {
  const { restart, isSignificant, plan, body } = shape;
  const isSimple = above.strategy === "simple_one_for_one";
  const ownType = body.is;
  return {
    id,
    restart,
    significant: isSignificant && restart !== "permanent" && above.autoShutdown !== "never",
    shutdown: shutdownOf(shape),
    type: shape.isOddType ? (ownType === "worker" ? "supervisor" : "worker") : ownType,
    plan: isSimple ? [] : plan,
    body: body.is === "worker" ? body : supervisorOf(id, body),
  };
}

function shutdownOf({ shutdown, body }: ChildShape): Child["shutdown"] {
  if (shutdown === "brutal_kill") return shutdown;
  if (body.is === "supervisor") return "infinity";
  if (body.traps && body.ending === "deaf") return shutdown === "patient" ? 1 : 2;
  return shutdown === "patient" ? 60_000 : "infinity";
}

function eventOf(shape: EventShape, places: readonly Place[]): Event {
  if (shape.kind === "exit") return { do: "exit", reason: shape.reason };
  if (shape.kind === "stop root") return { do: "stop", id: rootId, reason: shape.reason };
  const place = placeOf(shape, places);
  if (shape.kind !== "together") return stepOf({ ...shape, kind: shape.kind }, place, places);
  const steps = shape.steps.map((step) => stepOf(step, place, places));
  return { do: "together", to: place.id, steps, last: shape.last };
}

function placeOf({ sup }: Pick<EventShape, "sup">, places: readonly Place[]): Place {
  return places[sup % places.length] as Place;
}

function stepOf(shape: StepShape, place: Place, places: readonly Place[]): Blow | Request {
  const { kind, reason } = shape;
  const to = place.id;
  const known = place.known.map(({ id }) => id);
  // Ids that were there from the start come up more often than such that may not be there at all.
  const ids = [...known, ...known, ...place.extra];
  const id = ids[shape.child % ids.length] as string;
  const isSimple = place.spec.strategy === "simple_one_for_one";
  if (kind === "which_children" || kind === "count_children") return { do: "call", to, call: kind };
  if (kind === "start") return startOf(shape, place, places.find((one) => one.id === id)?.spec, id);
  if (kind !== "stop" && kind !== "raise" && kind !== "signal")
    return { do: "call", to, call: isSimple ? "terminate_child" : kind, id };
  // A supervisor does not raise; what a stranger can do is kill it.
  const isSupervisor = place.known.some((child) => child.id === id && child.body.is === "supervisor");
  if (kind !== "raise") return { do: kind, id, reason };
  return isSupervisor ? { do: "signal", id, reason: "kill" } : { do: "raise", id, reason: "x" };
}

/** What is started under an id that a supervisor had is that same supervisor: a place is either one kind of supervisor or none. */
function startOf(
  { spec }: StepShape,
  { id: to, spec: above }: Place,
  known: Supervisor | undefined,
  id: string,
): Request {
  const [template] = above.children;
  if (above.strategy !== "simple_one_for_one" || !template) {
    const child = childOf(id, spec, above);
    // Some are such as OTP refuses.
    const significant = spec.isOddType ? spec.isSignificant : child.significant;
    const shutdown = spec.shutdown === "brutal_kill" ? spec.shutdown : "infinity";
    const body = known && ({ body: known, type: known.is, shutdown } as const);
    return { do: "call", to, call: "start_child", child: { ...child, significant, ...body } };
  }
  const plan = spec.plan.map((outcome, index) => (index > 0 && outcome.comes === "ignore" ? up : outcome));
  const body = template.body.is === "worker" ? "template" : renamedSupervisor(template.body, template.id, id);
  return { do: "call", to, call: "start_instance", child: { id, plan, body } };
}
