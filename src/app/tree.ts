/**
 * A running supervision tree: started from a spec in the config's shape, asked for refs and rows, stopped as a whole.
 * It knows specs, paths and the root supervisor; terminals, sockets and signals are not its business.
 */

import { cellOf } from "../actors/address.js";
import type { Cell } from "../actors/cell.js";
import { exitActor, stopActor, whenEnded } from "../actors/exit-actor.js";
import { isAlive, Runtime, type RuntimeOptions, runtimeOfThread } from "../actors/runtime.js";
import { publishTree } from "../actors/tree-names.js";
import { limitCompute, setComputeEntry } from "../compute/compute-host.js";
import type { ExitReason } from "../exit.js";
import type { ActorRef, AnyMessages } from "../ref.js";
import type { ChildSpec } from "../supervisor/child-spec.js";
import { type Exhaustion, supervisorSnapshot } from "../supervisor/snapshot.js";
import { type Supervisor, startSupervisor } from "../supervisor/supervisor.js";
import { belongsTo } from "./actor-starts.js";
import { checks } from "./checks.js";
import { childSpec, loadClasses } from "./child-specs.js";
import type { ConfigSource } from "./config-source.js";
import { type FarLook, lookAt } from "./far-look.js";
import { LentBook } from "./lent-book.js";
import { sourceOf } from "./load.js";
import { admit } from "./main-loader.js";
import { OutputLog } from "./output-log.js";
import { type Environment, everyNode, type PlannedSupervisor, planTree } from "./plan.js";
import { type ResolvedId, resolveId } from "./resolve-id.js";
import type { TreeBook } from "./tree-book.js";
import { type TreeRow, treeRows } from "./tree-rows.js";
import type { TreeSpec } from "./tree-spec.js";

/** How a tree ended. */
export interface RootEnd {
  readonly reason: ExitReason;
  /** Why the root gave up, where it did: which child, how often, its last exit. */
  readonly exhaustion: Exhaustion | undefined;
}

/**
 * How to start a tree; every field has a default. With `clock`, `scheduler` or `sidecars` the tree lives in a runtime of its own, made of
 * them: for tests, which have them from `copal/testing`.
 */
export interface StartTreeOptions extends Pick<RuntimeOptions, "clock" | "scheduler" | "sidecars"> {
  /** The runtime it lives in. Default: this thread's, which all trees share. */
  readonly runtime?: Runtime;
  /** The folder that relative paths start from. Default: the working directory. */
  readonly folder?: string;
  /** Aborting it stops a start in progress; what was started is stopped in reverse, then the start rejects. */
  readonly signal?: AbortSignal;
  /** What `${VAR}` is filled from and processes inherit. Default: `process.env`. */
  readonly environment?: Environment;
}

/**
 * Starts a supervision tree and resolves when every child of it is up.
 *
 * The spec is checked whole and the actors' modules are loaded before anything starts. Children start in order; when one
 * fails, those before it are stopped in reverse and nothing is left.
 *
 * @throws {ConfigError} if the spec is wrong, with a line for each fault.
 * @throws {StartError} if a child did not start.
 */
export async function start(spec: TreeSpec, options: StartTreeOptions = {}): Promise<Tree> {
  const tree = await planSource(sourceOf(spec, options.folder ?? process.cwd()), options.environment);
  await tree.start(options.signal, runtimeFor(options));
  return tree;
}

function runtimeFor({ runtime, clock, scheduler, sidecars }: StartTreeOptions): Runtime | undefined {
  if (runtime || !(clock || scheduler || sidecars)) return runtime;
  return new Runtime({ ...(clock && { clock }), ...(scheduler && { scheduler }), ...(sidecars && { sidecars }) });
}

/** Checks and plans a config without starting it. @throws {ConfigError} as {@link start}. */
export async function planSource(source: ConfigSource, environment: Environment = process.env): Promise<Tree> {
  const { checkTree } = await checks();
  return new Tree(planTree(checkTree(source), source, environment), source, environment);
}

/** Is told of every start and end of a planned node, in the order in which they happen. Must not throw. */
export interface TreeWatcher {
  started(path: string, ref: ActorRef): void;
  ended(path: string, reason: ExitReason): void;
}

