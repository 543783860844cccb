/**
 * Runs a test in many interleavings of its actors, each from a seed, and says which seed failed.
 */
import { type VirtualTime, type VirtualTimeOptions, virtualTime } from "./virtual-time.js";

/** Which seeds to run. */
export interface ExploreOptions extends Pick<VirtualTimeOptions, "processes"> {
  /** How many; default 100. */
  readonly seeds?: number;
  /** The first; default 1. */
  readonly firstSeed?: number;
}

/**
 * Calls `body` once for each seed, one after the other, with a virtual time of its own. `COPAL_SEED=N` in the environment runs that one alone.
 *
 * @throws {Error} that begins with the seed of the first run that failed and says how to repeat it; what the run threw is its `cause`.
 */
export async function explore(
  body: (time: VirtualTime, seed: number) => Promise<void>,
  { seeds = 100, firstSeed = 1, processes }: ExploreOptions = {},
): Promise<void> {
  const only = process.env.COPAL_SEED;
  const first = only === undefined ? firstSeed : Number(only);
  const last = only === undefined ? firstSeed + seeds - 1 : first;
  for (let seed = first; seed <= last; seed++) {
    try {
      await body(virtualTime({ seed, ...(processes && { processes }) }), seed);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`seed ${seed}: ${message} (COPAL_SEED=${seed} repeats it)`, { cause });
    }
  }
}
