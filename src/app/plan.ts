/**
 * Turns a checked tree into what will be started: instances told apart, variables filled in, paths made absolute, output
 * targets found, defaults in place. It reads the environment it is given; it touches no file and starts nothing.
 */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Shutdown } from "../actors/exit-actor.js";
import type { MailboxLimit } from "../actors/mailbox-bound.js";
import type { ComputeLimits } from "../compute/compute-pool.js";
import type { RpcCodec } from "../process/json-rpc.js";
import type { OutputForm } from "../process/output-codec.js";
import { type ActorRef, isActorRef } from "../ref.js";
import { inheritedVariables } from "../sidecar/inherited-environment.js";
import type { StartOptions } from "../sidecar/start-options.js";
import type { StopStep } from "../sidecar/stop-plan.js";
import type { Backoff } from "../supervisor/backoff.js";
import type { AutoShutdown, Strategy } from "../supervisor/strategy.js";
import type { PoolOptions } from "../threads/thread-pools.js";
import type { ThreadLimits } from "../threads/worker-thread.js";
import type { CheckedActor, CheckedNode, CheckedProcess, CheckedSupervisor } from "./check-tree.js";
import { type ConfigPath, type ConfigProblem, configError, describeValue, fieldText } from "./config-problem.js";
import type { ConfigSource } from "./config-source.js";
import { interpolate } from "./interpolate.js";
import { rpcTargetOf, targetsOf } from "./output-targets.js";
import { plannedSteps, processOptions } from "./process-options.js";
import { nearestIds, resolveId } from "./resolve-id.js";
import { type LimitValues, poolOptions, threadLimits } from "./thread-limits.js";
import type { ActorClass } from "./tree-spec.js";

const defaultGraceMs = 5_000;
const defaultOrphanGraceMs = 500;

interface PlannedBase {
  readonly id: string;
  /** Ids from the root, joined by `/`. */
  readonly path: string;
  readonly restart: "permanent" | "transient" | "temporary";
  readonly shutdown: Shutdown;
  readonly significant: boolean;
  readonly backoff: Partial<Backoff> | undefined;
}

/** Where a node lives: `here` is the thread of whoever starts it. */
export interface PlannedPlace {
  readonly thread: "here" | "main" | "pool" | "own";
  /** Of a thread of its own. */
  readonly limits: ThreadLimits;
}

/** A supervisor to start. */
export interface PlannedSupervisor extends PlannedBase, PlannedPlace {
  readonly kind: "supervisor";
  /** The shared threads of the tree whose root it is. */
  readonly pool: PoolOptions;
  readonly strategy: Strategy;
  readonly autoShutdown: AutoShutdown;
  readonly intensity: { readonly max: number; readonly withinMs: number } | "unlimited";
  /** What the compute pool may use; at the root alone, and only where something is said of it. */
  readonly compute: ComputeLimits | undefined;
  readonly children: readonly PlannedNode[];
}

/** Where one stream of a process goes. */
export interface PlannedOutput {
  readonly stream: "stdout" | "stderr";
  readonly as: OutputForm;
  readonly maxBytes: number | undefined;
  readonly method: string | undefined;
  /** A path in the tree, or a ref given in the API. */
  readonly to: string | ActorRef;
}

/** How the program of a process is spoken with. */
export interface PlannedRpc {
  readonly codec: RpcCodec;
  readonly maxBytes: number | undefined;
  /** Whose methods it calls: a path in the tree, or a ref given in the API. */
  readonly to: string | ActorRef | undefined;
}

/** A process to start; one instance of it. */
export interface PlannedProcess extends PlannedBase {
  readonly kind: "process";
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly stop: { readonly signal: string; readonly graceMs: number; readonly steps?: readonly StopStep[] };
  readonly orphanGraceMs: number;
  readonly successExitCodes: readonly number[];
  readonly contain: "auto" | "cgroup" | "pidns" | "tree";
  /** Everything else that its sidecar is told. */
  readonly options: Partial<StartOptions>;
  readonly outputs: readonly PlannedOutput[];
  readonly rpc: PlannedRpc | undefined;
  readonly tailBytes: number | undefined;
}

