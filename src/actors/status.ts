/**
 * What an actor is doing, read off its record without asking it. Knows nothing of its state.
 */
import type { ActorRef } from "../ref.js";
import type { Cell } from "./cell.js";
import type { Statistics } from "./debug.js";
import { type MessageView, viewOf } from "./message-view.js";

/** What an actor is doing, as far as the runtime knows. */
export interface ActorStatus {
  readonly ref: ActorRef;
  readonly label: string;
  /** `busy`: an async callback holds the mailbox. */
  readonly condition: "starting" | "running" | "busy" | "suspended" | "ending";
  /** The message in hand; undefined if there is none. */
  readonly inHand: MessageView | undefined;
  readonly messagesWaiting: number;
  /** How many were dropped because its mailbox was full. */
  readonly messagesDropped: number;
  readonly trapExit: boolean;
  readonly parent: ActorRef | undefined;
  readonly children: readonly ActorRef[];
  readonly links: readonly ActorRef[];
  /** Actors whose end it is told of. */
  readonly monitors: readonly ActorRef[];
  /** How many watch it. */
  readonly watchers: number;
  readonly statistics: Statistics | undefined;
}

/** Says what the actor of `cell` is doing now. */
export function statusOf(cell: Cell): ActorStatus {
  const refsOf = (cells: Iterable<Cell> = []): ActorRef[] => [...cells].map(({ ref }) => ref);
  return {
    ref: cell.ref,
    label: cell.label,
    condition: conditionOf(cell),
    inHand: cell.current && viewOf(cell.current),
    messagesWaiting: cell.mailboxLength,
    messagesDropped: cell.bound?.dropped ?? 0,
    trapExit: cell.trapExit,
    parent: cell.parent?.ref,
    children: refsOf(cell.children),
    links: refsOf(cell.links),
    monitors: [...(cell.watching?.values() ?? [])].map(({ target }) => target.ref),
    watchers: cell.monitors.size,
    statistics: cell.debug?.statistics,
  };
}

function conditionOf(cell: Cell): ActorStatus["condition"] {
  if (cell.isEnding) return "ending";
  if (!cell.hasStarted) return "starting";
  if (cell.detour?.isSuspended) return "suspended";
  return cell.isBusy ? "busy" : "running";
}
