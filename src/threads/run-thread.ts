/**
 * The life of a worker thread: it makes its runtime, opens its line to the main thread, starts what it is told to start, and ends by itself when its
 * work is done or it is asked to.
 */
import { workerData } from "node:worker_threads";
import { isIgnore } from "../actors/ignore.js";
import { Runtime, setRuntimeOfThread } from "../actors/runtime.js";
import { borrowCompute } from "../compute/compute-host.js";
import { borrowSidecars } from "../sidecar/thread-sidecars.js";
import { BorrowedCompute } from "./borrowed-compute.js";
import { BorrowedSidecars } from "./borrowed-sidecars.js";
import { BorrowedThreads } from "./borrowed-threads.js";
import { GuardedActors } from "./guarded-actors.js";
import { causeOf, receive } from "./incoming.js";
import { Loads, setLoadsOfThread } from "./loads.js";
import { packError, packReason } from "./parcel.js";
import { type Line, Switchboard } from "./switchboard.js";
import { borrowThreads } from "./thread-host.js";
import type { ThreadMessage } from "./thread-message.js";
import type { ChannelEnd } from "./thread-port.js";
import { forwardReports } from "./thread-reports.js";
import { type ClassLoader, startOrdered } from "./worker-start.js";

/** What a worker thread is told when it is made. */
export interface ThreadOrder {
  readonly thread: number;
  /** Its end is that of the first actor it starts. */
  readonly isOwn: boolean;
  readonly end: ChannelEnd;
  readonly lingering: Int32Array;
  /** Where it counts what it loads. */
  readonly loading: Int32Array;
  /** What of its reports the main thread wants to be told. */
  readonly heard: readonly string[];
}

/** Runs this worker thread; `load` imports the classes of its actors. */
export function runThread(load: ClassLoader): void {
  const { thread, isOwn, end, lingering, loading, heard } = (workerData as { readonly copal: ThreadOrder }).copal;
  const runtime = new Runtime({ thread });
  setRuntimeOfThread(runtime);
  const board = new Switchboard(runtime, lingering, (line, message) => {
    // Who orders an end takes this thread for stuck, and ends it by force, unless it hears in time that the order was heard.
    if (message[0] === "callOff" || (message[0] === "exit" && message[4] !== "link")) main.postNow(["ending"]);
    if (!receive(line, message)) obey(line, message);
  });
  const main = board.open(0, end, true);
  board.onLast = (reason, cause) => {
    const id = board.lastActor?.ref.id ?? 0;
    const told = cause === undefined ? undefined : packError(cause);
    main.post(["last", { id, reason: packReason(reason), cause: told, ignored: isIgnore(cause) }]);
    // Behind what the end still has to say.
    setImmediate(leave);
  };
  const loads = new Loads(loading);
  setLoadsOfThread(loads);
  const leave = (): void => {
    board.flush();
    if (!loads.areUnderWay) process.exit(0);
    void loads.settled().then(() => process.exit(0));
  };
  const guarded = new GuardedActors(runtime, main);
  const sidecars = new BorrowedSidecars(main);
  borrowSidecars(() => sidecars.host());
  const compute = new BorrowedCompute(main);
  borrowCompute(compute);
  const threads = new BorrowedThreads(main);
  borrowThreads(threads);
  forwardReports(main, heard);
  const obey = (line: Line, message: ThreadMessage): void => {
    switch (message[0]) {
      case "start":
        startOrdered(line, message[1], (...order) => loads.track(load(...order)), isOwn, guarded);
        break;
      case "placed":
        threads.placed(message[1], message[2]);
        break;
      case "notPlaced":
        threads.notPlaced(message[1], message[2]);
        break;
      case "connected":
        // What its maker had said before it said anything to others is heard before them.
        board.open(message[1], message[2]).drain();
        break;
      case "lost": {
        // Its actors may have started those that live here, who end with them.
        main.postNow(["ending"]);
        const [, lost, reason, lastWord] = message;
        board.lost(lost, reason, lastWord, lastWord && causeOf(main, lastWord.cause, lastWord.ignored));
        break;
      }
      case "close":
        leave();
        break;
      case "ask":
        main.postNow(["sign"]);
        break;
      case "lent":
        sidecars.runsAt(message[1]);
        break;
      case "notLent":
        sidecars.failed(message[1]);
        break;
      case "swept":
        sidecars.swept(message[1]);
        break;
      case "computed":
        compute.ended(message[1], message[2]);
        break;
    }
  };
  loads.begin();
  // The first word: what was told so far is heard from now on.
  main.postNow(["sign"]);
}
