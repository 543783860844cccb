/**
 * From a ref to the record behind it, within this thread. The only place that looks through a ref.
 */
import { UnsupportedError } from "../errors.js";
import { type ActorRef, portOf } from "../ref.js";
import type { Cell } from "./cell.js";

/**
 * Returns the record of the actor behind `ref`, also when it has ended.
 *
 * @throws {UnsupportedError} if the actor lives in another thread.
 */
export function cellOf(ref: ActorRef): Cell {
  const port = portOf(ref);
  if ("mailboxLength" in port) return port as Cell;
  throw new UnsupportedError("an actor of another thread is not supported here yet", { feature: "thread" });
}
