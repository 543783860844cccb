/**
 * Starts an actor in another thread: spawn and link in one step, as a start in this one. Which thread, its host says.
 */
import type { MailboxLimit } from "../actors/mailbox-bound.js";
import { runtimeOfThread } from "../actors/runtime.js";
import { type Parent, startActor } from "../actors/start-actor.js";
import { unmark } from "../actors/transfer.js";
import { UnsupportedError } from "../errors.js";
import type { ActorRef } from "../ref.js";
import { pack } from "./parcel.js";
import { RemoteCell } from "./remote-cell.js";
import { type Placement, threadHost } from "./thread-host.js";
import type { ModuleSource } from "./thread-message.js";
import type { PoolOptions } from "./thread-pools.js";

/** What to start, and where. */
export interface ElsewhereOptions extends ModuleSource {
  readonly thread: Placement;
  /** Of its own thread, or of the pool and its threads. */
  readonly limits?: PoolOptions;
  /** The compiled module that a worker thread runs. */
  readonly entry: URL;
  /** For `init`; they are cloned. */
  readonly args: readonly unknown[];
  /** What people call it. */
  readonly id: string;
  readonly mailbox?: MailboxLimit;
  /** How long its thread may be busy with one thing before it is taken for stuck, in milliseconds; for ever unless given. */
  readonly watchdogMs?: number;
  readonly signal?: AbortSignal;
  readonly shutdownMs?: number | "infinity";
  /** What the thread's own class loader is told besides. */
  readonly context?: unknown;
  /** Starts it in this thread, should that be the one with the fewest actors. */
  readonly here: () => Promise<ActorRef>;
}

/** Ids given out here must not be those that the other thread gives: they start from here, times the number of this thread. */
const IDS_PER_THREAD = 2 ** 32;
let lastId = 0;

/**
 * Starts an actor in another thread, linked to `parent`, and resolves once its `init` has settled there.
 *
 * Rejects as `startActor` does; with stage `module` if its class cannot be had there; with `ERR_NOT_CLONEABLE` if its arguments cannot be
 * cloned; with `ERR_UNSUPPORTED` in a runtime of one's own.
 */
export async function startElsewhere(parent: Parent, options: ElsewhereOptions): Promise<ActorRef> {
  const { thread: placement, entry, args, id: label, module, exportName, folder, limits = {}, signal } = options;
  const runtime = parent?.runtime ?? runtimeOfThread();
  if (placement === "main" && runtime.thread === 0) return options.here();
  const host = threadHost();
  if (!host) throw notYet(placement, label, "in a worker thread that is not Copal's");
  const { board } = host;
  if (runtime !== board.runtime) throw notYet(placement, label, "with a clock or a scheduler of one's own");
  // A restart needs them again.
  for (const arg of args) unmark(arg);
  // Before there is a thread: what cannot be cloned is the starter's mistake.
  structuredClone(pack(args, (ref) => board.addressOf(ref)).content);
  const shutdownMs = options.shutdownMs === "infinity" ? Number.POSITIVE_INFINITY : (options.shutdownMs ?? 5_000);
  const found = host.place(placement, limits, entry, shutdownMs);
  const place = found instanceof Promise ? await found : found;
  if (place.line.thread === runtime.thread) {
    place.release();
    return options.here();
  }
  let isTaken = false;
  try {
    return (await startActor(parent, {
      id: label,
      shutdownMs: shutdownMs === Number.POSITIVE_INFINITY ? "infinity" : shutdownMs,
      ...(signal && { signal }),
      ...(options.mailbox && { mailbox: options.mailbox }),
      elsewhere: (_runtime, made) => {
        isTaken = true;
        const { line } = place;
        const id = IDS_PER_THREAD * (runtime.thread + 1) + ++lastId;
        const cell = new RemoteCell(runtime, line, { ...made, address: { id, thread: line.thread } });
        board.add(cell);
        cell.isWatched();
        cell.onAsked = () => place.asked();
        cell.onEndOrder = (withinMs) => place.mustHear(withinMs);
        place.inhabit?.(cell);
        line.parcel([args, options.context], (packed, isPacked) => [
          "start",
          {
            id,
            place: place.number,
            name: made.name,
            label,
            parent: made.parent === null ? undefined : board.addressOf(made.parent.ref),
            shutdownMs: made.shutdownMs,
            mailbox: made.mailbox,
            watchdogMs: options.watchdogMs,
            source: { module, exportName, folder },
            args: packed,
            isPacked,
          },
        ]);
        return cell;
      },
    })) as ActorRef<unknown> as ActorRef;
  } finally {
    if (!isTaken) place.release();
  }
}

function notYet(placement: Placement, label: string, where: string): Error {
  return new UnsupportedError(`${label}: \`thread: ${placement}\` ${where} is not supported yet`, {
    feature: "thread",
  });
}