/** An actor to start: its class, or where the class is found. */
export interface PlannedActor extends Omit<PlannedBase, "shutdown">, PlannedPlace {
  readonly kind: "actor";
  /** Unless given it is the class that decides: a supervisor has all the time it needs. */
  readonly shutdown: Shutdown | undefined;
  readonly class: ActorClass | undefined;
  /** A file's absolute path or a package's name. */
  readonly module: string | undefined;
  readonly exportName: string;
  readonly args: readonly unknown[];
  readonly watchdogMs: number | undefined;
  readonly mailbox: MailboxLimit | undefined;
}

/** Any node to start. */
export type PlannedNode = PlannedSupervisor | PlannedProcess | PlannedActor;

/** The variables that texts are filled from, and that processes inherit. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Plans a whole tree.
 *
 * @throws {ConfigError} for a variable that is not set, and for an output target that is not there or not alone.
 */
export function planTree(root: CheckedSupervisor, source: ConfigSource, environment: Environment): PlannedSupervisor {
  const planner = new Planner(source, environment);
  const [planned] = planner.node(root);
  if (planned?.kind === "supervisor") planner.findTargets(planned);
  if (planner.problems.length > 0 || planned?.kind !== "supervisor") throw configError(planner.problems);
  return planned;
}

/** Plans one child by itself; its targets are looked for when output arrives. @throws {ConfigError} as {@link planTree}. */
export function planChild(child: CheckedNode, source: ConfigSource, environment: Environment): readonly PlannedNode[] {
  const planner = new Planner(source, environment);
  const planned = planner.node(child);
  if (planner.problems.length > 0) throw configError(planner.problems);
  return planned;
}

/** Lists `node` and everything below it, parents first. */
export function* everyNode(node: PlannedNode): Generator<PlannedNode> {
  yield node;
  if (node.kind === "supervisor") for (const child of node.children) yield* everyNode(child);
}

/** What is given of a child's back-off; the rest is as the supervisor room has it. */
function backoffOf({ fields }: CheckedNode): Partial<Backoff> | undefined {
  if (fields.backoff === undefined) return undefined;
  const { initial: initialMs, max: maxMs, resetAfter: resetAfterMs, ...rest } = fields.backoff;
  return withoutUndefined({ initialMs, maxMs, resetAfterMs, ...rest });
}

function placeOf(fields: LimitValues & { readonly thread?: PlannedPlace["thread"] | undefined }): PlannedPlace {
  return { thread: fields.thread ?? "here", limits: threadLimits(fields) };
}

function computeLimits({ fields }: CheckedSupervisor): ComputeLimits | undefined {
  if (fields.compute === undefined) return undefined;
  const { threads, queue, heap } = fields.compute;
  return withoutUndefined({ threads, queue, heapMb: heap });
}

function withoutUndefined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]: Exclude<T[K], undefined> };
}

interface Target {
  readonly from: string;
  /** Its name becomes a path. */
  readonly output: { to: string };
  /** Whether a process can be meant: one of its methods is named, or the program names them. */
  readonly takesProcess: boolean;
  readonly field: ConfigPath;
  readonly at: ConfigPath;
}

class Planner {
  readonly problems: ConfigProblem[] = [];
  readonly #source: ConfigSource;
  readonly #environment: Environment;
  readonly #targets: Target[] = [];

  constructor(source: ConfigSource, environment: Environment) {
    this.#source = source;
    this.#environment = environment;
  }

