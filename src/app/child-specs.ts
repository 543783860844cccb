/**
 * Makes the supervisor's child specifications out of planned nodes: what each kind of node is when it runs.
 * It knows how nodes become actors, and tells the tree which ref is which; it decides no restart.
 */

import { type Shutdown, whenEnded } from "../actors/exit-actor.js";
import { unwind } from "../actors/instance.js";
import { ProcessActor } from "../actors/process-actor.js";
import { ProgramActor } from "../actors/program-actor.js";
import type { RpcOptions } from "../actors/rpc-channel.js";
import { startActor } from "../actors/start-actor.js";
import type { ExitReason } from "../exit.js";
import { type ActorRef, isActorRef } from "../ref.js";
import type { ChildSpec, StartContext } from "../supervisor/child-spec.js";
import { startSupervisor } from "../supervisor/supervisor.js";
import { startElsewhere } from "../threads/start-elsewhere.js";
import type { Placement } from "../threads/threads.js";
import { findActorClass } from "./actor-class.js";
import { configError } from "./config-problem.js";
import type { OutputLog } from "./output-log.js";
import type { PlannedActor, PlannedNode, PlannedProcess, PlannedRpc } from "./plan.js";
import type { ActorClass } from "./tree-spec.js";

/** What running nodes report to and ask of the tree they belong to. */
export interface TreeBook {
  readonly log: OutputLog;
  readonly folder: string;
  /** Classes that were loaded before anything started, by path. */
  readonly classes: Map<string, ActorClass>;
  /** Notes the ref of a node's present incarnation. */
  note(path: string, ref: ActorRef): void;
  /** Notes how it ended, for nodes that their supervisor forgets. */
  noteEnd(path: string, reason: ExitReason): void;
  /** Paths of children that were stopped by request and stay down, whoever starts them, until a request starts them. */
  readonly held: Set<string>;
  /** Gives the ref of what `id` means now, seen from the node at `from`. */
  find(id: string, from: string): ActorRef | undefined;
}

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
      if (book.held.has(node.path)) return "ignore";
      const ref = await startNode(node, context, book);
      book.note(node.path, ref);
      // Before a restart begins: the supervisor hears of the end no earlier than we do.
      void whenEnded(ref).then((reason) => {
        book.log.flush(node.path);
        book.noteEnd(node.path, reason);
      });
      return ref;
    },
  };
}

/** Starts one planned node under a parent that is waiting for it. */
export async function startNode(node: PlannedNode, context: StartContext, book: TreeBook): Promise<ActorRef> {
  const { parent, signal } = context;
  switch (node.kind) {
    case "supervisor": {
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
      if (node.thread !== "main") return startInThread(node, node.thread, context, book);
      const made = await classOf(node, book);
      const ref = await startActor(parent, {
        class: made,
        args: node.args,
        id: node.path,
        signal,
        ...(node.mailbox && { mailbox: node.mailbox }),
        ...(supervises(made) && { shutdownMs: "infinity" }),
        ...(node.shutdown !== undefined && { shutdownMs: limitMs(node.shutdown) }),
      });
      return ref as ActorRef<unknown> as ActorRef;
    }
  }
}

/** Starts an actor in a worker thread; its class is loaded there, and only there. */
function startInThread(
  node: PlannedActor,
  thread: Placement,
  context: StartContext,
  book: TreeBook,
): Promise<ActorRef> {
  const { parent, signal } = context;
  return startElsewhere(parent, {
    thread,
    entry: new URL("./thread-entry.js", import.meta.url),
    module: node.module ?? "",
    exportName: node.exportName,
    folder: book.folder,
    args: node.args,
    id: node.path,
    signal,
    ...(node.mailbox && { mailbox: node.mailbox }),
    ...(node.heapBytes !== undefined && { heapMb: node.heapBytes / (1024 * 1024) }),
    ...(node.shutdown !== undefined && { shutdownMs: limitMs(node.shutdown) }),
  });
}

/** The time a node has when its parent is gone without a plan: the same as when it is stopped. */
function limitMs(shutdown: Shutdown): number | "infinity" {
  return shutdown === "brutal_kill" ? 0 : shutdown;
}

/** Whether actors of this class stop children of their own in order, as supervisors do. */
function supervises(made: ActorClass | undefined): boolean {
  return made !== undefined && unwind in made.prototype;
}

/**
 * Loads the classes of all actors among `nodes`, so that a wrong module is found before anything starts.
 *
 * @throws {ConfigError} naming every actor whose class cannot be had.
 */
export async function loadClasses(
  nodes: Iterable<PlannedNode>,
  book: TreeBook,
  file: string | undefined,
): Promise<void> {
  const problems: { file: string | undefined; path: string; text: string }[] = [];
  let cause: unknown;
  for (const node of nodes) {
    if (node.kind !== "actor" || node.thread !== "main") continue;
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
    observe: (stream: "stdout" | "stderr", bytes: Buffer) => book.log.append(node.path, stream, bytes),
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
