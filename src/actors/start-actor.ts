/**
 * Starts actors: spawn and link in one step. Knows specs of actors only; what else `this.start` takes is registered from above.
 */
import { AlreadyStartedError, StartError, UnsupportedError } from "../errors.js";
import { formatExit } from "../exit.js";
import type { ActorRef, Told } from "../ref.js";
import { Cell, type CellOptions } from "./cell.js";
import { isIgnore } from "./ignore.js";
import type { ActorInstance } from "./instance.js";
import { connect, disconnect } from "./link.js";
import type { MailboxLimit } from "./mailbox-bound.js";
import { type Runtime, runtimeOfThread } from "./runtime.js";
import { type ActorName, claim, describeName, holderOf } from "./via.js";

/** Who starts an actor and is linked to it; `null` is the outside, whose exit signals then count as its parent's. */
export type Parent = Cell | null;

/** What to start. */
export interface StartOptions<T extends object> {
  /** Needed unless `elsewhere` is there. */
  readonly class?: new () => T;
  /** For `init`. */
  readonly args?: readonly unknown[];
  /** Registered before `init` runs, free again when the actor has ended. */
  readonly name?: ActorName;
  /** What people call it in messages: a path or an id; the class's name unless given. */
  readonly id?: string;
  /** Calls the start off: an `init` that still waits is abandoned and what it holds is released. */
  readonly signal?: AbortSignal;
  /** How long `init` may take, in milliseconds, before the actor is killed and the start rejects; no limit unless given. */
  readonly startTimeoutMs?: number;
  /** How long it may take to end when its parent ends, before it is killed: milliseconds, default 5,000. */
  readonly shutdownMs?: number | "infinity";
  /**
   * True: only the link ties it to its parent, as OTP's `start_link` does, so that it lives on if that ends `"normal"` and it does not trap
   * exits. Otherwise it is its parent's own, and ends with it whatever the reason.
   */
  readonly outlivesParent?: boolean;
  /** The runtime, where there is no parent to take it from; this thread's unless given. */
  readonly runtime?: Runtime;
  /** How many messages may wait for it, and what becomes of more; any number unless given. */
  readonly mailbox?: MailboxLimit;
  /** How long its thread may be busy with one thing before it is taken for stuck, in milliseconds; for ever unless given. */
  readonly watchdogMs?: number;
  /** Makes the record of an actor that is to live in another thread, and sends it there. */
  readonly elsewhere?: (runtime: Runtime, options: CellOptions) => Cell;
}

/**
 * Starts an actor, linked to `parent`, and resolves once its `init` has settled.
 *
 * Rejects with `ERR_START` if `init` fails or the actor ends before that, by a signal, by `signal` or by `startTimeoutMs` (then with the reason
 * `{ limit: "timeout" }`): what it held is released and its name free by then. A parent that traps exits also gets the `EXIT`, as in OTP, unless the start was called off or took too long; one that does not
 * goes on. The error is `ignored` if `init` said that the actor is not needed. Rejects with `ERR_ALREADY_STARTED` if the name is taken, with
 * `ERR_ACTOR_EXIT` if the parent has begun to end.
 */
export function startActor<T extends object>(parent: Parent, options: StartOptions<T>): Promise<ActorRef<Told<T>>> {
  const { name, signal, startTimeoutMs } = options;
  const runtime = parent?.runtime ?? options.runtime ?? runtimeOfThread();
  const label = options.id ?? (name === undefined ? undefined : describeName(name)) ?? nameOfClass(options.class);
  if (parent?.isEnding) return Promise.reject(parent.exitError());
  if (signal?.aborted)
    return Promise.reject(new StartError(`${label} was not started: the start was called off`, { reason: "shutdown" }));
  const holder = name === undefined ? undefined : holderOf(runtime, name);
  if (holder && name !== undefined) {
    const taken = describeName(name);
    return Promise.reject(new AlreadyStartedError(`the name ${taken} is taken`, { ref: holder, name: taken }));
  }
  return new Promise((resolve, reject) => {
    const made: CellOptions = {
      construct: (self) => construct(self, options.class),
      args: options.args ?? [],
      parent,
      name: typeof name === "string" ? name : undefined,
      label,
      mailbox: options.mailbox,
      shutdownMs: options.shutdownMs === "infinity" ? Number.POSITIVE_INFINITY : (options.shutdownMs ?? 5_000),
      onStarted: () => {
        starts?.delete(callOff);
        limit?.cancel();
        resolve(cell.ref as ActorRef<unknown> as ActorRef<Told<T>>);
      },
      onStartFailed: () => {
        starts?.delete(callOff);
        limit?.cancel();
        reject(isTooLate ? tooLateError(cell, startTimeoutMs) : startError(cell));
      },
    };
    const cell: Cell = options.elsewhere === undefined ? new Cell(runtime, made) : options.elsewhere(runtime, made);
    if (options.watchdogMs !== undefined) runtime.guard?.(cell, options.watchdogMs);
    // What is called off is no business of its parent's any more: as in OTP, no `EXIT` of it comes.
    const unlinkAndEnd = (end: () => void): void => {
      if (parent && !cell.isEnding) disconnect(parent, cell);
      end();
    };
    const callOff = (): void => unlinkAndEnd(() => cell.end("shutdown", false));
    const starts = signal && startsUnder(signal);
    starts?.add(callOff);
    let isTooLate = false;
    const onTooLate = (): void => {
      isTooLate = !cell.isEnding;
      unlinkAndEnd(() => cell.kill());
    };
    const limit = startTimeoutMs === undefined ? undefined : runtime.clock.setTimer(startTimeoutMs, onTooLate);
    if (!claim(name, cell)) return;
    if (!parent) return;
    connect(parent, cell);
    if (options.outlivesParent) return;
    parent.children ??= new Set();
    parent.children.add(cell);
  });
}

