/**
 * Everything that one process's output goes to: what it was started with, and who subscribed since. Knows subscribers by their refs and the rest by nothing
 * but that it takes output.
 */
import type { OutputForm } from "../process/output-codec.js";
import type { ActorRef } from "../ref.js";
import { cellOf } from "./address.js";
import { Consumption } from "./consumption.js";
import type { Info, OutputStream } from "./info.js";
import { onEnd } from "./monitor.js";
import type { OutputSink } from "./process-hooks.js";

/** How a subscriber gets output: one message per line (default), chunk of bytes, JSON value or frame; of one stream, or of both. */
export interface SubscribeOptions {
  readonly as?: OutputForm;
  /** Longest line, line of JSON or frame, in bytes, 1 to 268,435,456; default 1 MiB. */
  readonly maxBytes?: number;
  readonly stream?: OutputStream;
}

interface Subscription {
  readonly options: SubscribeOptions;
  readonly sink: OutputSink;
  /** Calls off the monitor by which a dead subscriber is forgotten. */
  readonly forget: () => void;
}

/** The sinks of one process. */
export class OutputSinks {
  readonly #fixed: OutputSink[] = [];
  readonly #subscriptions = new Map<ActorRef, Subscription>();

  /** How many have subscribed. */
  get subscribers(): number {
    return this.#subscriptions.size;
  }

  /** Adds what stays as long as the process. */
  add(sinks: readonly OutputSink[]): void {
    this.#fixed.push(...sinks);
  }

  /** Sends output to `ref` through `sink` as well, instead of what it had before; nothing if it has ended. */
  subscribe(ref: ActorRef, options: SubscribeOptions, sink: OutputSink): void {
    this.unsubscribe(ref);
    const cell = cellOf(ref);
    if (cell.hasEnded) return;
    this.#subscriptions.set(ref, { options, sink, forget: onEnd(cell, () => this.unsubscribe(ref)) });
  }

  /** Ends a subscription, if there is one. */
  unsubscribe(ref: ActorRef): void {
    this.#subscriptions.get(ref)?.forget();
    this.#subscriptions.delete(ref);
  }

  /** What `ref` is subscribed to; undefined if it is not. */
  optionsOf(ref: ActorRef): SubscribeOptions | undefined {
    return this.#subscriptions.get(ref)?.options;
  }

  /** Hands a chunk to all of them; `consumed` is called once, when the last of them has handled or dropped what came of it. */
  push(stream: OutputStream, bytes: Buffer, consumed: () => void): void {
    const all = new Consumption(consumed);
    for (const sink of this.#fixed) sink.push(stream, bytes, all.begin());
    for (const { sink } of this.#subscriptions.values()) sink.push(stream, bytes, all.begin());
    all.seal();
  }

  /** No more bytes of this stream will come. */
  closed(stream: OutputStream): void {
    for (const sink of this.#fixed) sink.closed(stream);
    for (const { sink } of this.#subscriptions.values()) sink.closed(stream);
  }

  /** Tells those who subscribed of the process's end. */
  ended(message: Info): void {
    for (const { sink } of this.#subscriptions.values()) sink.tell(message);
    this.forgetMonitors();
  }

  /** Nobody's end matters any more. */
  forgetMonitors(): void {
    for (const { forget } of this.#subscriptions.values()) forget();
  }
}
