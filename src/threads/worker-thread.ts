/**
 * One worker thread as the main thread holds it: made, asked to end, ended by force when it does not, and what became of it as an exit reason. Knows no
 * actors; whose thread it is, others know.
 */
import { type ResourceLimits, Worker } from "node:worker_threads";
import { type ExitReason, reasonFromError } from "../exit.js";
import { inheritedArguments } from "./inherited-arguments.js";
import { LentCompute } from "./lent-compute.js";
import { LentSidecars } from "./lent-sidecars.js";
import { Loads } from "./loads.js";
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
 * How long the end of a thread by force waits at most for what is being loaded there. Node never closes the files that a thread was about to read when it was
 * ended.
 */
const LOADING_MS = 2_000;
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
  /** What it loads now: at first, the modules it runs on. */
  readonly loads = new Loads();
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
    const copal: ThreadOrder = {
      thread,
      isOwn,
      end: far,
      lingering,
      loading: this.loads.count,
      heard: heardChannels(),
    };
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
    if (withinMs === 0 && unheardMs >= HEARING_MS) this.condemn("killed");
    else this.#terminateIn(withinMs + HEARING_MS);
  }

  /** It has heard. */
  heard(): void {
    this.#unheardSinceMs = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Ends it by force; what it has not ended with yet, its actors end with `verdict`. It has `loadingMs` for what it loads now, which is of no use where its
   * event loop does not turn.
   */
  condemn(verdict: ExitReason, loadingMs = LOADING_MS): void {
    this.isLeaving = true;
    this.#verdict ??= verdict;
    this.#terminate(loadingMs, false);
  }

  /** How long its event loop has waited for something to do, in milliseconds. Asking costs it nothing, and it need not react. */
  idleMs(): number {
    return this.#worker.performance.eventLoopUtilization().idle;
  }

  /** Once nothing is being loaded, it has its time to hear what it was told meanwhile. */
  #terminate(loadingMs: number, wasLoading: boolean): void {
    if (this.#hasExited) return;
    const isLoading = loadingMs > 0 && this.loads.areUnderWay;
    if (!isLoading && !wasLoading) void this.#worker.terminate();
    else setTimeout(() => this.#terminate(loadingMs - HEARING_MS, isLoading), HEARING_MS);
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
