/**
 * A state machine that does what a test tells it and notes every event it is told, as one line each.
 */

import { Runtime } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import { StateMachine, type StateResult } from "#src/actors/state-machine.js";
import type { Action, MachineEvent, Transition } from "#src/actors/state-machine-event.js";
import { type ExitReason, formatExit } from "#src/exit.js";
import type { ActorRef } from "#src/ref.js";
import { VirtualClock } from "#src/testing/virtual-clock.js";
import { settle } from "./actors.js";

/** What the machine of these tests can be told. */
export interface Scripted {
  say(what: string): string;
}

type Event = MachineEvent<unknown, Scripted>;

/** The helpers of a machine, handed out. */
export interface Machine {
  /** Casts to itself, behind what is in the mailbox. */
  cast(...what: string[]): void;
  to(state: unknown, ...actions: Action[]): Transition<unknown, number>;
  keep(...actions: Action[]): Transition<unknown, number>;
  repeat(...actions: Action[]): Transition<unknown, number>;
  stop(reason?: ExitReason, ...replies: Action[]): Transition<unknown, number>;
}

/** What a test says to `STATE TYPE CONTENT`; nothing for all else, which keeps the state. */
export type Script = (line: string, machine: Machine, event: Event) => StateResult<unknown, number> | undefined;

class ScriptedMachine extends StateMachine<unknown, number, Scripted> {
  #script: Script = () => undefined;
  #trace: string[] = [];

  override init(script: Script, trace: string[], actions: Action[]) {
    this.#script = script;
    this.#trace = trace;
    return this.next("a", 0, ...actions);
  }

  override handleEvent(event: Event, state: unknown) {
    const line = `${text(state)} ${lineOf(event)}`;
    this.#trace.push(line);
    return this.#script(line, this.#machine(), event) ?? this.keep();
  }

  override terminate(reason: ExitReason): void {
    this.#trace.push(`${text(this.state)} terminate ${formatExit(reason)}`);
  }

  #machine(): Machine {
    return {
      cast: (...all) => {
        for (const what of all) this.self.cast.say(what);
      },
      to: (state, ...actions) => this.next(state, this.data, ...actions),
      keep: (...actions) => this.keep(...actions),
      repeat: (...actions) => this.repeat(...actions),
      stop: (reason, ...replies) => this.stopAndReply(reason ?? "normal", replies),
    };
  }
}

class EnteringMachine extends ScriptedMachine {
  static override readonly stateEnter = true;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function lineOf(event: Event): string {
  if (event.type === "call" || event.type === "cast") return `${event.type} ${event.args[0]}`;
  if (event.type === "enter") return `enter ${text(event.oldState)}`;
  if (event.type === "info")
    return `info ${event.message.type === "info" ? text(event.message.message) : event.message.type}`;
  const name = event.type === "timeout" && event.name !== undefined ? `timeout:${text(event.name)}` : event.type;
  return `${name} ${text(event.content)}`;
}

/** A machine in virtual time, with the trace of what it was told. */
export interface Played {
  readonly ref: ActorRef<Scripted>;
  readonly trace: string[];
  readonly clock: VirtualClock;
}

/** Starts a machine in state `a`. */
export async function machine(script: Script, enter = false, init: Action[] = []): Promise<Played> {
  const clock = new VirtualClock();
  const trace: string[] = [];
  const ref = await startActor(null, {
    class: enter ? EnteringMachine : ScriptedMachine,
    args: [script, trace, init],
    runtime: new Runtime({ clock }),
  });
  return { ref, trace, clock };
}

/** Starts a machine in state `a`, casts `go` and gives the trace after `forMs` of virtual time, a millisecond at a time. */
export async function play(script: Script, enter = false, init: Action[] = [], forMs = 150): Promise<string[]> {
  const { ref, trace, clock } = await machine(script, enter, init);
  ref.cast.say("go");
  await settle();
  for (let ms = 0; ms < forMs; ms++) {
    clock.advance(1);
    await Promise.resolve();
  }
  await settle();
  return trace;
}
