/**
 * The actor of test/fixtures/actors/lender.mjs as the tests see it, and trees of it.
 */
import { type ProxyOptions, proxy } from "#src/actors/proxy.js";
import { start, type Tree } from "#src/app/tree.js";
import type { ActorChild } from "#src/app/tree-spec.js";
import type { ExitReason } from "#src/exit.js";
import type { Remote } from "#src/index.js";
import type { ActorRef } from "#src/ref.js";
import { actorsFolder } from "./resident.js";

type Adder = Remote<(by: number) => number>;
type AnyFunction = Remote<(...args: never[]) => unknown>;

/** What it understands. */
export interface Lender {
  add(by: number): number;
  overlaps(): number;
  lend(options?: ProxyOptions): Adder;
  lendSlow(options?: ProxyOptions): Remote<() => void>;
  lendNever(): Remote<() => void>;
  use(remote: AnyFunction, ...args: unknown[]): unknown;
  useMethod(remote: Remote<object>, method: string, ...args: unknown[]): unknown;
  setName(remote: Remote<object>, name: string): string;
  count(to: number, tell: Remote<(n: number) => void>): number;
  askFor(ref: ActorRef<Lender>, to: number, options?: ProxyOptions): [answer: unknown, heard: number[]];
  keep(remote: Remote<object>): void;
  useKept(...args: unknown[]): unknown;
  shout(): void;
  drop(): void;
  moved(remote: Remote<(bytes: Uint8Array) => Uint8Array>, size: number): [left: number, answer: Uint8Array];
  passOn(ref: ActorRef<Lender>): void;
  leave(reason: ExitReason): void;
  leaveThread(): void;
}

/** Where two such actors live. */
export type Places = readonly ["main" | "own", "main" | "own"];

/** Starts two, `a` and `b`, that are not restarted. */
export async function startLenders([one, other]: Places, more: Partial<ActorChild> = {}) {
  const child = (actor: string, thread: "main" | "own"): ActorChild => ({
    actor,
    module: "./lender.mjs#Lender",
    thread,
    restart: "temporary",
    ...more,
  });
  const spec = { supervisor: "app", children: [child("a", one), child("b", other)] };
  const tree = await start(spec, { folder: actorsFolder });
  return { tree, a: find(tree, "a"), b: find(tree, "b"), [Symbol.asyncDispose]: () => tree.stop() };
}

function find(tree: Tree, id: string): ActorRef<Lender> {
  const ref = tree.whereis<Lender>(id);
  if (!ref) throw new Error(`${id} does not run`);
  return ref;
}

/** A proxy of plain code's, and how often it was let go of. */
export function watched<T extends object>(value: T, finalizer: symbol): { remote: Remote<T>; released: () => number } {
  let count = 0;
  const remote = proxy(Object.assign(value, { [finalizer]: () => count++ }));
  return { remote, released: () => count };
}
