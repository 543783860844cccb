/**
 * Looking on at one actor: traces and statistics. Made when somebody asks for it and gone when nobody does, so that other actors pay one
 * comparison per message. Knows messages as views, not what they do.
 */
import { channel } from "node:diagnostics_channel";
import type { ActorRef } from "../ref.js";
import type { Cell } from "./cell.js";
import type { Call, Envelope } from "./envelope.js";
import { type MessageView, viewOf } from "./message-view.js";
import { formattedState } from "./state.js";

/** What a trace shows of an actor, in order. */
export type TraceEvent =
  /** A message is taken in hand. */
  | { readonly type: "in"; readonly ref: ActorRef; readonly message: MessageView }
  /** A call is answered with `value`, or refused with `error`. */
  | { readonly type: "out"; readonly ref: ActorRef; readonly method: string; readonly value: unknown }
  | { readonly type: "out"; readonly ref: ActorRef; readonly method: string; readonly error: unknown }
  /** A message is done with and the state is another: one of its fields is not what it was, if it is an object. */
  | { readonly type: "state"; readonly ref: ActorRef; readonly state: unknown };

/** Takes what a trace shows, at once; what it throws ends the trace. */
export type TraceSink = (event: TraceEvent) => void;

/** Counts since statistics were turned on. */
export interface Statistics {
  /** Milliseconds since 1970. */
  readonly startTime: number;
  /** Milliseconds since 1970. */
  readonly currentTime: number;
  /** Messages taken in hand, those of `sys` not counted. */
  readonly messagesIn: number;
  /** Answers given, refusals included. */
  readonly messagesOut: number;
  /** Messages done with. */
  readonly reductions: number;
}

const unhandled = channel("copal:unhandled");

/** Who looks on at one actor, and what was counted. */
export class Debug {
  readonly #sinks = new Set<TraceSink>();
  #state: unknown;
  #counts: { startTime: number; messagesIn: number; messagesOut: number; reductions: number } | undefined;

  /** True if nobody looks on any more. */
  get isIdle(): boolean {
    return this.#sinks.size === 0 && this.#counts === undefined;
  }

  addSink(cell: Cell, sink: TraceSink): void {
    if (this.#sinks.size === 0) this.#state = formattedState(cell);
    this.#sinks.add(sink);
  }

  removeSink(sink: TraceSink): void {
    this.#sinks.delete(sink);
  }

  /** Starts counting from 0, or stops. */
  count(counts: boolean): void {
    this.#counts = counts ? { startTime: Date.now(), messagesIn: 0, messagesOut: 0, reductions: 0 } : undefined;
  }

  get statistics(): Statistics | undefined {
    return this.#counts && { ...this.#counts, currentTime: Date.now() };
  }

  received({ ref }: Cell, envelope: Envelope): void {
    if (this.#counts) this.#counts.messagesIn++;
    if (this.#sinks.size > 0) this.#show({ type: "in", ref, message: viewOf(envelope) });
  }

  answered({ ref }: Cell, { method }: Call, value: unknown): void {
    if (this.#counts) this.#counts.messagesOut++;
    if (this.#sinks.size > 0) this.#show({ type: "out", ref, method, value });
  }

  refused({ ref }: Cell, { method }: Call, error: unknown): void {
    if (this.#counts) this.#counts.messagesOut++;
    if (this.#sinks.size > 0) this.#show({ type: "out", ref, method, error });
  }

  handled(cell: Cell): void {
    if (this.#counts) this.#counts.reductions++;
    if (this.#sinks.size === 0) return;
    const state = formattedState(cell);
    if (isSame(state, this.#state)) return;
    this.#state = state;
    this.#show({ type: "state", ref: cell.ref, state });
  }

  #show(event: TraceEvent): void {
    for (const sink of [...this.#sinks]) {
      try {
        sink(event);
      } catch (error) {
        this.#sinks.delete(sink);
        unhandled.publish({ ref: event.ref, message: event, error });
      }
    }
  }
}

/** Compares one level deep; never throws. */
function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  try {
    const keys = Object.keys(one);
    if (keys.length !== Object.keys(other).length) return false;
    return keys.every((key) => Object.is(Reflect.get(one, key), Reflect.get(other, key)));
  } catch {
    return false;
  }
}
