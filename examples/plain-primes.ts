// The other half of examples/plain-code.ts: what it runs in a thread of its own.
import { Actor, type Remote } from "copal";

// Plain code: it knows nothing of actors or threads, except that who listens to it may be far away.
const primes = {
  below(limit: number): number[] {
    const found: number[] = [];
    for (let n = 2; n < limit; n++) if (found.every((prime) => n % prime !== 0)) found.push(n);
    return found;
  },

  async count(limit: number, tell: Remote<(share: number) => void>): Promise<number> {
    for (const share of [0.25, 0.5, 0.75]) await tell(share);
    return this.below(limit).length;
  },
};

// It ends with this actor, which a supervisor looks after as after any other.
export class Primes extends Actor {
  api(): Remote<typeof primes> {
    return this.proxy(primes);
  }
}
