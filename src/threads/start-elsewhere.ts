/**
 * Starts an actor in another thread: spawn and link in one step, as a start in this one.
 */
import { isMainThread } from "node:worker_threads";
import type { MailboxLimit } from "../actors/mailbox-bound.js";
import { runtimeOfThread } from "../actors/runtime.js";
import { type Parent, startActor } from "../actors/start-actor.js";
import { unmark } from "../actors/transfer.js";
import { UnsupportedError } from "../errors.js";
import type { ActorRef } from "../ref.js";
import { pack } from "./parcel.js";
import { RemoteCell } from "./remote-cell.js";
import type { ModuleSource } from "./thread-message.js";
import { type Placement, threadsOfProcess } from "./threads.js";
import type { ThreadLimits } from "./worker-thread.js";

/** What to start, and where. */
export interface ElsewhereOptions extends ModuleSource, ThreadLimits {
  readonly thread: Placement;
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
}

/** Ids given out here must not be those that the other thread gives: they start from here, times the number of this thread. */
const IDS_PER_THREAD = 2 ** 32;
let lastId = 0;

/**
 * Starts an actor in a worker thread, linked to `parent`, and resolves once its `init` has settled there.
 *
 * Rejects as `startActor` does; with stage `module` if its class cannot be had there; with `ERR_NOT_CLONEABLE` if its arguments cannot be
 * cloned; with `ERR_UNSUPPORTED` outside the main thread, and in a runtime of one's own.
 */
export async function startElsewhere(parent: Parent, options: ElsewhereOptions): Promise<ActorRef> {
  const { thread: placement, entry, args, id: label, module, exportName, folder, heapMb, signal, shutdownMs } = options;
  if (!isMainThread) throw notYet(`${label}: \`thread: ${placement}\` inside a worker thread is not supported yet`);
  const threads = threadsOfProcess();
  if ((parent?.runtime ?? runtimeOfThread()) !== threads.board.runtime)
    throw notYet(`${label}: \`thread: ${placement}\` with a clock or a scheduler of one's own is not supported yet`);
  // A restart needs them again.
  for (const arg of args) unmark(arg);
  // Before there is a thread: what cannot be cloned is the starter's mistake.
  structuredClone(pack(args, (ref) => threads.board.addressOf(ref)).content);
  const ref = await startActor(parent, {
    id: label,
    ...(signal && { signal }),
    ...(shutdownMs !== undefined && { shutdownMs }),
    ...(options.mailbox && { mailbox: options.mailbox }),
    elsewhere: (runtime, made) => {
      const thread = threads.place(placement, heapMb === undefined ? {} : { heapMb }, entry);
      const id = IDS_PER_THREAD + ++lastId;
      const cell = new RemoteCell(runtime, thread.line, { ...made, address: { id, thread: thread.number } });
      threads.board.add(cell);
      cell.isWatched();
      threads.inhabit(thread, placement, cell);
      thread.line.parcel(args, (packed, isPacked) => [
        "start",
        {
          id,
          name: made.name,
          label,
          parent: made.parent === null ? undefined : threads.board.addressOf(made.parent.ref),
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
  });
  return ref as ActorRef<unknown> as ActorRef;
}

function notYet(text: string): Error {
  return new UnsupportedError(text, { feature: "thread" });
}
