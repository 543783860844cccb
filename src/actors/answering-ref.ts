/**
 * An address behind which no actor is but a function: it is called when a message arrives, in no turn of anybody. It crosses to other threads as any ref
 * does, and is how the runtime's own parts speak to each other there. It cannot be linked to, monitored or ended.
 */
import { ActorRef, type RefPort } from "../ref.js";
import type { Runtime } from "./runtime.js";

/** Takes a message; what it returns answers a call, what it throws rejects one. */
export type Answer = (method: string, args: readonly unknown[]) => unknown;

/** Makes such an address in `runtime`. A cast that throws is nobody's harm: what it throws is dropped. */
export function answeringRef(runtime: Runtime, answer: Answer): ActorRef {
  const port: RefPort = {
    call: async (method, args) => answer(method, args),
    cast: (method, args) => {
      try {
        answer(method, args);
      } catch {}
    },
    send: () => {},
    submit: async (method, args) => {
      if (method !== undefined) answer(method, args);
    },
  };
  return new ActorRef(runtime.nextId(), runtime.thread, undefined, port);
}