const startsBySignal = new WeakMap<AbortSignal, Set<() => void>>();

/** The starts that `signal` calls off. One listener serves them all: a listener for each took a tenth of the time of a start. */
function startsUnder(signal: AbortSignal): Set<() => void> {
  const known = startsBySignal.get(signal);
  if (known) return known;
  const starts = new Set<() => void>();
  startsBySignal.set(signal, starts);
  const callOffAll = (): void => {
    for (const callOff of [...starts]) callOff();
  };
  signal.addEventListener("abort", callOffAll, { once: true });
  return starts;
}

function startError({ label, reason, cause }: Cell): Error {
  if (isIgnore(cause))
    return new StartError(`${label} was not started: its init said ignore`, { reason, ignored: true });
  const failure = typeof reason === "object" && "startFailed" in reason ? { failure: reason.startFailed } : {};
  const why = cause === undefined ? {} : { cause };
  return new StartError(`${label} did not start: ${formatExit(reason)}`, { reason, ...failure }, why);
}

function tooLateError({ label }: Cell, limitMs: number | undefined): Error {
  const message = `\`init\` did not settle within ${limitMs} ms`;
  const failure = { stage: "init", code: "timeout", message };
  return new StartError(`${label} did not start: ${message}`, { reason: { limit: "timeout" }, failure });
}

/** A class may have a static `name` of its own, which may be anything. */
function nameOfClass(type: (new () => object) | undefined): string {
  try {
    return typeof type?.name === "string" ? type.name : "an actor";
  } catch {
    return "an actor";
  }
}

/** What makes an actor from a spec in the config's shape. */
export type SpecStarter = (parent: Cell, spec: unknown) => Promise<ActorRef>;

const starterSlot: unique symbol = Symbol.for("copal.specStarter") as never;
const shared = globalThis as { [starterSlot]?: SpecStarter };

/** Registers what `this.start(spec)` uses for everything but `{ actor, class, args }`. */
export function setSpecStarter(starter: SpecStarter): void {
  shared[starterSlot] = starter;
}

/**
 * Starts a child of `parent` from a spec.
 *
 * @throws {UnsupportedError} if the spec is not `{ actor, class, args }` and nothing is registered for others.
 * @throws {ActorExitError} if the parent has begun to end.
 */
export async function startSpec(parent: Cell, spec: unknown): Promise<ActorRef> {
  if (parent.isEnding) throw parent.exitError();
  if (isPlainActorSpec(spec)) {
    const { class: type, args = [], actor: id } = spec;
    return (await startActor(parent, {
      class: type,
      args,
      id: `${parent.label}/${id}`,
    })) as ActorRef<unknown> as ActorRef;
  }
  if (shared[starterSlot]) return shared[starterSlot](parent, spec);
  throw new UnsupportedError("`start` of anything but { actor, class, args } is not supported yet", {
    feature: "start",
  });
}

interface PlainActorSpec {
  readonly actor: string;
  readonly class: new () => object;
  readonly args?: readonly unknown[];
}

const plainKeys: ReadonlySet<string> = new Set(["actor", "class", "args"]);

function isPlainActorSpec(spec: unknown): spec is PlainActorSpec {
  if (typeof spec !== "object" || spec === null) return false;
  const { actor, class: type, args } = spec as { actor?: unknown; class?: unknown; args?: unknown };
  if (typeof actor !== "string" || typeof type !== "function") return false;
  return (args === undefined || Array.isArray(args)) && Object.keys(spec).every((key) => plainKeys.has(key));
}

const constructing: unique symbol = Symbol.for("copal.constructing") as never;
const slot = globalThis as { [constructing]?: Cell | undefined };

/** Makes the instance of an actor whose class came after its record. */
export function constructLater(cell: Cell, type: new () => object): ActorInstance {
  return construct(cell, type);
}

/** Takes the record of the actor that is being constructed; there is none but inside {@link startActor}. */
export function takeConstructing(): Cell | undefined {
  const cell = slot[constructing];
  slot[constructing] = undefined;
  return cell;
}

function construct(cell: Cell, type: (new () => object) | undefined): ActorInstance {
  if (type === undefined) throw new TypeError("an actor needs a class");
  slot[constructing] = cell;
  try {
    const made = new type() as ActorInstance;
    if (slot[constructing] !== undefined) throw new TypeError(`${type.name} must extend Actor`);
    return made;
  } finally {
    slot[constructing] = undefined;
  }
}
