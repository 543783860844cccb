/**
 * `StateMachine`: an actor in the manner of OTP's gen_statem. Every message is an event; what comes of it depends on the state, and events
 * can be postponed, inserted and timed. The order of everything is gen_statem's. Knows events as data; time-outs are in a file of their own.
 */
import { channel } from "node:diagnostics_channel";
import { isDeepStrictEqual } from "node:util";
import type { ExitReason } from "../exit.js";
import type { ActorRef, AnyMessages, messages } from "../ref.js";
import { Actor, recordOf } from "./actor.js";
import type { Info } from "./info.js";
import { everyMethod } from "./methods.js";
import { refusalOf } from "./refusal.js";
import { oweReply, type Reply } from "./reply.js";
import { giveState, takeState } from "./state.js";
import {
  type Action,
  type MachineEvent,
  type QueuedEvent,
  type TimeoutAction,
  Transition,
} from "./state-machine-event.js";
import { Timeouts, TimeUp } from "./state-machine-timeouts.js";

const unhandled = channel("copal:unhandled");

// How many events in a row one turn handles, before other actors have theirs.
const eventsInARow = 64;

/** What a callback gives back. */
export type StateResult<State, Data> = Transition<State, Data> | PromiseLike<Transition<State, Data>>;

/** A machine whose states are methods: `class Door extends StateMachine<"open" | "shut", Data, Messages> implements StateMethods<…>`. */
export type StateMethods<State extends string, Data, Messages = AnyMessages> = {
  [S in State]: (event: MachineEvent<State, Messages>, data: Data) => StateResult<State, Data>;
};

/** What one event has come to so far, enter calls included. */
interface Step<State, Messages> {
  /** Nothing at the start. */
  readonly event: QueuedEvent<Messages> | undefined;
  readonly stateBefore: State;
  readonly inserted: QueuedEvent<Messages>[];
  readonly timeouts: TimeoutAction[];
  postpones: boolean;
  isEntering: boolean;
}

const goOn: unique symbol = Symbol("goOn") as never;

/**
 * An actor that is always in one state.
 *
 * `init` returns `this.next(state, data, …)`. Each event then goes to the method named after the state, or to `handleEvent` if the class has one;
 * what that returns says how to go on. `Messages` are its calls and casts, as an interface of methods: `ref.call.push()` is typed by it. An async
 * callback holds the mailbox until it settles. A static `stateEnter = true` asks for an `enter` event with every change of state.
 *
 * States are the same if they are `===` or equal in depth. After an event: postponed events come again if the state has changed, then the
 * inserted ones go before them, then those of time-outs of no time, and only then the mailbox. A call that gets no answer waits until its time-out
 * or the machine's end. An error in a callback, or a callback that returns something else, ends the machine.
 */
export abstract class StateMachine<State = string, Data = undefined, Messages = AnyMessages> extends Actor {
  /** Whether a change of state, the start included, is told by an `enter` event. */
  static readonly stateEnter: boolean = false;
  /** What its ref can say; for types only. */
  declare readonly [messages]: Messages;
  #state: State = undefined as State;
  #data: Data = undefined as Data;
  /** What is to come before the mailbox, the next one last. */
  readonly #queue: QueuedEvent<Messages>[] = [];
  #postponed: QueuedEvent<Messages>[] = [];
  readonly #timeouts: Timeouts;
  #begin: Transition<State, Data> | undefined;

  constructor() {
    super();
    this.#timeouts = new Timeouts(recordOf(this));
    const { init } = this;
    // `init` belongs to the subclass; what it returns belongs here.
    Object.defineProperty(this, "init", {
      value: (...args: readonly unknown[]) => this.#init(init.apply(this, [...args])),
    });
  }

  /** Handles every event, in every state, in a machine whose states are not methods. */
  handleEvent?(event: MachineEvent<State, Messages>, state: State, data: Data): StateResult<State, Data>;

  /** Returns how the machine begins: `this.next(state, data, …)`. If it ends the machine instead, the start fails. */
  abstract override init(...args: readonly unknown[]): StateResult<State, Data>;

  /** Its own address. */
  protected override get self(): ActorRef<this> & ActorRef<Messages> {
    return super.self as ActorRef<this> & ActorRef<Messages>;
  }

  /** The state it is in, for `terminate` and the like. */
  protected get state(): State {
    return this.#state;
  }

  /** What it remembers besides its state. */
  protected get data(): Data {
    return this.#data;
  }

  /** Goes to `state`, which may be the same one; only another one brings postponed events back. gen_statem's `next_state`. */
  protected next(state: State, data: Data, ...actions: readonly Action[]): Transition<State, Data> {
    return new Transition("next", actions, { state, data: { value: data } });
  }

