/**
 * Waking threads natively, at less than a message over a port costs: nothing is cloned, and no event is made. Where the native module is missing nobody can
 * be woken so, and ports do it.
 */
import { addon } from "../sidecar/addon.js";

/** Who is woken in this thread, by key. */
const sleepers = new Map<number, () => void>();
let lastKey = 0;
/** The number of this thread; 0 where it cannot be woken. Got here, so that what is woken runs in nobody's `AsyncLocalStorage`. */
const thread = addon?.onWake(call) ?? 0;

/** By which a sleeper is found from everywhere in the process. */
export interface Waker {
  readonly thread: number;
  readonly key: number;
}

/** Has `onWake` called whenever somebody wakes it; undefined where that cannot be natively. */
export function beWoken(onWake: () => void): Waker | undefined {
  if (thread === 0) return undefined;
  const key = ++lastKey;
  sleepers.set(key, onWake);
  return { thread, key };
}

/** What a sleeper throws is the thread's uncaught exception: thrown from here it would be a warning of Node's. */
function call(key: number): void {
  try {
    sleepers.get(key)?.();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

/** Nobody is called any more. */
export function letSleep({ key }: Waker): void {
  sleepers.delete(key);
}

/** Wakes a sleeper of any thread; nothing happens if it is gone. */
export function wake({ thread, key }: Waker): void {
  addon?.wake(thread, key);
}
