/**
 * A tree's book in a worker thread: it has the names of all nodes, and tells the tree's own book, in the thread that started the tree, what happens here. One
 * for each tree that has anything in this thread.
 */
import { subscribe } from "node:diagnostics_channel";
import { cellOf } from "../actors/address.js";
import { answeringRef } from "../actors/answering-ref.js";
import { cloneable } from "../actors/cloneable.js";
import { placeOf } from "../actors/process-actor.js";
import { isAlive, runtimeOfThread } from "../actors/runtime.js";
import { publishTree } from "../actors/tree-names.js";
import type { ExitReason } from "../exit.js";
import { type ActorRef, isActorRef, portOf } from "../ref.js";
import { supervisorSnapshot } from "../supervisor/snapshot.js";
import type { Supervisor } from "../supervisor/supervisor.js";
import type { Address } from "../threads/parcel.js";
import { threadHost } from "../threads/thread-host.js";
import type { PoolOptions } from "../threads/thread-pools.js";
import { childSpec } from "./child-specs.js";
import type { BookWords, FollowerWords } from "./lent-book.js";
import { type Environment, everyNode, type PlannedNode } from "./plan.js";
import { resolveId } from "./resolve-id.js";
import type { LentTree, TreeBook } from "./tree-book.js";
import type { ActorClass } from "./tree-spec.js";

/** Snapshots of supervisors are told at most so often, besides when one has started or ends. */
const SNAPSHOTS_EVERY_MS = 100;

const books = new WeakMap<ActorRef, BorrowedBook>();

/** Gives this thread's book of a tree. */
export function borrowBook(tree: LentTree): BorrowedBook {
  const known = books.get(tree.book) ?? new BorrowedBook(tree);
  books.set(tree.book, known);
  return known;
}

/** The book of a tree that was started in another thread. */
export class BorrowedBook implements TreeBook, FollowerWords {
  readonly folder: string;
  readonly pool: PoolOptions;
  readonly environment: Environment;
  readonly classes = new Map<string, ActorClass>();
  /** Resolves when the names are there. */
  readonly ready: Promise<void>;
  readonly #tree: LentTree;
  /** Where that reaches this one. */
  readonly #ref: ActorRef;
  /** Who stands for each path: those noted here by their refs. */
  readonly #names = new Map<string, ActorRef | Address | undefined>();
  readonly #nodes = new Map<string, PlannedNode>();
  readonly #supervisors = new Set<ActorRef>();
  #telling: NodeJS.Timeout | undefined;

  constructor(tree: LentTree) {
    this.#tree = tree;
    this.folder = tree.folder;
    this.pool = tree.pool;
    this.environment = tree.environment ?? process.env;
    this.#ref = answeringRef(runtimeOfThread(), (word, args) => {
      const answer = this[word as keyof FollowerWords] as (...args: readonly unknown[]) => unknown;
      return answer.apply(this, args as unknown[]);
    });
    this.ready = this.#follow();
    // Whoever waits for it hears; there may be nobody.
    this.ready.catch(() => {});
    publishTree((id) => this.#running(id));
    subscribe("copal:supervisor", () => this.#tellSoon());
  }

  /** Takes in the plan of a supervisor that lives here. */
  adopt(plan: PlannedNode): void {
    for (const node of everyNode(plan)) this.#nodes.set(node.path, node);
  }

  async append(path: string, stream: "stdout" | "stderr", bytes: Buffer): Promise<void> {
    // A view would be cloned with all the memory that it is a view of.
    await this.#ask("append", path, stream, Uint8Array.prototype.slice.call(bytes));
  }

  note(path: string, ref: ActorRef): void {
    if (this.#names.get(path) === ref) return;
    this.#names.set(path, ref);
    if (cellOf(ref).unwinds) this.#supervisors.add(ref);
    this.#tell("note", this.#ref, path, ref, placeOf(ref));
  }

  noteEnd(path: string, ref: ActorRef, reason: ExitReason): void {
    if (this.#names.get(path) === ref) this.#names.set(path, undefined);
    this.#tell("noteEnd", this.#ref, path, ref, reason);
  }

  isHeld(path: string): Promise<boolean> {
    return this.#ask("isHeld", path);
  }

  find(id: string, from: string): ActorRef | undefined {
    const sibling = `${from.slice(0, from.lastIndexOf("/"))}/${id}`;
    return this.#refOf(id) ?? this.#refOf(sibling) ?? this.#running(id);
  }

  lend(): LentTree {
    return this.#tree;
  }

  noted(path: string, address: Address | undefined): void {
    this.#names.set(path, address);
  }

  async startAgain(supervisor: ActorRef, path: string): Promise<void> {
    const node = this.#nodes.get(path);
    if (!node) return;
    const { call } = (supervisor as ActorRef<unknown> as ActorRef<Supervisor>).within("infinity");
    await call.startChild(childSpec(node, this));
  }

  /** Tells what the supervisors of this thread look like now. */
  tellSnapshots(): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    for (const ref of this.#supervisors) {
      const snapshot = supervisorSnapshot(ref);
      if (cellOf(ref).hasEnded) this.#supervisors.delete(ref);
      // A reason in it may hold anything.
      if (snapshot) this.#tell("snapshot", ref, cloneable(snapshot));
    }
  }

  async #follow(): Promise<void> {
    const names = await this.#ask("follow", this.#ref);
    // What was noted meanwhile, here or there, is newer.
    for (const [path, address] of names) if (!this.#names.has(path)) this.#names.set(path, address);
  }

  #refOf(path: string): ActorRef | undefined {
    const known = this.#names.get(path);
    return known === undefined || isActorRef(known) ? known : threadHost()?.board.refOf(known);
  }

  #running(id: string): ActorRef | undefined {
    const found = resolveId(id, this.#names.keys());
    const ref = "path" in found ? this.#refOf(found.path) : undefined;
    return ref && isAlive(ref) ? ref : undefined;
  }

  /** Tells the tree's own book. Not by `cast`: it may be the code of an actor that has ended which comes to this, and that is mute. */
  #tell<W extends keyof BookWords>(word: W, ...args: Parameters<BookWords[W]>): void {
    portOf(this.#tree.book).cast(word, args);
  }

  /** Asks the tree's own book; it answers, however long that takes. */
  #ask<W extends keyof BookWords>(
    word: W,
    ...args: Parameters<BookWords[W]>
  ): Promise<Awaited<ReturnType<BookWords[W]>>> {
    const answer = portOf(this.#tree.book).call(word, args, Number.POSITIVE_INFINITY);
    return answer as Promise<Awaited<ReturnType<BookWords[W]>>>;
  }

  #tellSoon(): void {
    this.#telling ??= setTimeout(() => this.tellSnapshots(), SNAPSHOTS_EVERY_MS).unref();
  }
}
