/**
 * An actor that has functions run on other threads, as a test tells it; the functions are those of test/fixtures/compute.
 */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Actor } from "#src/actors/actor.js";
import type { ComputeOptions, ComputeTask } from "#src/actors/compute-task.js";
import { startActor } from "#src/actors/start-actor.js";
import { limitCompute } from "#src/compute/compute-host.js";
import type { ComputeLimits } from "#src/compute/compute-pool.js";
import "#src/app/tree.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";

/** Asks for a function of the fixtures by name. */
export type Compute = (name: string, args?: unknown[], options?: ComputeOptions) => ComputeTask;

/** The module with the functions. */
export const functionsUrl = pathToFileURL(join(process.cwd(), "test/fixtures/compute/functions.mjs"));

/** Does what a test tells it. */
export class Asker extends Actor {
  readonly #compute: Compute = (name, args = [], options = {}) =>
    this.compute(name === "" ? functionsUrl : new URL(`#${name}`, functionsUrl), args, options);

  run<R>(act: (compute: Compute) => R): R {
    return act(this.#compute);
  }

  /** Asks and goes on, with nobody to look at the outcome. */
  ask(...asked: Parameters<Compute>): void {
    this.#compute(...asked);
  }

  /** Gives the outcome; a rejection goes to the caller and does no harm. */
  outcome(...asked: Parameters<Compute>): Promise<unknown> {
    return this.#outcome(() => this.#compute(...asked));
  }

  /** As {@link outcome}, of a function anywhere. */
  outcomeOf(module: string | URL, args: unknown[] = [], options: ComputeOptions = {}): Promise<unknown> {
    return this.#outcome(() => this.compute(module, args, options));
  }

  async #outcome(ask: () => ComputeTask): Promise<unknown> {
    try {
      return await ask();
    } catch (error) {
      return this.refuse(error as Error);
    }
  }
}

/** Starts one, with the pool as it is to be. */
export function asker(limits: ComputeLimits = {}): Promise<ActorRef<Asker>> {
  limitCompute(limits);
  return startActor(null, { class: Asker }) as Promise<ActorRef<Asker>>;
}

/** Numbers that threads share. */
export function stage(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** Lets a function run for as long as nobody ends it, and resolves when it does. The actor is free meanwhile. */
export async function running(ref: ActorRef<Asker>, name: "spin" | "tick" | "untilTold"): Promise<Int32Array> {
  const told = stage();
  await ref.call.ask(name, [told]);
  await eventually(() => Atomics.load(told, 0) > 0, { timeoutMs: 60_000 });
  return told;
}

/** Lets what waits for it in `untilTold` end. */
export function tell(told: Int32Array): void {
  Atomics.store(told, 1, 1);
  Atomics.notify(told, 1);
}
