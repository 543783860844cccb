/**
 * Measures contenders in turn, round after round, so that what else a machine does falls on all of them. Knows nothing of what is measured.
 */
import { progress, type Samples } from "./report.js";

/**
 * Takes one sample of every contender in each round, the first round being for warming up. Each round begins with another contender, and every
 * other one goes the other way round: what one leaves behind (garbage, a core that sleeps) is not always the same one's to bear.
 */
export async function inRounds(
  name: string,
  rounds: number,
  contenders: Readonly<Record<string, () => Promise<number>>>,
): Promise<Samples> {
  const samples: Samples = Object.fromEntries(Object.keys(contenders).map((contender) => [contender, []]));
  const order = Object.entries(contenders);
  for (let round = 0; round <= rounds; round++) {
    progress(`${name}: ${round === 0 ? "warming up" : `round ${round} of ${rounds}`}`);
    for (const [contender, measure] of round % 2 === 0 ? order : order.toReversed()) {
      const sample = await measure();
      if (round > 0) samples[contender]?.push(sample);
    }
    order.push(...order.splice(0, 1));
  }
  return samples;
}
