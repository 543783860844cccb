/**
 * A worker thread's side of a start: it makes the actor that another thread has ordered, from a module, and says how that went.
 */
import { Cell } from "../actors/cell.js";
import { isIgnore } from "../actors/ignore.js";
import { connect } from "../actors/link.js";
import { onEnd } from "../actors/monitor.js";
import { constructLater } from "../actors/start-actor.js";
import { reasonFromError } from "../exit.js";
import type { ActorRef } from "../ref.js";
import type { GuardedActors } from "./guarded-actors.js";
import { packError, packReason } from "./parcel.js";
import type { Line } from "./switchboard.js";
import type { ModuleSource, StartOrder } from "./thread-message.js";

/**
 * Imports the class of `actor`, which is there already and waits for it; `context` is what the starter's side said besides. Rejects if the module cannot be
 * had or has no such class.
 */
export type ClassLoader = (source: ModuleSource, context: unknown, actor: ActorRef) => Promise<new () => object>;

/**
 * Starts the actor of an order. Its record is there at once, so that everything that is sent to it from now on is kept for it; its first turn comes when
 * its class is loaded.
 */
export function startOrdered(
  line: Line,
  order: StartOrder,
  load: ClassLoader,
  isLast: boolean,
  guarded?: GuardedActors,
): void {
  const { board } = line;
  const { runtime } = board;
  const parent = order.parent === undefined ? undefined : board.cellOf(order.parent);
  const [args, context] = line.unpack(order.args, order.isPacked) as readonly [unknown[], unknown];
  let type: (new () => object) | undefined;
  const cell: Cell = new Cell(runtime, {
    construct: (self) => constructLater(self, type as new () => object),
    args,
    parent: parent ?? null,
    name: undefined,
    label: order.label,
    shutdownMs: order.shutdownMs,
    mailbox: order.mailbox,
    onStarted: () => line.post(["started", order.id]),
    onStartFailed: () => {
      if (isLast) return;
      const { reason, cause } = cell;
      const told = cause === undefined ? undefined : packError(cause);
      line.post(["startFailed", order.id, packReason(reason), told, isIgnore(cause)]);
    },
    address: { id: order.id, thread: runtime.thread },
    waits: true,
  });
  if (isLast) board.lastActor = cell;
  board.watchOf(cell).add(line);
  if (parent) connect(parent, cell);
  guarded?.loads(cell, order.watchdogMs);
  if (order.place !== undefined) {
    const main = board.lineTo(0);
    main.post(["housed", line.thread, order.place]);
    onEnd(cell, () => main.post(["vacated"]));
  }
  load(order.source, context, cell.ref).then(
    (loaded) => {
      type = loaded;
      cell.free();
    },
    (thrown: unknown) => {
      const reason = reasonFromError(thrown);
      const message = typeof reason === "object" && "error" in reason ? reason.error.message : String(thrown);
      cell.end({ startFailed: { stage: "module", message } }, false, thrown);
    },
  );
}
