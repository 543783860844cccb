/**
 * The time-outs of a state machine, by gen_statem's rules: one of the state, one for the next event, any number by name, and those of no
 * time, which wait in a queue of their own. What an event does to them is `state-machine.ts`.
 */
import type { Cell } from "./cell.js";
import type { Timer } from "./clock.js";
import type { OtherEvent, TimeoutAction, TimeoutKey } from "./state-machine-event.js";

/** Says that time is up. It counts only as long as the time-out is the same one. */
export class TimeUp {
  readonly key: unknown;
  content: unknown;
  timer: Timer | undefined = undefined;

  constructor(key: unknown, content: unknown) {
    this.key = key;
    this.content = content;
  }
}

const stateKey = Symbol("stateTimeout");
const eventKey = Symbol("eventTimeout");

/** What runs and what waits. */
export class Timeouts {
  readonly #cell: Cell;
  readonly #running = new Map<unknown, TimeUp>();
  /** Those of no time, in the order in which they were started: key and content. */
  readonly #zero = new Map<unknown, unknown>();

  /** When a time-out's time is up, `cell` is sent a {@link TimeUp}; `timeUp` then says whether it still counts. */
  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** Carries out what one transition says of time-outs: of several about one, the last counts, in its place. */
  apply(actions: readonly TimeoutAction[]): void {
    const last = new Map<unknown, TimeoutAction>();
    for (const one of actions) {
      const key = keyOf(one.key);
      last.delete(key);
      last.set(key, one);
    }
    for (const [key, one] of last) this.#carryOut(key, one);
  }

  /** Any event calls off the event time-out. */
  eventCame(): void {
    this.#cancel(eventKey);
  }

  /** A change of state calls off the state's. */
  stateChanged(): void {
    this.#cancel(stateKey);
  }

  /** Takes the oldest time-out of no time. */
  takeZero(): OtherEvent | undefined {
    for (const [key, content] of this.#zero) {
      this.#zero.delete(key);
      return eventOf(key, content);
    }
    return undefined;
  }

  /** Takes the time-out whose time is up; nothing if it was called off, or started anew, meanwhile. */
  timeUp(up: TimeUp): OtherEvent | undefined {
    if (this.#running.get(up.key) !== up) return undefined;
    this.#running.delete(up.key);
    return eventOf(up.key, up.content);
  }

  #carryOut(key: unknown, one: TimeoutAction): void {
    if (one.do === "update") {
      const running = this.#running.get(key);
      if (running) running.content = one.content;
      else this.#zero.set(key, one.content);
      return;
    }
    this.#cancel(key);
    if (one.do === "cancel" || one.afterMs === "infinity") return;
    if (one.afterMs === 0) {
      this.#zero.set(key, one.content);
      return;
    }
    const cell = this.#cell;
    const up = new TimeUp(key, one.content);
    const timer = cell.runtime.clock.setTimer(one.afterMs, () => {
      cell.timers?.delete(timer);
      cell.send(up);
    });
    // The end of the actor calls off what is in there.
    cell.timers ??= new Set();
    cell.timers.add(timer);
    up.timer = timer;
    this.#running.set(key, up);
  }

  #cancel(key: unknown): void {
    const timer = this.#running.get(key)?.timer;
    if (timer) {
      timer.cancel();
      this.#cell.timers?.delete(timer);
    }
    this.#running.delete(key);
    this.#zero.delete(key);
  }
}

function keyOf(key: TimeoutKey): unknown {
  if (key === "stateTimeout") return stateKey;
  return key === "eventTimeout" ? eventKey : key.name;
}

function eventOf(key: unknown, content: unknown): OtherEvent {
  if (key === stateKey) return { type: "stateTimeout", content };
  return key === eventKey ? { type: "timeout", content } : { type: "timeout", name: key, content };
}
