/**
 * The actor of test/fixtures/actors/resident.mjs as the tests see it, and trees of it.
 */
import { fileURLToPath } from "node:url";
import type { Info } from "#src/actors/info.js";
import { start, type Tree } from "#src/app/tree.js";
import type { ActorChild, ChildSpecInput, SupervisorChild } from "#src/app/tree-spec.js";
import type { ExitReason } from "#src/exit.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";

/** What it understands. */
export interface Resident {
  args(): unknown[];
  thread(): number;
  echo<V>(value: V): V;
  wakeUpIn(ms: number): Promise<void>;
  me(): ActorRef<Resident>;
  isMe(ref: ActorRef<Resident>): boolean;
  note(value: unknown): void;
  heard(): (Info & { from?: ActorRef; reason?: ExitReason })[];
  crash(message: string): void;
  throwIt(value: unknown): void;
  refuseIt(): void;
  giveFunction(): unknown;
  trap(traps?: boolean): void;
  linkTo(ref: ActorRef<Resident>): void;
  unlinkFrom(ref: ActorRef<Resident>): void;
  watch(ref: ActorRef<Resident>): number;
  leave(reason: ExitReason): void;
  signal(ref: ActorRef<Resident>, reason: ExitReason): void;
  never(): Promise<void>;
  /** Sets the number it was started with, and wakes who waits for that. */
  ring(): void;
  count(handled: Int32Array): void;
  /** Says by the second number of `flag` that it holds the mailbox, and does until somebody changes the first and wakes who waits for it. */
  hold(flag: Int32Array): Promise<void>;
  ask(ref: ActorRef<Resident>, method: string, ...args: unknown[]): unknown;
  tell(ref: ActorRef<Resident>, method: string, from: number, to: number): void;
  throwLater(): void;
  rejectLater(): void;
  leaveThread(code: number): void;
  eat(): void;
  spin(spins: Int32Array): void;
  sayLater(ref: ActorRef<Resident>, flag: Int32Array): void;
  busy(spins: Int32Array, forMs: number): void;
  spinLater(): Promise<void>;
  spinInTimer(): void;
  crunch(forMs: number): Promise<void>;
}

/** What test/fixtures/actors/starter.mjs understands besides. */
export interface Starter extends Resident {
  startChild(spec: object): ActorRef<Starter>;
  /** Gives the error that a start rejects with. */
  tryChild(spec: object): unknown;
  /** Starts a child and waits for nothing. */
  beginChild(spec: object): void;
  find(id: string): ActorRef<Starter> | undefined;
  makeAlias(): ActorRef<Starter>;
  /** Says something to an alias of its own, and whether it is the one it made. */
  isAlias(ref: ActorRef<Starter>): boolean;
  /** How deep functions can call each other there. */
  depth(): number;
  setFields(fields: object): void;
  holdFunction(): void;
}

export const actorsFolder = fileURLToPath(new URL("../../../test/fixtures/actors", import.meta.url));

/** A child that lives in a thread. */
export function resident(actor: string, thread: "main" | "own" | "pool", more: Partial<ActorChild> = {}): ActorChild {
  return { actor, module: "./resident.mjs#Resident", thread, ...more };
}

/** A child that can start others. */
export function starter(actor: string, thread?: "main" | "own" | "pool", more: Partial<ActorChild> = {}): ActorChild {
  return { actor, module: "./starter.mjs#Starter", thread, ...more };
}

/** Starts a tree of such children. */
export function startResidents(children: ChildSpecInput[], more: Partial<SupervisorChild> = {}): Promise<Tree> {
  return start({ supervisor: "app", children, ...more }, { folder: actorsFolder });
}

/** The running incarnation of a child. */
export function find<T = Resident>(tree: Tree, id: string): ActorRef<T> {
  const ref = tree.whereis<T>(id);
  if (!ref) throw new Error(`${id} does not run`);
  return ref;
}

/** Lets an actor spin for ever, and resolves when it does. */
export async function spin(ref: ActorRef<Resident>): Promise<void> {
  const spins = new Int32Array(new SharedArrayBuffer(4));
  ref.cast.spin(spins);
  await eventually(() => Atomics.load(spins, 0) === 1);
}