/** A supervision tree. Made by {@link start}; it is over when its root has ended. */
export class Tree {
  /** The last output of its processes. */
  readonly log = new OutputLog();
  /** The root's id. */
  readonly id: string;
  readonly #plan: PlannedSupervisor;
  readonly #source: ConfigSource;
  readonly #refs = new Map<string, ActorRef>();
  readonly #looks = new WeakMap<ActorRef, FarLook>();
  readonly #ended = new WeakSet<ActorRef>();
  readonly #paths = new WeakMap<ActorRef, string>();
  readonly #ends = new Map<string, { readonly reason: ExitReason; readonly atMs: number }>();
  readonly #book: TreeBook;
  readonly #held = new Set<string>();
  readonly #watchers: TreeWatcher[] = [];
  /** How other threads reach the book; nothing while no node lives in one. */
  #lentBook: LentBook | undefined;
  #runtime: Runtime | undefined;
  readonly #startedAtMs = Date.now();
  #root: ActorRef | undefined;
  #isStarting = true;

  /** Settles once, when the root has ended for whatever reason; never rejects. Pending until the tree has started. */
  readonly ended: Promise<RootEnd>;
  #end: (end: RootEnd) => void = () => {};

  constructor(plan: PlannedSupervisor, source: ConfigSource, environment: Environment) {
    this.#plan = plan;
    this.#source = source;
    this.id = plan.id;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#book = {
      folder: source.folder,
      pool: plan.pool,
      environment,
      classes: new Map(),
      append: (path, stream, bytes) => this.log.append(path, stream, bytes),
      note: (path, ref) => this.#note(path, ref),
      noteEnd: (path, ref, reason) => this.#noteEnd(path, ref, reason),
      isHeld: (path) => this.#held.has(path),
      lend: () => ({
        book: this.#lent().ref,
        folder: source.folder,
        pool: plan.pool,
        environment: environment === process.env ? undefined : environment,
      }),
      find: (id, from) =>
        this.#refs.get(id) ?? this.#refs.get(`${from.slice(0, from.lastIndexOf("/"))}/${id}`) ?? this.whereis(id),
    };
  }

  /** Starts the planned tree. Used by {@link start} and `copal up`; once per tree. */
  async start(signal?: AbortSignal, runtime?: Runtime): Promise<void> {
    this.#runtime = runtime;
    try {
      if (this.#plan.compute) limitCompute(this.#plan.compute);
      await unlessAborted(loadClasses([this.#plan], this.#book, this.#source.file), signal);
      this.#note(
        this.#plan.path,
        await startSupervisor(null, {
          path: this.#plan.path,
          strategy: this.#plan.strategy,
          intensity: this.#plan.intensity,
          autoShutdown: this.#plan.autoShutdown,
          children: this.#plan.children.map((child) => childSpec(child, this.#book)),
          ...(signal === undefined ? {} : { signal }),
          ...(runtime === undefined ? {} : { runtime }),
        }),
      );
    } finally {
      this.#isStarting = false;
    }
  }

  /** Gives the ref of the actor or process that `id` names now: a path or an unambiguous tail; undefined when there is none. */
  whereis<T = AnyMessages>(id: string): ActorRef<T> | undefined {
    const found = this.resolve(id);
    const ref = "path" in found ? this.#refs.get(found.path) : undefined;
    return ref !== undefined && isAlive(ref) ? (ref as ActorRef<T>) : undefined;
  }

  /** Finds the path that `id` names among all nodes, running or not. */
  resolve(id: string): ResolvedId {
    return resolveId(
      id,
      this.snapshot().map((row) => row.path),
    );
  }

  /** Gives a row for each node, parents first, as `copal ps --json` shows them, without what must be measured. */
  snapshot(): readonly TreeRow[] {
    return treeRows(this.#plan, {
      refs: this.#refs,
      ends: this.#ends,
      looks: this.#looks,
      isStarting: this.#isStarting,
      startedAtMs: this.#startedAtMs,
    });
  }

  /**
   * Asks the threads of nodes that live elsewhere what {@link snapshot} says of them: their mailboxes, their processes, the children and budgets of supervisors.
   * Without it those are as they were when their thread last told of a change. A thread that does not answer in time, in milliseconds, keeps none waiting longer.
   */
  async look(patienceMs = 500): Promise<void> {
    await lookAt(this.#refs.values(), this.#looks, patienceMs);
  }

  /** The name that people know an actor by: its path if it is a node, else what it was called when it was made. */
  labelOf(ref: ActorRef): string {
    return this.#paths.get(ref) ?? cellOf(ref).label;
  }

  /** Makes the child specification of the planned node at `path` again; undefined when the plan has none there. */
  specOf(path: string): ChildSpec | undefined {
    for (const node of everyNode(this.#plan)) if (node.path === path) return childSpec(node, this.#book);
    return undefined;
  }

  /** Holds the child at `path` down: no restart, no cascade and no new incarnation of its supervisor starts it until {@link letGo}. */
  hold(path: string): void {
    this.#held.add(path);
  }

  /** Lets the child at `path` be started again; starts nothing. */
  letGo(path: string): void {
    this.#held.delete(path);
  }

  /** Whether the child at `path` is held down. */
  isHeld(path: string): boolean {
    return this.#held.has(path);
  }

  /** Tells `watcher` of every start and end from now on. */
  watch(watcher: TreeWatcher): void {
    this.#watchers.push(watcher);
  }

  /** Starts a planned child that its supervisor has forgotten; false if the plan has none at `path`. */
  async startForgotten(path: string): Promise<boolean> {
    const supervisor = this.supervisorOf(path) as ActorRef<unknown> as ActorRef<Supervisor> | undefined;
    const spec = this.specOf(path);
    if (!spec || !supervisor) return false;
    if (cellOf(supervisor as ActorRef<unknown> as ActorRef).remote) await this.#lent().startAgain(supervisor, path);
    else await supervisor.within("infinity").call.startChild(spec);
    return true;
  }

  /** The ref of the supervisor above a path, for requests about the child. */
  supervisorOf(path: string): ActorRef | undefined {
    return this.#refs.get(path.slice(0, path.lastIndexOf("/")));
  }

  /** Stops the tree in order, children in reverse, and resolves when nothing of it is left. Also when it had ended already. */
  async stop(): Promise<void> {
    if (this.#root === undefined) return;
    await stopActor(this.#root, { reason: "shutdown", shutdown: "infinity" });
  }

  /** Kills everything at once, without a stop signal, and resolves when nothing of it is left. */
  async kill(): Promise<void> {
    const root = this.#root;
    if (root === undefined || cellOf(root).hasEnded) return;
    // Supervisors first, all in this turn: none of them lives to restart what dies next. Of those in other threads only the nodes are known here.
    const known = [...this.#refs.values()].filter((ref) => !cellOf(ref).hasEnded);
    const refs = new Set([...descendants(cellOf(root))].map((cell) => cell.ref).concat(known));
    const ends = [...refs].map((ref) => whenEnded(ref));
    for (const ref of refs) exitActor(ref, "kill");
    await Promise.all(ends);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #lent(): LentBook {
    if (this.#lentBook) return this.#lentBook;
    this.#lentBook = new LentBook(this.#runtime ?? runtimeOfThread(), {
      append: (path, stream, bytes) => this.log.append(path, stream, bytes),
      isHeld: (path) => this.#held.has(path),
      refOf: (path) => this.#refs.get(path),
      names: () => this.snapshot().map(({ path }) => [path, this.#refs.get(path)] as const),
      startedAt: (ref, place) => this.#looks.set(ref, { mailbox: 0, place }),
      note: (path, ref, knows) => this.#note(path, ref, knows),
      noteEnd: (path, ref, reason, knows) => this.#noteEnd(path, ref, reason, knows),
    });
    admit(this.#lentBook.ref, this.#book);
    return this.#lentBook;
  }

  #noteEnd(path: string, ref: ActorRef, reason: ExitReason, knows?: ActorRef): void {
    // Of one in another thread its thread tells, and what is seen of it from here.
    if (this.#ended.has(ref)) return;
    this.#ended.add(ref);
    this.log.flush(path);
    if (this.#refs.get(path) === ref) this.#lentBook?.tell(path, undefined, knows);
    this.#ends.set(path, { reason, atMs: Date.now() });
    for (const watcher of this.#watchers) watcher.ended(path, reason);
  }

  #note(path: string, ref: ActorRef, knows?: ActorRef): void {
    const isNew = this.#refs.get(path) !== ref;
    this.#refs.set(path, ref);
    this.#paths.set(ref, path);
    if (isNew) {
      this.#lentBook?.tell(path, ref, knows);
      for (const watcher of this.#watchers) watcher.started(path, ref);
    }
    if (path !== this.#plan.path || this.#root !== undefined) return;
    this.#root = ref;
    belongsTo(ref, this.#book);
    const unpublish = cellOf(ref).runtime === runtimeOfThread() ? publishTree((id) => this.whereis(id)) : () => {};
    void whenEnded(ref).then((reason) => {
      unpublish();
      this.#lentBook?.close();
      this.#end({ reason, exhaustion: supervisorSnapshot(ref)?.exhaustion });
    });
  }
}

// What `this.compute` of an actor uses: functions are loaded on their threads as modules of actors are.
setComputeEntry(new URL("./compute-entry.js", import.meta.url));

/** Waits for `work`, but no longer than until the signal aborts: a module may take for ever to load. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

/** Lists a cell and everything below it, parents first. */
function* descendants(cell: Cell): Generator<Cell> {
  yield cell;
  for (const child of cell.children ?? []) yield* descendants(child);
}
