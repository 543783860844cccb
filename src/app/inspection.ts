/**
 * What `inspect` tells of one actor: its condition and its state as plain data and as text. It reads what actors hold and so trusts nothing of it.
 */

import { inspect } from "node:util";
import { cloneable } from "../actors/cloneable.js";
import { nameOf } from "../actors/message-view.js";
import { formattedState } from "../actors/state.js";
import { statusOf } from "../actors/status.js";
import * as sys from "../actors/sys.js";
import { systemCall, systemRequest } from "../actors/system-call.js";
import { isCopalError } from "../errors.js";
import type { ActorRef } from "../ref.js";

/** How long an actor may take to show its state before it counts as stuck. */
const patienceMs = 1_000;

/** One actor as `copal inspect --json` shows it; absent things are null. */
export interface Inspection {
  readonly path: string;
  /** `busy`: an async callback holds the mailbox; `stuck, with its thread`: nothing more is known of it. */
  readonly condition: string;
  /** The message in hand, in a few words. */
  readonly inHand: string | null;
  readonly mailbox: number;
  /** Messages that a full mailbox had no room for. */
  readonly dropped: number;
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

/** What an actor shows of itself, made where it lives: its state may be nothing that can leave its thread. */
const showing = systemRequest("inspect", (cell) => {
  const state = formattedState(cell);
  return { status: cloneable(statusOf(cell)), state: asJson(state), text: asText(state) };
});

/**
 * Looks at an actor of any thread; one that does not answer within a second is told of without its state, and as stuck if its thread does not answer either.
 *
 * `labelOf` gives the name that people know an actor by.
 */
export async function inspectActor(
  path: string,
  ref: ActorRef,
  labelOf: (ref: ActorRef) => string,
): Promise<Inspection> {
  // Taken first: its own request would count as a message that waits.
  const glance = await inTime(sys.glance(ref, { timeoutMs: patienceMs }));
  const shown = glance && (await inTime(systemCall(ref, showing, { timeoutMs: patienceMs })));
  const status = shown?.status ?? glance;
  return {
    path,
    condition: status?.condition ?? "stuck, with its thread",
    inHand: status?.inHand ? nameOf(status.inHand) : null,
    mailbox: status?.messagesWaiting ?? 0,
    dropped: status?.messagesDropped ?? 0,
    trapExit: status?.trapExit ?? false,
    name: ref.name ?? null,
    parent: status?.parent ? labelOf(status.parent) : null,
    children: status?.children.map(labelOf) ?? [],
    links: status?.links.map(labelOf) ?? [],
    monitors: status?.monitors.map(labelOf) ?? [],
    watchers: status?.watchers ?? 0,
    statistics: status?.statistics ? { ...status.statistics } : null,
    state: shown?.state ?? null,
    stateText: shown?.text ?? null,
  };
}

/** Waits for an answer; undefined if none comes in time. */
async function inTime<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isCopalError(error, "ERR_CALL_TIMEOUT")) return undefined;
    throw error;
  }
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
