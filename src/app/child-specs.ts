/**
 * Makes the supervisor's child specifications out of planned nodes: what each kind of node is when it runs.
 * It knows how nodes become actors, and tells the tree which ref is which; it decides no restart.
 */

import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { type Shutdown, whenEnded } from "../actors/exit-actor.js";
import { unwind } from "../actors/instance.js";
import { ProcessActor } from "../actors/process-actor.js";
import { ProgramActor } from "../actors/program-actor.js";
import type { RpcOptions } from "../actors/rpc-channel.js";
import { startActor } from "../actors/start-actor.js";
import { type ActorRef, isActorRef } from "../ref.js";
import type { ChildSpec, StartContext } from "../supervisor/child-spec.js";
import { startSupervisor } from "../supervisor/supervisor.js";
import { startElsewhere } from "../threads/start-elsewhere.js";
import type { Placement } from "../threads/thread-host.js";
import { findActorClass } from "./actor-class.js";
import { configError } from "./config-problem.js";
import type { PlannedActor, PlannedNode, PlannedProcess, PlannedRpc, PlannedSupervisor } from "./plan.js";
import type { TreeBook } from "./tree-book.js";
import type { ActorClass } from "./tree-spec.js";

/** Makes the child specification of one planned node. */
export function childSpec(node: PlannedNode, book: TreeBook): ChildSpec {
  return {
    id: node.id,
    restart: node.restart,
    ...(node.shutdown !== undefined && { shutdown: node.shutdown }),
    significant: node.significant,
    ...(node.backoff && { backoff: node.backoff }),
    type: node.kind === "supervisor" || supervises(book.classes.get(node.path)) ? "supervisor" : "worker",
    start: async (context) => {
      // The supervisor's own ref is known from its first child on, so that `ps` sees a tree that is still starting.
      const slash = node.path.lastIndexOf("/");
      if (slash > 0) book.note(node.path.slice(0, slash), context.parent.ref);
      const held = book.isHeld(node.path);
      // Where the answer is here, the start does not wait a turn for it.
      if (held === true || (held !== false && (await held))) return "ignore";
      const ref = await startNode(node, context, book);
      book.note(node.path, ref);
      // Before a restart begins: the supervisor hears of the end no earlier than we do.
      void whenEnded(ref).then((reason) => book.noteEnd(node.path, ref, reason));
      return ref;
    },
  };
}

/** Starts one planned node under a parent that is waiting for it. */
export async function startNode(node: PlannedNode, context: StartContext, book: TreeBook): Promise<ActorRef> {
  const { parent, signal } = context;
  switch (node.kind) {
    case "supervisor": {
      const thread = elsewhere(node);
      if (thread) return startInThread(node, thread, context, book);
      const children = node.children.map((child) => childSpec(child, book));
      const { path, strategy, intensity, autoShutdown } = node;
      const ref = await startSupervisor(parent, { path, strategy, intensity, autoShutdown, children, signal });
      return ref as ActorRef<unknown> as ActorRef;
    }
    case "process": {
      const ref = await startActor(parent, {
        class: node.rpc ? ProgramActor : ProcessActor,
        args: [processSpec(node, book)],
        id: node.path,
        shutdownMs: limitMs(node.shutdown),
        signal,
      });
      return ref as ActorRef<unknown> as ActorRef;
    }
    case "actor": {
      const thread = elsewhere(node);
      if (thread) return startInThread(node, thread, context, book);
      const made = await classOf(node, book);
      const ref = await startActor(parent, {
        class: made,
        args: node.args,
        id: node.path,
        signal,
        ...(node.mailbox && { mailbox: node.mailbox }),
        ...(node.watchdogMs !== undefined && { watchdogMs: node.watchdogMs }),
        ...(supervises(made) && { shutdownMs: "infinity" }),
        ...(node.shutdown !== undefined && { shutdownMs: limitMs(node.shutdown) }),
      });
      return ref as ActorRef<unknown> as ActorRef;
    }
  }
}

