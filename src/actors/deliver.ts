/**
 * Puts a message into an actor's `handleInfo` from outside all actors, such as a process's output.
 */
import type { ActorRef } from "../ref.js";
import { cellOf } from "./address.js";
import { InfoEnvelope } from "./envelope.js";
import type { Info } from "./info.js";

/**
 * Delivers `message`, behind what is in the mailbox.
 *
 * `onHandled` is called exactly once: when `handleInfo` has returned or its promise has settled, or when the message is
 * dropped because the actor has begun to end. What it throws goes to the channel `copal:unhandled`.
 */
export function deliver(ref: ActorRef, message: Info, onHandled?: () => void): void {
  cellOf(ref).push(new InfoEnvelope(message, onHandled));
}
