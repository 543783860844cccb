/**
 * The threads that run functions for actors, of which a process has one pool: a queue by priority before a piscina, which makes threads, ends them, and lets
 * idle ones go. Knows neither actors nor arguments nor answers: those go over a port of their own between who asked and the thread.
 */
import { channel } from "node:diagnostics_channel";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { MessagePort, Worker } from "node:worker_threads";
import type { Piscina } from "piscina";
import { type ExitReason, reasonFromError } from "../exit.js";
import { type ComputeWork, stages } from "./computation.js";
import type { ComputeEnd, ComputeHost, ComputeJob, ComputeOrder } from "./compute-host.js";
import { PriorityQueue } from "./priority-queue.js";

/** What the pool may use. */
export interface ComputeLimits {
  /** How many functions run at once; one less than the machine has cores, and at least one, unless given. */
  readonly threads?: number;
  /** How many may wait besides; any number unless given. */
  readonly queue?: number;
  /** Memory for the JavaScript objects of each thread, in megabytes; Node's default unless given. */
  readonly heapMb?: number;
}

/** How long a thread without work stays. */
const IDLE_MS = 1_000;
/** How long a module may still load for a function that was called off, before its thread is ended. */
const CALLED_OFF_MS = 1_000;

const broken = channel("copal:compute");

/** The pool. */
export class ComputePool implements ComputeHost {
  readonly #entry: URL;
  #limits: ComputeLimits = {};
  #threads: Promise<Piscina> | undefined;
  readonly #waiting = new PriorityQueue<Job>();
  readonly #running = new Set<Job>();

  /** `entry` is the compiled module that its threads run, with an export `compute`. */
  constructor(entry: URL) {
    this.#entry = entry;
  }

  /** Sets other limits. What waits and runs stays; threads that were made under other limits go when they are idle. */
  limit(limits: ComputeLimits): void {
    const { threads, heapMb } = this.#limits;
    if (threads !== limits.threads || heapMb !== limits.heapMb) this.#threads = undefined;
    this.#limits = limits;
    this.#startNext();
  }

  submit(order: ComputeOrder, port: MessagePort, onEnd: (end: ComputeEnd) => void): ComputeJob {
    const stage = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const job: Job = { order, port, onEnd, stage, aborted: new AbortController() };
    const { queue: capacity = Number.POSITIVE_INFINITY } = this.#limits;
    if (this.#running.size < this.#mostThreads) void this.#run(job);
    else if (this.#waiting.size < capacity + this.#almostFree) this.#waiting.push(job, order.priority);
    else {
      port.close();
      onEnd({ kind: "full", capacity });
    }
    return { abort: () => this.#abort(job) };
  }

  get #mostThreads(): number {
    return this.#limits.threads ?? Math.max(1, availableParallelism() - 1);
  }

  /**
   * How many threads have brought their function to its end, or are being ended with it, and are not free yet. Who asked knows already and may ask for the next:
   * that is not to be one too many.
   */
  get #almostFree(): number {
    let count = 0;
    for (const { stage, aborted } of this.#running)
      if (aborted.signal.aborted || Atomics.load(stage, 0) >= stages.over) count++;
    return count;
  }

  /**
   * A function that runs ends with its thread. One that does not run yet never will, and its thread is kept: Node loses the descriptors of files that a thread is
   * just opening when it is ended, and that is what one does that starts or loads a module.
   */
  #abort(job: Job): void {
    if (this.#waiting.remove(job, job.order.priority)) {
      job.port.close();
      job.onEnd({ kind: "over" });
      return;
    }
    const stage = Atomics.compareExchange(job.stage, 0, stages.loading, stages.calledOff);
    if (stage === stages.loading) {
      job.calledOff = setTimeout(() => job.aborted.abort(), CALLED_OFF_MS).unref();
      job.onEnd({ kind: "over" });
    } else if (stage !== stages.calledOff) job.aborted.abort();
  }

  async #run(job: Job): Promise<void> {
    this.#running.add(job);
    const end = await this.#outcome(job);
    this.#running.delete(job);
    this.#startNext();
    clearTimeout(job.calledOff);
    if (job.calledOff === undefined) job.onEnd(end);
  }

