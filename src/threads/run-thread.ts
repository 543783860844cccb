/**
 * The life of a worker thread: it makes its runtime, opens its line to the main thread, starts what it is told to start, and ends by itself when its
 * work is done or it is asked to.
 */
import type { MessagePort } from "node:worker_threads";
import { workerData } from "node:worker_threads";
import { isIgnore } from "../actors/ignore.js";
import { Runtime, setRuntimeOfThread } from "../actors/runtime.js";
import { borrowSidecars } from "../sidecar/thread-sidecars.js";
import { BorrowedSidecars } from "./borrowed-sidecars.js";
import { BorrowedThreads } from "./borrowed-threads.js";
import { causeOf, receive } from "./incoming.js";
import { packError, packReason } from "./parcel.js";
import { type Line, Switchboard } from "./switchboard.js";
import { borrowThreads } from "./thread-host.js";
import type { ThreadMessage } from "./thread-message.js";
import { forwardReports } from "./thread-reports.js";
import { type ClassLoader, startOrdered } from "./worker-start.js";

/** What a worker thread is told when it is made. */
export interface ThreadOrder {
  readonly thread: number;
  /** Its end is that of the first actor it starts. */
  readonly isOwn: boolean;
  readonly port: MessagePort;
  readonly lingering: Int32Array;
  /** What of its reports the main thread wants to be told. */
  readonly heard: readonly string[];
}

/** Runs this worker thread; `load` imports the classes of its actors. */
export function runThread(load: ClassLoader): void {
  const { thread, isOwn, port, lingering, heard } = (workerData as { readonly copal: ThreadOrder }).copal;
  const runtime = new Runtime({ thread });
  setRuntimeOfThread(runtime);
  const board = new Switchboard(runtime, lingering, (line, message) => {
    // Who orders an end by force takes this thread for stuck, and ends it, unless it hears soon that the order was heard.
    if (message[0] === "callOff" || (message[0] === "exit" && message[3] === "kill")) main.postNow(["ending"]);
    if (!receive(line, message)) obey(line, message);
  });
  const main = board.open(0, port, true);
  board.onLast = (reason, cause) => {
    const id = board.lastActor?.ref.id ?? 0;
    const told = cause === undefined ? undefined : packError(cause);
    main.post(["last", { id, reason: packReason(reason), cause: told, ignored: isIgnore(cause) }]);
    // Behind what the end still has to say.
    setImmediate(leave);
  };
  const lost = ([, thread, reason, word]: Extract<ThreadMessage, readonly ["lost", ...unknown[]]>): void =>
    board.lost(thread, reason, word, word && causeOf(main, word.cause, word.ignored));
  const leave = (): void => {
    board.flush();
    process.exit(0);
  };
  const sidecars = new BorrowedSidecars(main);
  borrowSidecars(() => sidecars.host());
  const threads = new BorrowedThreads(main);
  borrowThreads(threads);
  forwardReports(main, heard);
  const obey = (line: Line, message: ThreadMessage): void => {
    switch (message[0]) {
      case "start":
        startOrdered(line, message[1], load, isOwn);
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
      case "lost":
        // Its actors may have started those that live here, who end with them.
        main.postNow(["ending"]);
        lost(message);
        break;
      case "close":
        leave();
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
    }
  };
}