  /** Stays, and remembers what it did. gen_statem's `keep_state_and_data`. */
  protected keep(...actions: readonly Action[]): Transition<State, Data> {
    return new Transition("keep", actions);
  }

  /** Stays, with other data. gen_statem's `keep_state`. */
  protected keepState(data: Data, ...actions: readonly Action[]): Transition<State, Data> {
    return new Transition("keep", actions, { data: { value: data } });
  }

  /** Stays and enters the state again, if it has `enter` events; otherwise as {@link keepState}. */
  protected repeatState(data: Data, ...actions: readonly Action[]): Transition<State, Data> {
    return new Transition("repeat", actions, { data: { value: data } });
  }

  /** As {@link repeatState}, without other data. gen_statem's `repeat_state_and_data`. */
  protected repeat(...actions: readonly Action[]): Transition<State, Data> {
    return new Transition("repeat", actions);
  }

  /** Ends the machine: `terminate` sees the data given here. Calls it has not answered fail with `ERR_ACTOR_EXIT`. */
  protected stop(reason: ExitReason = "normal", ...data: readonly [] | readonly [Data]): Transition<State, Data> {
    return this.stopAndReply(reason, [], ...data);
  }

  /** As {@link stop}, with `action.reply` answers that are given first. */
  protected stopAndReply(
    reason: ExitReason,
    replies: readonly Action[],
    ...data: readonly [] | readonly [Data]
  ): Transition<State, Data> {
    const value = data.length === 0 ? undefined : { value: data[0] };
    return new Transition("stop", replies, { reason, data: value });
  }

  /** For the runtime: what is no call and no cast is an event too. */
  override handleInfo(message: Info): unknown {
    if (message.type !== "info" || !(message.message instanceof TimeUp))
      return this.#receive({ type: "info", message });
    const event = this.#timeouts.timeUp(message.message);
    return event && this.#receive(event);
  }

  /** For the runtime: goes on where a turn ended; anything else that was given to `continueWith` is an internal event. */
  override handleContinue(message: unknown): unknown {
    if (message !== goOn) return this.#receive({ type: "internal", content: message });
    const begin = this.#begin;
    this.#begin = undefined;
    return begin ? this.#boot(begin) : this.#drain();
  }

  /** For the runtime: a call or cast of any name is an event. */
  [everyMethod](...args: readonly unknown[]): unknown {
    const cell = recordOf(this);
    const { current } = cell;
    if (current?.kind !== "call" && current?.kind !== "cast") return undefined;
    const { kind: type, method } = current;
    const event = { type, method, args, ...(current.kind === "call" && { from: oweReply(cell, current) }) };
    return this.#receive(event as unknown as QueuedEvent<Messages>);
  }

  [giveState](): { readonly state: State; readonly data: Data } {
    return { state: this.#state, data: this.#data };
  }

  [takeState]({ state, data }: { readonly state: State; readonly data: Data }): void {
    this.#state = state;
    this.#data = data;
  }

  #init(result: unknown): unknown {
    if (isThenable(result)) return Promise.resolve(result).then((later) => this.#initialised(later));
    return this.#initialised(result);
  }

  #initialised(result: unknown): void {
    if (recordOf(this).isEnding) return;
    const begin = this.#checked(result, "init");
    this.#remember(begin);
    if (begin.kind === "stop") this.exit(begin.reason);
    else if (begin.kind !== "next") throw new TypeError("`init` of a state machine returns `this.next(state, data)`");
    else {
      this.#begin = begin;
      // As in OTP: the start is complete before the first event, and nothing in the mailbox comes before that.
      this.continueWith(goOn);
    }
  }

  #boot(begin: Transition<State, Data>): unknown {
    const step = this.#newStep(undefined);
    this.#note(step, begin.actions);
    if (this.#entersStates) return this.#then(this.#run(step, { type: "enter", oldState: this.#state }));
    this.#finish(step);
    return this.#drain();
  }