  #startNext(): void {
    while (this.#running.size < this.#mostThreads) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      void this.#run(job);
    }
  }

  /** Resolves when nothing of `job` runs any more. */
  async #outcome(job: Job): Promise<ComputeEnd> {
    const { order, port, stage, aborted } = job;
    try {
      this.#threads ??= this.#open();
      job.threads = await this.#threads;
      const work: ComputeWork = { order, port, stage };
      Object.defineProperty(work, queueOptions, { value: job });
      await job.threads.run(work, { transferList: [port], signal: aborted.signal });
      return { kind: "over" };
    } catch (error) {
      port.close();
      const { thread, threads } = job;
      // Piscina tells before a thread is gone. One that it keeps is well: then the port could not be moved there, since who asked is no more.
      const ended = thread && !threads?.threads.includes(thread) ? await endOf(thread) : undefined;
      if (aborted.signal.aborted && job.startFailure === undefined) return { kind: "over" };
      return { kind: "lost", reason: ended ?? job.startFailure ?? reasonFromError(error) };
    }
  }

  async #open(): Promise<Piscina> {
    const { Piscina } = await import("piscina");
    const { heapMb } = this.#limits;
    let startFailure: ExitReason = { error: { name: "Error", message: "the thread did not start" } };
    const threads: Piscina = new Piscina({
      filename: fileURLToPath(this.#entry),
      name: "compute",
      minThreads: 0,
      maxThreads: this.#mostThreads,
      idleTimeout: IDLE_MS,
      recordTiming: false,
      // A thread that slept in `Atomics.wait` would keep what a function has left behind, such as a timer that throws, for the next function.
      atomics: "disabled",
      taskQueue: unusedQueue,
      loadBalancer: (task, workers) => assign(Reflect.get(task, queueOptions) as Job, workers, threads.threads),
      ...(heapMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapMb } }),
    });
    // A thread that breaks while nobody has it harms nobody.
    threads.on("error", (error: unknown) => {
      startFailure = reasonOf(error);
      if (broken.hasSubscribers) broken.publish({ error });
    });
    // Where no thread is left, none comes for a task that piscina holds back for one: the one it was to be did not start.
    threads.on("workerDestroy", () => {
      setImmediate(() => {
        if (threads.threads.length > 0) return;
        for (const job of this.#running) if (job.threads === threads && !job.thread) fail(job, startFailure);
      });
    });
    return threads;
  }
}

/** The key under which piscina hands a task's own record to the balancer. */
const queueOptions: unique symbol = Symbol.for("Piscina.queueOptions") as never;

/**
 * Piscina queues tasks that can be aborted beside its task queue, where neither priority nor limit count, and takes them out of both when they are: so the queue
 * is ours, a task is handed over only when there is a thread for it, and this one stays empty.
 */
const unusedQueue = {
  size: 0,
  shift: () => null,
  push: () => {},
  remove: () => {},
};

/** An order on its way through the pool. */
interface Job {
  readonly order: ComputeOrder;
  readonly port: MessagePort;
  readonly onEnd: (end: ComputeEnd) => void;
  readonly stage: Int32Array;
  readonly aborted: AbortController;
  /** Set for one that was called off before it ran, of which who asked has been told: ends its thread. */
  calledOff?: NodeJS.Timeout;
  /** The pool it was handed to. */
  threads?: Piscina;
  /** The thread that has it. */
  thread?: Worker;
  /** Why it got none. */
  startFailure?: ExitReason;
}

/** Gives the thread that `job` is to have, and notes it; `null` if all are taken. */
function assign<W extends { readonly id: number; readonly currentUsage: number }>(
  job: Job,
  workers: readonly W[],
  threads: readonly Worker[],
): W | null {
  const free = workers.flatMap((worker) => {
    const thread = threads.find(({ threadId }) => threadId === worker.id);
    return thread && worker.currentUsage === 0 ? [{ worker, thread }] : [];
  });
  // One that has run something is there at once, another may still be starting.
  const best = free.find(({ thread }) => ends.has(thread)) ?? free[0];
  if (best === undefined) return null;
  void endOf(best.thread);
  job.thread = best.thread;
  return best.worker;
}

function fail(job: Job, reason: ExitReason): void {
  job.startFailure = reason;
  job.aborted.abort();
}

const ends = new WeakMap<Worker, Promise<ExitReason>>();

/** Resolves when `thread` is gone, with why. It must be asked for the first time while the thread is well. */
function endOf(thread: Worker): Promise<ExitReason> {
  let end = ends.get(thread);
  if (end === undefined) {
    end = new Promise((resolve) => {
      let reason: ExitReason | undefined;
      thread.once("error", (error: unknown) => {
        reason = reasonOf(error);
      });
      thread.once("exit", (code) => resolve(reason ?? { exit: code }));
    });
    ends.set(thread, end);
  }
  return end;
}

function reasonOf(error: unknown): ExitReason {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === "ERR_WORKER_OUT_OF_MEMORY" ? { limit: "memory" } : reasonFromError(error);
}
