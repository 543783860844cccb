/**
 * Makes a run of a shape: gives out ids, mends what OTP would refuse, and lets every event choose its supervisor and child. Pure.
 *
 * What is left out because its outcome hangs on time or on a defect of OTP's:
 *
 * - a deaf worker is given 1 or 2 ms or `brutal_kill`, any other worker either no time limit that could be reached or `brutal_kill`; where a
 *   specification changes, a child that may be deaf gets `brutal_kill`;
 * - a supervisor that is a child has `infinity` or `brutal_kill`;
 * - an instance's plan says `ignore` for its first start only: OTP keeps an instance that is restarted and ignored as a child that
 *   is none, and falls over it when it ends.
 */
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

export interface ChildShape {
  readonly restart: Child["restart"];
  readonly isSignificant: boolean;
  readonly shutdown: "patient" | "infinity" | "brutal_kill";
  readonly isOddType: boolean;
  readonly plan: readonly Outcome[];
  readonly body: Worker | SupervisorShape;
}

export interface SupervisorShape {
  readonly is: "supervisor";
  readonly strategy: Supervisor["strategy"];
  readonly intensity: number;
  readonly autoShutdown: Supervisor["autoShutdown"];
  /** Every child is significant, if it can be: by chance that is rare. */
  readonly isAllSignificant: boolean;
  readonly children: readonly ChildShape[];
}

/** `sup` and `child` choose among what there is, modulo its number. */
export interface EventShape {
  readonly kind: BlowKind | RequestKind | "together" | "change" | "exit" | "stop root";
  readonly sup: number;
  readonly child: number;
  readonly reason: Reason;
  readonly spec: ChildShape;
  readonly steps: readonly StepShape[];
  readonly last: Reason | "none";
}

export type StepShape = Omit<EventShape, "kind" | "steps" | "last"> & { readonly kind: BlowKind | RequestKind };
export type BlowKind = Blow["do"];
export type RequestKind =
  | "start"
  | "terminate_child"
  | "restart_child"
  | "delete_child"
  | "get_childspec"
  | "which_children"
  | "count_children";

const up: Outcome = { comes: "ok", reason: "normal" };

export interface RunShape {
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
  /** Ids under which a child may run that never comes back from a stop. */
  readonly deaf: Set<string>;
}

function survey(id: string, spec: Supervisor, places: Place[]): void {
  const isSimple = spec.strategy === "simple_one_for_one";
  const extra = [...(isSimple ? "ijk" : "xy")].map((letter) => idBelow(id, letter));
  const deaf = new Set(spec.children.filter(isDeaf).map((child) => child.id));
  places.push({ id, spec, known: isSimple ? [] : spec.children, extra, deaf });
  for (const { id: below, body } of spec.children) if (body.is === "supervisor") survey(below, body, places);
}

/** What an event starts is there for the events after it. */
function surveyStarted(event: Event, places: Place[]): void {
  for (const step of event.do === "together" ? event.steps : [event]) {
    if (step.do === "change") for (const { id, body } of step.spec.children) surveyBody(id, body, places);
    if (step.do !== "call" || (step.call !== "start_child" && step.call !== "start_instance")) continue;
    const { id, body } = step.child;
    if (body !== "template") surveyBody(id, body, places);
    if (step.call === "start_child" && isDeaf(step.child)) placeAt(step.to, places)?.deaf.add(id);
  }
}

function surveyBody(id: string, body: Worker | Supervisor, places: Place[]): void {
  if (body.is === "supervisor" && !placeAt(id, places)) survey(id, body, places);
}

function isDeaf({ body }: Child): boolean {
  return body.is === "worker" && body.ending === "deaf";
}

function idBelow(above: string, letter: string): string {
  return above === rootId ? letter : above + letter;
}

