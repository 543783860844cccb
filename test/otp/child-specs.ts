/**
 * Child specifications as the scenarios write them, with a `{Module,Function,Arguments}` for a start, and the way from there to Copal's and
 * back. The start functions that the scenarios name are here; what they start is not.
 */
import { whenEnded } from "#src/actors/exit-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ActorRef } from "#src/ref.js";
import type { ChildSpec, StartContext, StartResult } from "#src/supervisor/child-spec.js";
import { ErlangProcess } from "./erlang-process.js";
import { exitWith } from "./reason.js";
import { type Flags, startTree } from "./start-tree.js";
import { type Term, Tuple, tuple } from "./term.js";
import { startLinked, startWorker, type WorkerOptions } from "./worker.js";
import type { World } from "./world.js";

/** A child specification of the original: any of its keys, `start` a tuple `{M,F,A}`. */
export interface ErlangSpec {
  readonly id?: string;
  readonly start?: Tuple;
  readonly restart?: ChildSpec["restart"];
  readonly shutdown?: ChildSpec["shutdown"];
  readonly type?: ChildSpec["type"];
  readonly significant?: boolean;
}

/** The scripted worker as a child: `c(Id)`, `c(Id, SpecKeys)`, `c(Id, SpecKeys, WorkerOptions)`. */
export function c(id: string, more: Omit<ErlangSpec, "id"> = {}, options: Partial<WorkerOptions> = {}): ErlangSpec {
  return { id, start: tuple("ow", "start_link", [{ ...options, id }]), shutdown: 1_000, ...more };
}

/** A significant worker. */
export function sig(id: string, restart: "transient" | "temporary"): ErlangSpec {
  return c(id, { restart, significant: true });
}

/** A supervisor as a child, with OTP's default time to stop unless told otherwise. */
export function inner(id: string, flags: Flags, children: readonly ErlangSpec[], more: ErlangSpec = {}): ErlangSpec {
  return { id, start: tuple("supervisor", "start_link", [flags, children]), type: "supervisor", ...more };
}

type Start = (world: World, context: StartContext, args: readonly Term[]) => Promise<StartResult>;

const starts: ReadonlyMap<Term, Start> = new Map<Term, Start>([
  ["ow", (world, { parent }, [options]) => startWorker(parent, world, options as WorkerOptions)],
  [
    "gen_server",
    (world, { parent }, [name, options]) => startLinked(parent, world, options as WorkerOptions, name as string),
  ],
  [
    "supervisor",
    (world, context, [flags, specs]) =>
      startTree(context.parent, world, flags as Flags, specs as ErlangSpec[], context),
  ],
  ["scene", (world) => unlinked(world)],
  ["corners", deadOnce],
]);

const written: unique symbol = Symbol("the start as the scenario wrote it") as never;

/** Copal's specification for one of the original's; what is missing there is missing here. */
export function toChildSpec(world: World, spec: ErlangSpec): ChildSpec {
  if (!(spec.start instanceof Tuple)) return spec as unknown as ChildSpec;
  const { start, ...others } = spec;
  const [module, , args] = start.items as [Term, Term, readonly Term[]];
  const apply = starts.get(module);
  if (!apply) throw new TypeError(`no scenario starts a child with ${String(module)}`);
  const run = (context: StartContext, ...extra: readonly Term[]) => apply(world, context, [...args, ...extra]);
  return { ...others, start: Object.assign(run, { [written]: start }) } as ChildSpec;
}

/** The original's map for one of Copal's specifications; what OTP has no word for is left out. */
export function fromChildSpec({ start, backoff: _backoff, ...others }: Partial<ChildSpec>): ErlangSpec {
  const mfa = (start as { readonly [written]?: Tuple } | undefined)?.[written];
  return { ...others, ...(mfa && { start: mfa }) };
}

/** The module of a start, which is what `modules` lists unless told otherwise. */
export function moduleOf({ start }: ErlangSpec): Term {
  return start?.items[0];
}

/** A linked process that has ended already the first time, and runs from then on. */
async function deadOnce(world: World, { parent }: StartContext): Promise<ActorRef> {
  const isFirst = world.nextOutcome("dead_once") === "ok";
  world.plan.set("dead_once", ["up"]);
  const body = async (process: ErlangProcess) => {
    if (isFirst) throw exitWith("early");
    await process.loop();
  };
  const ref = (await startActor(parent, { class: ErlangProcess, args: [world, body] })) as unknown as ActorRef;
  if (isFirst) await whenEnded(ref);
  return ref;
}

async function unlinked(world: World): Promise<ActorRef> {
  const body = (process: ErlangProcess) => process.loop();
  return (await startActor(null, {
    class: ErlangProcess,
    args: [world, body],
    runtime: world.runtime,
  })) as unknown as ActorRef;
}
