/**
 * What the runtime calls on an actor: the callbacks, and two hooks under symbols, which are no messages and no part of the
 * public face.
 */
import type { ExitReason } from "../exit.js";
import type { Info } from "./info.js";

/**
 * The key of the hook that releases what an actor holds outside the runtime, such as a process tree: resolves when it is
 * gone.
 *
 * Called at every end, `"kill"` included, as soon as there is an instance, even if `init` failed or is still waiting. May be
 * called a second time, with `"killed"`, while the first call is pending: then there is no more time for a graceful stop. The
 * end waits for every promise it returned; one that rejects counts as done.
 */
export const release: unique symbol = Symbol.for("copal.release") as never;

/**
 * The key of the hook by which a supervisor stops its children in order.
 *
 * Called at every end except on kill, after `endSignal` has aborted, even if `init` is still waiting. An actor that has it is
 * ended by its parent's exit signal at once, ahead of what is in its mailbox.
 */
export const unwind: unique symbol = Symbol.for("copal.unwind") as never;

/** An actor as the runtime sees it. */
export interface ActorInstance {
  init(...args: readonly unknown[]): unknown;
  handleInfo(message: Info): unknown;
  handleContinue(message: unknown): unknown;
  terminate(reason: ExitReason): unknown;
  [release]?(reason: ExitReason): Promise<void>;
  [unwind]?(reason: ExitReason): Promise<void>;
}
