/**
 * One worker thread as the main thread holds it: made, asked to end, ended by force when it does not, and what became of it as an exit reason. Knows no
 * actors; whose thread it is, others know.
 */
import { type ResourceLimits, Worker } from "node:worker_threads";
import { type ExitReason, reasonFromError } from "../exit.js";
import { inheritedArguments } from "./inherited-arguments.js";
import { LentCompute } from "./lent-compute.js";
import { LentSidecars } from "./lent-sidecars.js";
import type { ThreadOrder } from "./run-thread.js";
import type { Line, Switchboard } from "./switchboard.js";
import { makeChannel } from "./thread-port.js";
import { heardChannels } from "./thread-reports.js";

/** What limits a thread. */
export interface ThreadLimits {
  /** Memory for its JavaScript objects, in megabytes; Node's default unless given. */
  readonly heapMb?: number;
  /** Of that, memory for objects that are still young; in megabytes. */
  readonly youngHeapMb?: number;
  /** Its stack, in megabytes; Node's default, 4, unless given. */
  readonly stackMb?: number;
}

/** What to make. */
export interface WorkerThreadOptions {
  readonly board: Switchboard;
  /** The counter that all threads share. */
  readonly lingering: Int32Array;
  /** The compiled module that it runs. */
  readonly entry: URL;
  readonly thread: number;
  /** What `ps` shows. */
  readonly name: string;
  readonly isOwn: boolean;
  readonly limits: ThreadLimits;
  /** It is gone, and everything that it had said before may be heard now. */
  readonly onExit: (thread: WorkerThread, reason: ExitReason) => void;
}

/** How long a thread has to say that it heard of a kill. A healthy one needs less than a millisecond. */
const HEARING_MS = 25;
/**
 * How long it has for that before it has said its first word: it loads the modules it runs on, and hears behind them. Node never closes the files that a
 * thread was reading when it was ended by force.
 */
const COMING_UP_MS = 2_000;
/** How long a thread that has nothing left to do has to end by itself. */
const LEAVING_MS = 1_000;

/** The longest that a timer can count. */
const LONGEST_MS = 2 ** 31 - 1;

/** A worker thread. */
export class WorkerThread {
  readonly number: number;
  readonly name: string;
  readonly line: Line;
  readonly sidecars: LentSidecars;
  readonly compute: LentCompute;
  /** Its end is that of the one actor it was made for. */
  readonly isOwn: boolean;
  /** The worker thread whose actor lives here, and how long that one has when its starter is gone; undefined for the main thread's own. */
  startedBy: { readonly thread: number; readonly shutdownMs: number } | undefined = undefined;
  /** How many actors it was given that have not ended. */
  actors = 0;
  /** It was asked to leave, and gets no more actors. */
  isLeaving = false;
  readonly #worker: Worker;
  #error: ExitReason | undefined;
  /** What its actors end with because it was ended by force. */
  #verdict: ExitReason | undefined;
  #isUp = false;
  #hasExited = false;
  /** When it was asked first of what it has not heard yet. */
  #unheardSinceMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ board, lingering, entry, thread, name, isOwn, limits, onExit }: WorkerThreadOptions) {
    this.number = thread;
    this.name = name;
    this.isOwn = isOwn;
    const [near, far] = makeChannel();
    const execArgv = inheritedArguments();
    const copal: ThreadOrder = { thread, isOwn, end: far, lingering, heard: heardChannels() };
    this.#worker = new Worker(entry, {
      name,
      workerData: { copal },
      transferList: [far.port],
      ...(execArgv && { execArgv }),
      // Descriptors that became sockets are closed as such; a worker that tracks them closes their numbers once more at its end, whose ever they are by then.
      trackUnmanagedFds: false,
      resourceLimits: resourceLimits(limits),
    });
    this.line = board.open(thread, near);
    this.sidecars = new LentSidecars(this.line);
    this.compute = new LentCompute(this.line);
    this.#worker.on("error", (error: unknown) => {
      this.#error ??= reasonOf(error);
    });
    this.#worker.once("exit", (code) => {
      this.#hasExited = true;
      clearTimeout(this.#timer);
      onExit(this, this.#verdict ?? this.#error ?? { exit: code });
    });
  }

  /** Says whether it keeps Node running; it does until told otherwise. */
  hold(holds: boolean): void {
    if (holds) this.#worker.ref();
    else this.#worker.unref();
  }

  /** Asks it to end; one that does not is terminated. */
  leave(): void {
    this.isLeaving = true;
    this.line.post(["close"]);
    this.#terminateIn(LEAVING_MS);
  }

  /** It ends by itself from now on; one that does not is terminated. */
  isAboutToLeave(): void {
    this.isLeaving = true;
    this.#terminateIn(LEAVING_MS);
  }

  /** It was told to end its actor, and says when it hears of that; see {@link heard}. */
  asked(): void {
    this.#unheardSinceMs ??= performance.now();
  }

  /**
   * It must have heard of what it was told within `withinMs`, or it is terminated; see {@link heard}. At once, if it must hear now and has not even heard
   * what it was asked before: it had its time.
   */
  mustHear(withinMs: number): void {
    // Word from it may be here that nobody has looked at, if this thread was busy.
    this.line.drain();
    this.line.flush();
    const unheardMs = performance.now() - (this.#unheardSinceMs ?? Number.POSITIVE_INFINITY);
    const hearingMs = this.#isUp ? HEARING_MS : COMING_UP_MS;
    if (withinMs === 0 && unheardMs >= hearingMs) this.condemn("killed");
    else this.#terminateIn(withinMs + hearingMs);
  }

  /** It has said its first word. */
  cameUp(): void {
    this.#isUp = true;
  }

  /** It has heard. */
  heard(): void {
    this.#unheardSinceMs = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Ends it by force; what it has not ended with yet, its actors end with `verdict`. */
  condemn(verdict: ExitReason): void {
    this.isLeaving = true;
    this.#verdict ??= verdict;
    void this.#worker.terminate();
  }

  /** How long its event loop has waited for something to do, in milliseconds. Asking costs it nothing, and it need not react. */
  idleMs(): number {
    return this.#worker.performance.eventLoopUtilization().idle;
  }

  #terminateIn(delayMs: number): void {
    // Who has all the time there is may take it.
    if (this.#hasExited || delayMs > LONGEST_MS) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.condemn("killed");
    }, delayMs);
  }
}

function resourceLimits({ heapMb, youngHeapMb, stackMb }: ThreadLimits): ResourceLimits {
  return {
    ...(heapMb !== undefined && { maxOldGenerationSizeMb: heapMb }),
    ...(youngHeapMb !== undefined && { maxYoungGenerationSizeMb: youngHeapMb }),
    ...(stackMb !== undefined && { stackSizeMb: stackMb }),
  };
}

/** What the end of a thread by an error means for its actors. */
function reasonOf(error: unknown): ExitReason {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === "ERR_WORKER_OUT_OF_MEMORY" ? { limit: "memory" } : reasonFromError(error);
}