  #receive(event: QueuedEvent<Messages>): unknown {
    this.#queue.push(event);
    return this.#drain();
  }

  /** Handles what comes before the mailbox until nothing is left, something is waited for, or it is others' turn. */
  #drain(): Promise<unknown> | undefined {
    for (let left = eventsInARow; !recordOf(this).isEnding; left--) {
      if (left === 0) {
        this.continueWith(goOn);
        return undefined;
      }
      const event = this.#queue.pop() ?? (this.#timeouts.takeZero() as QueuedEvent<Messages> | undefined);
      if (event === undefined) return undefined;
      const pending = this.#run(this.#newStep(event), event);
      if (pending) return this.#then(pending);
    }
    return undefined;
  }

  #then(pending: Promise<void> | undefined): Promise<unknown> | undefined {
    return pending ? pending.then(() => this.#drain()) : this.#drain();
  }

  #newStep(event: QueuedEvent<Messages> | undefined): Step<State, Messages> {
    return { event, stateBefore: this.#state, inserted: [], timeouts: [], postpones: false, isEntering: false };
  }

  /** Tells one event and the enter events it leads to. Gives a promise if a callback does. */
  #run(step: Step<State, Messages>, event: MachineEvent<State, Messages>): Promise<void> | undefined {
    for (let told: MachineEvent<State, Messages> | undefined = event; told; ) {
      const result = this.#tell(step, told);
      if (isThenable(result)) return this.#runLater(step, result);
      told = this.#apply(step, result);
    }
    return undefined;
  }

  async #runLater(step: Step<State, Messages>, pending: PromiseLike<unknown>): Promise<void> {
    let result: unknown;
    try {
      result = await pending;
    } catch (thrown) {
      result = this.#refused(step, thrown);
    }
    const told = this.#apply(step, result);
    if (told) await this.#run(step, told);
  }

  #tell(step: Step<State, Messages>, event: MachineEvent<State, Messages>): unknown {
    step.isEntering = event.type === "enter";
    try {
      if (this.handleEvent) return this.handleEvent(event, this.#state, this.#data);
      const name = this.#state as PropertyKey;
      const method = name in StateMachine.prototype ? undefined : (Reflect.get(this, name) as unknown);
      if (typeof method !== "function")
        throw new TypeError(`the state machine has no method for its state ${String(name)}`);
      return method.call(this, event, this.#data);
    } catch (thrown) {
      return this.#refused(step, thrown);
    }
  }

  /** `refuse` rejects the caller and keeps the state; everything else that is thrown goes on. */
  #refused(step: Step<State, Messages>, thrown: unknown): Transition<State, Data> {
    const refusal = refusalOf(thrown);
    if (!refusal) throw thrown;
    const event = step.event as { readonly type?: unknown; readonly from?: Reply } | undefined;
    if (event?.type === "call" && !step.isEntering) event.from?.fail(refusal.error as Error);
    else unhandled.publish({ ref: this.self, message: event, error: refusal.error });
    return this.keep();
  }

  /** Takes in what a callback came up with. Gives the enter event that is due now, or completes the step. */
  #apply(step: Step<State, Messages>, result: unknown): MachineEvent<State, Messages> | undefined {
    if (recordOf(this).isEnding) return undefined;
    const transition = this.#checked(result, "a state's callback");
    const { kind, actions } = transition;
    const changes = kind === "next" && !isSame(transition.state, this.#state);
    if (changes && step.isEntering) throw new TypeError("an `enter` event cannot change the state");
    this.#note(step, actions);
    this.#remember(transition);
    if (kind === "stop") {
      this.exit(transition.reason);
      return undefined;
    }
    if (this.#entersStates && (changes || kind === "repeat")) return { type: "enter", oldState: step.stateBefore };
    this.#finish(step);
    return undefined;
  }

  #checked(result: unknown, who: string): Transition<State, Data> {
    if (result instanceof Transition) return result as Transition<State, Data>;
    throw new TypeError(`${who} of a state machine must return what \`this.next\`, \`this.keep\` and their like make`);
  }

  #remember({ kind, state, data }: Transition<State, Data>): void {
    if (kind === "next") this.#state = state as State;
    if (data) this.#data = data.value;
  }

  #note(step: Step<State, Messages>, actions: readonly Action[]): void {
    for (const one of actions) {
      if (step.isEntering && (one.do === "postpone" || one.do === "nextEvent")) {
        throw new TypeError(`an \`enter\` event cannot do \`${one.do}\``);
      }
      if (one.do === "postpone") step.postpones = one.postpones;
      else if (one.do === "nextEvent") step.inserted.push(one.event as QueuedEvent<Messages>);
      else if (one.do === "reply") (one.from as Reply)(one.value);
      else step.timeouts.push(one);
    }
  }

  #finish({ event, stateBefore, inserted, timeouts, postpones }: Step<State, Messages>): void {
    if (postpones && event) this.#postponed.push(event);
    if (!isSame(this.#state, stateBefore)) {
      for (let last = this.#postponed.pop(); last; last = this.#postponed.pop()) this.#queue.push(last);
      this.#timeouts.stateChanged();
    }
    this.#timeouts.eventCame();
    this.#timeouts.apply(timeouts);
    for (const one of inserted.reverse()) this.#queue.push(one);
  }

  get #entersStates(): boolean {
    return (this.constructor as typeof StateMachine).stateEnter;
  }
}

function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  return typeof one === "object" && typeof other === "object" && isDeepStrictEqual(one, other);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
