// What examples/compute.ts has run on another thread: a function of its own module, which starts nothing when it is loaded.
import type { Computation } from "copal";

// `this` is how a function tells its progress; without it, a function is like any other.
export function primes(this: Computation<number>, below: number): number[] {
  const found: number[] = [];
  for (let n = 2; n < below; n++) {
    if (n % 1_000 === 0) this.progress((100 * n) / below);
    if (found.every((prime) => prime * prime > n || n % prime !== 0)) found.push(n);
  }
  return found;
}

export function forEver(): never {
  for (;;);
}
