/**
 * A message as those see it who look on: traces, crash reports, `copal inspect`. Plain data around the message's own values, which it never reads.
 */
import type { Envelope } from "./envelope.js";
import type { Info } from "./info.js";

/** One message of an actor, by what became of it: a call, a cast, an info, a continuation, or a request of `sys`. */
export type MessageView =
  | { readonly type: "call" | "cast"; readonly method: string; readonly args: readonly unknown[] }
  | { readonly type: "continue"; readonly message: unknown }
  | { readonly type: "system"; readonly request: string }
  | Info;

/** Returns what `envelope` holds. */
export function viewOf(envelope: Envelope): MessageView {
  switch (envelope.kind) {
    case "info":
      return envelope.message;
    case "continue":
      return { type: "continue", message: envelope.message };
    case "system":
      return { type: "system", request: envelope.call.method };
    default:
      return { type: envelope.kind, method: envelope.method, args: envelope.args };
  }
}

/** Says in a few words which message it is, without its values: `call add`, `EXIT`. */
export function nameOf(view: MessageView): string {
  if (view.type === "call" || view.type === "cast") return `${view.type} ${view.method}`;
  return view.type === "system" ? view.request : view.type;
}
