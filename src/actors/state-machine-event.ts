/**
 * What a state machine is told and what it answers: events, actions and transitions, as plain data. Typed by the machine's messages;
 * what is done with them is `state-machine.ts`.
 */
import type { ExitReason } from "../exit.js";
import type { Info } from "./info.js";
import type { Reply } from "./reply.js";

/** A call of one of the machine's messages; `from` takes the answer, now or from any later event. */
export type CallEvent<Messages> = {
  [K in keyof Messages]: Messages[K] extends (...args: infer Args) => infer Result
    ? {
        readonly type: "call";
        readonly method: K;
        readonly args: Readonly<Args>;
        readonly from: Reply<Awaited<Result>>;
      }
    : never;
}[keyof Messages];

/** A cast of one of the machine's messages. */
export type CastEvent<Messages> = {
  [K in keyof Messages]: Messages[K] extends (...args: infer Args) => unknown
    ? { readonly type: "cast"; readonly method: K; readonly args: Readonly<Args> }
    : never;
}[keyof Messages];

/** Everything else that can be inserted with `action.nextEvent`. */
export type OtherEvent =
  | { readonly type: "info"; readonly message: Info }
  /** The event time-out, without a `name`, or the one of this name. */
  | { readonly type: "timeout"; readonly name?: unknown; readonly content: unknown }
  | { readonly type: "stateTimeout"; readonly content: unknown }
  /** Comes from the machine itself alone: inserted, or given to `continueWith`. */
  | { readonly type: "internal"; readonly content: unknown };

/** A state is entered: for the first time, from another one, or again. */
export interface EnterEvent<State> {
  readonly type: "enter";
  /** The state before; the same one at the start and when it is repeated. */
  readonly oldState: State;
}

/** What can be inserted as an event. */
export type QueuedEvent<Messages> = CallEvent<Messages> | CastEvent<Messages> | OtherEvent;

/** What a state machine is told, told apart by `type`, and calls and casts by `method`. */
export type MachineEvent<State, Messages> = QueuedEvent<Messages> | EnterEvent<State>;

/** Which time-out: of the state, for the next event, or by a name, which may be anything. */
export type TimeoutKey = "stateTimeout" | "eventTimeout" | { readonly name: unknown };

/** What to do besides going on; made by {@link action}. */
export type Action =
  | { readonly do: "postpone"; readonly postpones: boolean }
  | { readonly do: "nextEvent"; readonly event: QueuedEvent<unknown> }
  | { readonly do: "reply"; readonly from: Reply<never>; readonly value: unknown }
  | { readonly do: "start"; readonly key: TimeoutKey; readonly afterMs: number | "infinity"; readonly content: unknown }
  | { readonly do: "update"; readonly key: TimeoutKey; readonly content: unknown }
  | { readonly do: "cancel"; readonly key: TimeoutKey };

/** An action about a time-out. */
export type TimeoutAction = Extract<Action, { readonly do: "start" | "update" | "cancel" }>;

const start = (key: TimeoutKey, afterMs: number | "infinity", content: unknown): Action => {
  if (afterMs !== "infinity" && !(afterMs >= 0)) {
    throw new RangeError(`a time-out takes milliseconds from 0, or "infinity", not ${String(afterMs)}`);
  }
  return { do: "start", key, afterMs, content };
};

/**
 * The actions of a transition. They are carried out in order; of several about one time-out the last counts.
 *
 * A time-out of 0 milliseconds comes before anything that is not yet in hand, behind inserted and retried events. Those that start one throw
 * `RangeError` for anything but milliseconds from 0, or `"infinity"`, which starts nothing and cancels what runs.
 */
export const action = {
  /** Keeps the event for later: it comes again, before newer ones, when the state has changed. */
  postpone: { do: "postpone", postpones: true } as Action,

  /** Puts an event before all that wait, in the order given. */
  nextEvent: <Messages>(event: QueuedEvent<Messages>): Action => ({
    do: "nextEvent",
    event: event as QueuedEvent<unknown>,
  }),

  /** Answers a call; the first answer counts. `from(value)` does the same at once. */
  reply: <R>(from: Reply<R>, value: NoInfer<R>): Action => ({ do: "reply", from: from as Reply<never>, value }),

  /** Brings a `stateTimeout` event, unless the state changes first. Replaces the one that runs. */
  stateTimeout: (afterMs: number | "infinity", content?: unknown): Action => start("stateTimeout", afterMs, content),

  /** Brings a `timeout` event without a name, unless any event comes first. */
  eventTimeout: (afterMs: number | "infinity", content?: unknown): Action => start("eventTimeout", afterMs, content),

  /** Brings a `timeout` event with this name, whatever happens meanwhile. Replaces the one of the same name that runs. */
  timeout: (name: unknown, afterMs: number | "infinity", content?: unknown): Action =>
    start({ name }, afterMs, content),

  /** Gives a running time-out another content and leaves its time; one that does not run comes at once. */
  update: (key: TimeoutKey, content: unknown): Action => ({ do: "update", key, content }),

  /** Calls a time-out off; it does not come afterwards, even if its time was up. */
  cancel: (key: TimeoutKey): Action => ({ do: "cancel", key }),
} as const;

/** What a callback returns: made by the machine's own `next`, `keep`, `repeat`, `stop` and their like. */
export class Transition<State, Data> {
  readonly kind: "next" | "keep" | "repeat" | "stop";
  readonly actions: readonly Action[];
  readonly state: State | undefined;
  readonly data: { readonly value: Data } | undefined;
  readonly reason: ExitReason;

  constructor(
    kind: Transition<State, Data>["kind"],
    actions: readonly Action[],
    more: { state?: State; data?: { readonly value: Data } | undefined; reason?: ExitReason } = {},
  ) {
    this.kind = kind;
    this.actions = actions;
    this.state = more.state;
    this.data = more.data;
    this.reason = more.reason ?? "normal";
  }
}