  node(node: CheckedNode): readonly PlannedNode[] {
    if (node.kind === "supervisor") return [this.#supervisor(node)];
    if (node.kind === "actor") return [this.#actor(node)];
    const count = node.fields.instances ?? 1;
    if (count === 1) return [this.#process(node, 1, node.id)];
    return Array.from({ length: count }, (_, index) => this.#process(node, index + 1, `${node.id}.${index + 1}`));
  }

  /** Finds each output's target in the planned tree: a sibling first, then whatever the id names alone. */
  findTargets(root: PlannedSupervisor): void {
    const nodes = new Map([...everyNode(root)].map((node) => [node.path, node]));
    for (const { from, output, takesProcess, field, at } of this.#targets) {
      const parent = from.slice(0, from.lastIndexOf("/"));
      const sibling = nodes.get(`${parent}/${output.to}`);
      const found = sibling === undefined ? resolveId(output.to, nodes.keys()) : { path: sibling.path };
      const name = `${from}${fieldText(field)}`;
      if (!("path" in found)) {
        const choice =
          found.candidates.length > 0
            ? `it can be ${found.candidates.join(" or ")}`
            : nearestIds(output.to, nodes.keys());
        const got = found.candidates.length > 0 ? "names more than one child" : "names no child of the tree";
        this.#problem(at, name, `\`${output.to}\` ${got}; ${choice}`);
      } else if (nodes.get(found.path)?.kind === "supervisor") {
        this.#problem(at, name, `\`${output.to}\` is a supervisor, allowed is an actor`);
      } else if (nodes.get(found.path)?.kind === "process" && !takesProcess) {
        this.#problem(at, name, `\`${output.to}\` is a process, allowed is an actor (or \`method: write\` beside it)`);
      } else {
        output.to = found.path;
      }
    }
  }

  #supervisor(node: CheckedSupervisor): PlannedSupervisor {
    const { restart = "permanent", shutdown = "infinity", significant = false, intensity = {} } = node.fields;
    const { strategy = "one_for_one", autoShutdown = "never" } = node.fields;
    return {
      kind: "supervisor",
      id: node.id,
      path: node.path,
      restart,
      shutdown,
      significant,
      backoff: backoffOf(node),
      ...placeOf(node.fields),
      pool: poolOptions(node.fields.pool),
      strategy,
      autoShutdown,
      intensity:
        intensity === "unlimited" ? intensity : { max: intensity.max ?? 3, withinMs: intensity.within ?? 5_000 },
      compute: computeLimits(node),
      children: node.children.flatMap((child) => this.node(child)),
    };
  }

  #actor(node: CheckedActor): PlannedActor {
    const { restart = "permanent", shutdown, significant = false, args = [] } = node.fields;
    const written = node.fields.module;
    const module = written === undefined ? undefined : this.#fill(written, node, ["module"], {});
    const hash = module?.lastIndexOf("#") ?? -1;
    if (module !== undefined && /^(?!file:)[a-z][a-z+.-]+:/i.test(module)) {
      const got = `got ${describeValue(module)}, allowed is a file, a file URL or a package`;
      this.#problem([...node.at, "module"], `${node.path}.module`, got);
    }
    return {
      kind: "actor",
      id: node.id,
      path: node.path,
      restart,
      shutdown,
      significant,
      backoff: backoffOf(node),
      class: node.fields.class as ActorClass | undefined,
      module: module === undefined ? undefined : this.#modulePath(hash < 0 ? module : module.slice(0, hash)),
      exportName: module === undefined || hash < 0 ? "default" : module.slice(hash + 1),
      args,
      ...placeOf(node.fields),
      watchdogMs: node.fields.watchdog,
      mailbox: node.fields.mailbox && { overflow: "reject", ...withoutUndefined(node.fields.mailbox) },
    };
  }

  #process(node: CheckedProcess, instance: number, id: string): PlannedProcess {
    const { fields } = node;
    const path = `${node.path.slice(0, node.path.length - node.id.length)}${id}`;
    const own = { instance: String(instance) };
    const cwd = fields.cwd === undefined ? this.#source.folder : this.#fill(fields.cwd, node, ["cwd"], own);
    const rpc = this.#rpc(node, path);
    const planned = plannedSteps(fields.stop, rpc?.codec);
    const graceMs = fields.stop?.grace ?? planned?.sumMs ?? defaultGraceMs;
    const options = processOptions(fields, this.#source.folder, (text, field) => this.#fill(text, node, [field], own));
    const [env, addEnv] = [this.#inherited(node), this.#added(node, own)];
    const hasFile = options.envFile !== undefined;
    return {
      kind: "process",
      id,
      path,
      restart: fields.restart ?? "permanent",
      shutdown: fields.shutdown ?? graceMs + 1_000,
      significant: fields.significant ?? false,
      backoff: backoffOf(node),
      argv: typeof fields.command === "string" ? ["/bin/sh", "-c", fields.command] : fields.command,
      cwd: resolve(this.#source.folder, cwd),
      // What a file says stands between what is inherited and what is added, and is read at each start.
      env: Object.freeze(hasFile ? env : merged(env, addEnv)),
      stop: Object.freeze({
        signal: fields.stop?.signal ?? "SIGTERM",
        graceMs,
        ...(planned && { steps: planned.steps }),
      }),
      orphanGraceMs: fields.onOwnerDeath?.grace ?? defaultOrphanGraceMs,
      successExitCodes: fields.successExitCodes ?? [0],
      contain: fields.contain ?? "auto",
      options: hasFile ? { ...options, addEnv } : options,
      outputs: this.#outputs(node, path),
      rpc,
      tailBytes: fields.tail,
    };
  }

  #outputs(node: CheckedProcess, path: string): readonly PlannedOutput[] {
    return targetsOf(node.fields).flatMap(({ stream, at, target }) => {
      const { as = "lines", method, maxSize: maxBytes, to } = target;
      if (as === "rpc" || to === undefined) return [];
      return this.#aimed(node, path, at, { stream, as, method, maxBytes, to }, method !== undefined) ?? [];
    });
  }

  #rpc(node: CheckedProcess, path: string): PlannedRpc | undefined {
    const placed = rpcTargetOf(node.fields);
    if (placed === undefined) return undefined;
    const { codec = "json", maxSize: maxBytes, to } = placed.target;
    return to === undefined
      ? { codec, maxBytes, to }
      : this.#aimed(node, path, placed.at, { codec, maxBytes, to }, true);
  }

  /** Notes that `aim` has a target still to be found, if that has a name; undefined if it is none at all. */
  #aimed<T extends { readonly to: string | object }>(
    node: CheckedProcess,
    path: string,
    at: ConfigPath,
    aim: T,
    takesProcess: boolean,
  ): (T & { readonly to: string | ActorRef }) | undefined {
    const field = [...at, "to"];
    const { to } = aim;
    if (isActorRef(to)) return { ...aim, to };
    if (typeof to === "string") {
      const output = { ...aim, to };
      this.#targets.push({ from: path, output, takesProcess, field, at: [...node.at, ...field] });
      return output;
    }
    const text = "got an object that is no ref, allowed is an actor's id or its ref";
    this.#problem([...node.at, ...field], `${path}${fieldText(field)}`, text);
    return undefined;
  }

  /** What is inherited of Copal's own environment. */
  #inherited({ fields }: CheckedProcess): Readonly<Record<string, string>> {
    const { inheritEnv } = fields;
    if (this.#environment === process.env && inheritEnv === undefined && !fields.clearEnv) return inheritedVariables();
    const isWanted = (name: string) =>
      inheritEnv === undefined ||
      inheritEnv.some((one) => (one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : name === one));
    const env: Record<string, string> = {};
    if (fields.clearEnv === true) return env;
    for (const [name, value] of Object.entries(this.#environment))
      if (value !== undefined && isWanted(name)) env[name] = value;
    return env;
  }

  /** What is added to it; null takes a variable away. */
  #added(node: CheckedProcess, own: Readonly<Record<string, string>>): Record<string, string | null> {
    const env: Record<string, string | null> = {};
    if (node.fields.instances !== undefined) env.COPAL_INSTANCE = own.instance ?? "1";
    for (const [name, value] of Object.entries(node.fields.env ?? {}))
      env[name] = value === null ? null : this.#fill(value, node, ["env", name], own);
    return env;
  }

  #fill(text: string, node: CheckedNode, field: ConfigPath, own: Readonly<Record<string, string>>): string {
    const filled = interpolate(text, { ...this.#environment, ...own });
    if ("text" in filled) return filled.text;
    const at = [...node.at, ...field];
    const name = `${node.path}.${field.join(".")}`;
    // Each instance fills the same text: the sentence is told once.
    if (!this.problems.some((problem) => problem.path === name)) this.#problem(at, name, filled.problem);
    return text;
  }

  #modulePath(written: string): string {
    if (written.startsWith("file:")) return fileURLToPath(written);
    return written.startsWith(".") || written.startsWith("/") ? resolve(this.#source.folder, written) : written;
  }

  #problem(at: ConfigPath, path: string, text: string): void {
    this.problems.push({ file: this.#source.file, place: this.#source.locate(at, "value"), path, text });
  }
}

function merged(
  inherited: Readonly<Record<string, string>>,
  added: Readonly<Record<string, string | null>>,
): Readonly<Record<string, string>> {
  if (Object.keys(added).length === 0) return inherited;
  const entries = Object.entries({ ...inherited, ...added }).filter(([, value]) => value !== null);
  return Object.fromEntries(entries) as Record<string, string>;
}