function supervisorOf(id: string, shape: SupervisorShape): Supervisor {
  const { strategy, intensity, autoShutdown, isAllSignificant } = shape;
  const isSimple = strategy === "simple_one_for_one";
  const shapes = isSimple ? shape.children.slice(0, 1) : shape.children;
  const letters = isSimple ? "t" : "abcde";
  const children = shapes.map((child, index) =>
    childOf(idBelow(id, letters[index] ?? "e"), isAllSignificant ? significant(child) : child, shape),
  );
  return { is: "supervisor", strategy, intensity, autoShutdown, children };
}

function significant(child: ChildShape): ChildShape {
  return { ...child, isSignificant: true, restart: child.restart === "permanent" ? "transient" : child.restart };
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
  if (shape.kind === "change") return changeOf(shape, place, places);
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
  if (kind === "start") return startOf(shape, place, placeAt(id, places)?.spec, id);
  if (kind !== "stop" && kind !== "raise" && kind !== "signal")
    return { do: "call", to, call: isSimple ? "terminate_child" : kind, id };
  // A supervisor does not raise; what a stranger can do is kill it.
  const isSupervisor = place.known.some((child) => child.id === id && child.body.is === "supervisor");
  if (kind !== "raise") return { do: kind, id, reason };
  return isSupervisor ? { do: "signal", id, reason: "kill" } : { do: "raise", id, reason: "x" };
}

/** Other flags, some children as they are, some of another kind, some new, in another order, and some not named at all. */
function changeOf({ spec, sup, child: choice }: EventShape, place: Place, places: readonly Place[]): Event {
  const { id: to, known, extra, deaf } = place;
  if (place.spec.strategy === "simple_one_for_one") return { do: "call", to, call: "which_children" };
  const strategy = (["one_for_one", "one_for_all", "rest_for_one"] as const)[sup % 3] ?? "one_for_one";
  const autoShutdown = (["never", "any_significant", "all_significant"] as const)[choice % 3] ?? "never";
  const ids = [...known.map(({ id }) => id), ...extra];
  const turned = [...ids.slice(choice % ids.length), ...ids.slice(0, choice % ids.length)];
  const children = turned
    .filter((_, at) => (choice >> at) % 2 === 0)
    .map((id, at): Child => {
      const old = at % 2 === 0 ? known.find((child) => child.id === id) : undefined;
      const child = old ?? startedAs(id, spec, { strategy, autoShutdown }, placeAt(id, places)?.spec);
      const significant = child.significant && autoShutdown !== "never";
      const body = isDeaf(child) ? quiet : child.body;
      const shutdown = deaf.has(id) || isDeaf(child) ? "brutal_kill" : child.shutdown;
      return { ...child, significant, body, shutdown };
    });
  return { do: "change", to, spec: { is: "supervisor", strategy, intensity: choice % 6, autoShutdown, children } };
}

const quiet: Worker = { is: "worker", traps: true, ending: "returns" };

function placeAt(id: string, places: readonly Place[]): Place | undefined {
  return places.find((place) => place.id === id);
}

/** What is started under an id that a supervisor had is that same supervisor: a place is either one kind of supervisor or none. */
function startedAs(
  id: string,
  spec: ChildShape,
  above: Pick<SupervisorShape, "strategy" | "autoShutdown">,
  known: Supervisor | undefined,
): Child {
  const child = childOf(id, spec, above);
  const shutdown = spec.shutdown === "brutal_kill" ? spec.shutdown : "infinity";
  return known ? { ...child, body: known, type: known.is, shutdown } : child;
}

function startOf(
  { spec }: StepShape,
  { id: to, spec: above }: Place,
  known: Supervisor | undefined,
  id: string,
): Request {
  const [template] = above.children;
  if (above.strategy !== "simple_one_for_one" || !template) {
    const child = startedAs(id, spec, above, known);
    // Some are such as OTP refuses.
    const significant = spec.isOddType ? spec.isSignificant : child.significant;
    return { do: "call", to, call: "start_child", child: { ...child, significant } };
  }
  const plan = spec.plan.map((outcome, index) => (index > 0 && outcome.comes === "ignore" ? up : outcome));
  const body = template.body.is === "worker" ? "template" : renamedSupervisor(template.body, template.id, id);
  return { do: "call", to, call: "start_instance", child: { id, plan, body } };
}
