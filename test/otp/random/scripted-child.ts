/**
 * Children that follow a script, and the start functions that bring them up. Everything they do becomes a line of the trace. The
 * twin of `scripted_child.erl`; how runs are driven it does not know.
 */
import { Actor } from "#src/actors/actor.js";
import { whenEnded } from "#src/actors/exit-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import { StartError } from "#src/errors.js";
import { type ExitReason, exitReason } from "#src/exit.js";
import type { ActorRef } from "#src/ref.js";
import type { StartContext, StartResult } from "#src/supervisor/child-spec.js";
import type { Census } from "./census.js";
import { exitReasonOf, reasonText } from "./reason-text.js";
import type { Child, Outcome, Reason, Worker } from "./tree.js";

/** Starts a child that is a supervisor. */
export type StartSupervisor = (child: Child, name: string, context: StartContext) => Promise<ActorRef>;

/** A worker as its script has it. */
export class ScriptedWorker extends Actor {
  #census: Census | undefined;
  #name = "";
  #ending: Worker["ending"] = "returns";

  override init(census: Census, name: string, { traps, ending }: Worker, { comes, reason }: Outcome): void {
    if (comes === "init_raise") throw new Error(reason);
    if (comes === "init_stop") throw { [exitReason]: exitReasonOf(reason) };
    this.trapExit = traps;
    this.#census = census;
    this.#name = name;
    this.#ending = ending;
  }

  ping(): void {}

  stop(reason: Reason): void {
    // One that ends by itself is not deaf: nobody would kill it.
    if (this.#ending === "deaf") this.#ending = "returns";
    this.exit(exitReasonOf(reason));
  }

  raise(reason: Reason): never {
    throw new Error(reason);
  }

  override handleInfo(): void {}

  override terminate(reason: ExitReason): unknown {
    if (this.#ending === "deaf" && reason === "shutdown") return new Promise(() => {});
    this.#census?.log(`term ${this.#name} ${reasonText(reason)}`);
    if (this.#ending === "raises") throw new Error("x");
    return undefined;
  }
}

/** Ends as soon as it is told to, by something else than a crash of its own. */
class Doomed extends Actor {
  end(reason: Reason): void {
    this.exit(exitReasonOf(reason));
  }
}

/** Starts `child` once more: what comes of it is the next outcome of its plan. */
export async function startScripted(
  census: Census,
  child: Child,
  context: StartContext,
  startSupervisor: StartSupervisor,
): Promise<StartResult> {
  const { number, name } = census.nextName(child.id);
  const outcome = child.plan[number - 1] ?? { comes: "ok", reason: "normal" };
  census.log(`start ${name} ${outcome.comes} ${outcome.reason}`);
  const { comes, reason } = outcome;
  const { parent, signal, path } = context;
  if (comes === "ignore") return "ignore";
  if (comes === "throw") throw reason;
  if (comes === "raise") throw new Error(reason);
  // Not while its supervisor starts: that would handle the end at the same time as its own parent goes on, in no order.
  if (comes === "dead" && census.of(parent.ref)) {
    const ref = await startActor(parent, { class: Doomed, id: path, signal });
    census.watch(ref, { id: child.id, name, kind: "worker" });
    ref.cast.end(reason);
    await whenEnded(ref);
    return ref;
  }
  const isSupervisor = child.body.is === "supervisor";
  if (comes === "error" || (isSupervisor && (comes === "init_stop" || comes === "init_raise")))
    throw new StartError(`${name} does not start`, { reason: exitReasonOf(reason) });
  const ref = isSupervisor
    ? await startSupervisor(child, name, context)
    : await startActor(parent, { class: ScriptedWorker, args: [census, name, child.body, outcome], id: path, signal });
  if (!isSupervisor) census.watch(ref, { id: child.id, name, kind: "worker" });
  return comes === "info" ? { ref, info: "info" } : ref;
}