/** Starts an actor or a supervisor in another thread; classes are loaded there, and only there. */
function startInThread(
  node: PlannedActor | PlannedSupervisor,
  thread: Placement,
  context: StartContext,
  book: TreeBook,
): Promise<ActorRef> {
  const { parent, signal } = context;
  const tree = book.lend();
  const source =
    node.kind === "actor"
      ? { module: node.module ?? "", exportName: node.exportName, folder: book.folder }
      : { module: threadSupervisor, exportName: "ThreadSupervisor", folder: book.folder };
  return startElsewhere(parent, {
    ...source,
    thread,
    limits: thread === "pool" ? book.pool : node.limits,
    entry: new URL("./thread-entry.js", import.meta.url),
    args: node.kind === "actor" ? node.args : [{ ...node, thread: "here" }, tree],
    id: node.path,
    signal,
    context: tree,
    here: () => startNode({ ...node, thread: "here" }, context, book),
    ...(node.kind === "actor" && node.mailbox && { mailbox: node.mailbox }),
    ...(node.kind === "actor" && node.watchdogMs !== undefined && { watchdogMs: node.watchdogMs }),
    ...(node.shutdown !== undefined && { shutdownMs: limitMs(node.shutdown) }),
  });
}

const threadSupervisor = fileURLToPath(new URL("./thread-supervisor.js", import.meta.url));

/** The time a node has when its parent is gone without a plan: the same as when it is stopped. */
function limitMs(shutdown: Shutdown): number | "infinity" {
  return shutdown === "brutal_kill" ? 0 : shutdown;
}

/** Whether actors of this class stop children of their own in order, as supervisors do. */
function supervises(made: ActorClass | undefined): boolean {
  return made !== undefined && unwind in made.prototype;
}

/**
 * Loads the classes of all actors among `nodes` and below that live in this thread, so that a wrong module is found before anything starts.
 *
 * @throws {ConfigError} naming every actor whose class cannot be had.
 */
export async function loadClasses(
  nodes: readonly PlannedNode[],
  book: TreeBook,
  file: string | undefined,
): Promise<void> {
  const problems: { file: string | undefined; path: string; text: string }[] = [];
  let cause: unknown;
  for (const node of nodes.flatMap((one) => [...nodesHere(one)])) {
    if (node.kind !== "actor") continue;
    const found = await findActorClass(node, book.folder);
    if ("class" in found) {
      book.classes.set(node.path, found.class);
    } else {
      problems.push({
        file,
        path: `${node.path}.${node.class === undefined ? "module" : "class"}`,
        text: found.problem,
      });
      cause ??= found.cause;
    }
  }
  if (problems.length > 0) throw configError(problems, cause);
}

/** Where a node has to be started from here; undefined if it lives in this thread. */
function elsewhere({ thread }: PlannedActor | PlannedSupervisor): Placement | undefined {
  return thread === "here" || (thread === "main" && isMainThread) ? undefined : thread;
}

/** Lists `node` and everything below it that lives in the thread of its parent, parents first. */
function* nodesHere(node: PlannedNode): Generator<PlannedNode> {
  if (node.kind !== "process" && elsewhere(node)) return;
  yield node;
  if (node.kind === "supervisor") for (const child of node.children) yield* nodesHere(child);
}

async function classOf(node: PlannedActor, book: TreeBook): Promise<ActorClass> {
  if (!book.classes.has(node.path)) await loadClasses([node], book, undefined);
  const found = book.classes.get(node.path);
  if (found === undefined) throw configError([{ path: node.path, text: "has no class" }]);
  return found;
}

function processSpec(node: PlannedProcess, book: TreeBook) {
  return {
    ...node.options,
    argv: node.argv,
    cwd: node.cwd,
    env: node.env,
    stop: node.stop,
    orphanGraceMs: node.orphanGraceMs,
    contain: node.contain,
    successExitCodes: node.successExitCodes,
    observe: (stream: "stdout" | "stderr", bytes: Buffer) => book.append(node.path, stream, bytes),
    ...(node.tailBytes !== undefined && { tailBytes: node.tailBytes }),
    forward: node.outputs.map(({ stream, as, method, maxBytes, to }) => ({
      stream,
      as,
      ...(method === undefined ? {} : { method }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
      resolve: () => found(to, node, book),
    })),
    ...(node.rpc && { rpc: rpcOptions(node, node.rpc, book) }),
  };
}

function rpcOptions(node: PlannedProcess, { codec, maxBytes, to }: PlannedRpc, book: TreeBook): RpcOptions {
  return {
    codec,
    ...(maxBytes !== undefined && { maxBytes }),
    ...(to !== undefined && { resolve: () => found(to, node, book) }),
  };
}

function found(to: string | ActorRef, from: PlannedProcess, book: TreeBook): ActorRef | undefined {
  return isActorRef(to) ? to : book.find(to, from.path);
}
