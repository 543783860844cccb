/**
 * Who is who in one run on Copal: every incarnation's name, which one of an id is the last, who has ended and how; and the lines of
 * the trace.
 */
import { cellOf } from "#src/actors/address.js";
import { onEnd } from "#src/actors/monitor.js";
import type { ActorRef } from "#src/ref.js";
import { reasonText } from "./reason-text.js";

/** What is known of one incarnation. */
export interface Known {
  readonly id: string;
  /** The id and the number of the start that brought it up: `a#2`. */
  readonly name: string;
  readonly kind: "worker" | "supervisor" | "simple";
}

/** The census of one run. */
export class Census {
  readonly lines: string[] = [];
  readonly #starts = new Map<string, number>();
  readonly #known = new Map<ActorRef, Known>();
  readonly #last = new Map<string, ActorRef>();
  #ended: string[] = [];

  log(line: string): void {
    this.lines.push(line);
  }

  /** The name of the start of `id` that is about to be made. */
  nextName(id: string): { readonly number: number; readonly name: string } {
    const number = (this.#starts.get(id) ?? 0) + 1;
    this.#starts.set(id, number);
    return { number, name: `${id}#${number}` };
  }

  /** Takes up an actor that has just come up: how it ends is known from here on. */
  watch(ref: ActorRef, known: Known): void {
    this.#known.set(ref, known);
    this.#last.set(known.id, ref);
    onEnd(cellOf(ref), (reason) => this.#ended.push(`ended ${known.name} ${reasonText(reason)}`));
  }

  of(ref: ActorRef): Known | undefined {
    return this.#known.get(ref);
  }

  nameOf(ref: ActorRef): string {
    return this.#known.get(ref)?.name ?? "?";
  }

  /** The incarnation of `id` that came up last, whether it still runs or not. */
  last(id: string): ActorRef | undefined {
    return this.#last.get(id);
  }

  /** The running incarnation of `id`. */
  running(id: string): ActorRef | undefined {
    const ref = this.#last.get(id);
    return ref && !cellOf(ref).hasEnded ? ref : undefined;
  }

  /** All that have not ended. */
  alive(): ActorRef[] {
    return [...this.#known.keys()].filter((ref) => !cellOf(ref).hasEnded);
  }

  /** Gives the ends since the last time, in the order of their names. */
  takeEnded(): string[] {
    const ended = this.#ended.sort();
    this.#ended = [];
    return ended;
  }
}
