/**
 * What a thread may use, from the checked fields of a config to what threads are made by. It knows no schema, so that it can be had without one.
 */
import type { PoolOptions } from "../threads/thread-pools.js";
import type { ThreadLimits } from "../threads/worker-thread.js";

/** Limits as they are written, in megabytes. */
export interface LimitValues {
  readonly heap?: number | { readonly old?: number | undefined; readonly young?: number | undefined } | undefined;
  readonly stack?: number | undefined;
}

/** Turns checked fields into a thread's limits; what is not given is Node's default. */
export function threadLimits({ heap, stack }: LimitValues): ThreadLimits {
  const { old: heapMb, young: youngHeapMb } = typeof heap === "object" ? heap : { old: heap, young: undefined };
  return {
    ...(heapMb !== undefined && { heapMb }),
    ...(youngHeapMb !== undefined && { youngHeapMb }),
    ...(stack !== undefined && { stackMb: stack }),
  };
}

/** Turns a checked `pool` into what its threads are made by. */
export function poolOptions({
  size,
  ...limits
}: LimitValues & { readonly size?: number | undefined } = {}): PoolOptions {
  return { ...threadLimits(limits), ...(size !== undefined && { size }) };
}
