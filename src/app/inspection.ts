/**
 * What `inspect` tells of one actor: its condition and its state as plain data and as text. It reads what actors hold and so trusts nothing of it.
 */

import { inspect } from "node:util";
import { cellOf } from "../actors/address.js";
import { nameOf } from "../actors/message-view.js";
import { getStatus, peek } from "../actors/sys.js";
import { isCopalError } from "../errors.js";
import type { ActorRef } from "../ref.js";

/** How long an actor may take to show its state before it counts as stuck. */
const patienceMs = 1_000;

/** One actor as `copal inspect --json` shows it; absent things are null. */
export interface Inspection {
  readonly path: string;
  /** `busy`: an async callback holds the mailbox. */
  readonly condition: string;
  /** The message in hand, in a few words. */
  readonly inHand: string | null;
  readonly mailbox: number;
  readonly trapExit: boolean;
  readonly name: string | null;
  readonly parent: string | null;
  readonly children: readonly string[];
  readonly links: readonly string[];
  readonly monitors: readonly string[];
  /** How many are told of its end. */
  readonly watchers: number;
  readonly statistics: Readonly<Record<string, number>> | null;
  /** As far as JSON can say it. Null also for an actor that did not show it in time. */
  readonly state: unknown;
  /** The same for people, deeper and with what JSON cannot say; null if it did not show it in time. */
  readonly stateText: string | null;
}

/** Looks at an actor; one that does not answer within a second is told of without its state. */
export async function inspectActor(path: string, ref: ActorRef): Promise<Inspection> {
  // Taken first: its own request would count as a message that waits.
  const glance = peek(ref);
  const shown = await getStatus(ref, { timeoutMs: patienceMs }).catch((error: unknown) => {
    if (isCopalError(error, "ERR_CALL_TIMEOUT")) return undefined;
    throw error;
  });
  const status = shown ?? glance;
  return {
    path,
    condition: status.condition,
    inHand: status.inHand ? nameOf(status.inHand) : null,
    mailbox: status.messagesWaiting,
    trapExit: status.trapExit,
    name: ref.name ?? null,
    parent: status.parent ? labelOf(status.parent) : null,
    children: status.children.map(labelOf),
    links: status.links.map(labelOf),
    monitors: status.monitors.map(labelOf),
    watchers: status.watchers,
    statistics: status.statistics ? { ...status.statistics } : null,
    state: shown ? asJson(shown.state) : null,
    stateText: shown ? asText(shown.state) : null,
  };
}

function labelOf(ref: ActorRef): string {
  return cellOf(ref).label;
}

function asJson(state: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(state, plain) ?? "null");
  } catch {
    return null;
  }
}

/** What JSON would leave out, as something that it can say. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value];
  return typeof value === "bigint" || typeof value === "symbol" ? String(value) : value;
}

function asText(state: unknown): string {
  try {
    return inspect(state, { depth: 6, customInspect: false, maxArrayLength: 100, maxStringLength: 1_000 });
  } catch {
    return "a state that cannot be printed";
  }
}
