/**
 * What a scenario is, and how one is run: in a world of its own, by a process that traps exits, against a limit of virtual time.
 */
import { exitActor } from "#src/actors/exit-actor.js";
import { startActor } from "#src/actors/start-actor.js";
import { Scene } from "./scene.js";
import { print, type Term, tuple } from "./term.js";
import { World } from "./world.js";

/** Does the operations of its Erlang original, in the same order, and returns the same term. */
export type Scenario = (me: Scene) => Promise<Term>;

/** Scenarios by the name of their original. */
export type Scenarios = Readonly<Record<string, Scenario>>;

const limitMs = 25_000;

/** Runs a scenario and prints what it came to; with a `seed` in the order of turns that this number names. */
export async function runScenario(scenario: Scenario, seed?: number): Promise<string> {
  const world = new World(seed);
  try {
    return print(await world.passTimeUntil(outcome(world, scenario), limitMs));
  } catch (error) {
    return print(tuple("scenario_failed", error instanceof Error ? (error.stack ?? error.message) : String(error)));
  } finally {
    world.close();
  }
}

async function outcome(world: World, scenario: Scenario): Promise<Term> {
  let me: Scene | undefined;
  const result = new Promise<Term>((resolve, reject) => {
    const body = async (process: Scene): Promise<void> => {
      me = process;
      process.trap();
      await scenario(process).then(resolve, reject);
      await process.receive(() => false);
    };
    startActor(null, { class: Scene, args: [world, body], runtime: world.runtime }).catch(reject);
  });
  try {
    return await result;
  } finally {
    if (me) exitActor(me.self as never, "kill");
  }
}
