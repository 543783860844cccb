/**
 * Actors for code that is none and may not even know Copal: a port that speaks comlink, to be given to a worker thread somebody else has made. The other end is
 * comlink's own `wrap`, or {@link remoteOf}, which does not wait for ever.
 */
import { MessageChannel, type MessagePort, type TransferListItem } from "node:worker_threads";
import type { Remote } from "comlink";
import { type ComlinkMessage, closePorts, rejection, unmanaged } from "../actors/comlink.js";
import { Exposure } from "../actors/exposure.js";
import { Holder } from "../actors/holder.js";
import { partsOf, unmark } from "../actors/transfer.js";
import { NoProcError, toPlain } from "../errors.js";
import type { ActorRef, Calls } from "../ref.js";

/** How an actor is reached through a port. */
export interface PortOptions {
  /** How long a call waits, in milliseconds. Default: 5,000. */
  readonly timeoutMs?: number | "infinity";
}

/**
 * Makes a port through which code that is no actor calls an actor: transfer it to a worker thread, and there `remoteOf<Counter>(port)`, or
 * `wrap<Calls<Counter>>(nodeEndpoint(port))` with comlink alone. Its methods are the actor's messages, as calls.
 *
 * What goes through it is plain data, cloned, or moved by comlink's or Copal's `transfer`; refs and proxies do not arrive as what they are. Calls reject as they do
 * here, and the errors keep name, code, fields and stack. The port keeps no thread running and lasts until its other end is closed, also when the actor has
 * ended: then calls reject with `ERR_NOPROC`.
 */
export function portTo<T>(ref: ActorRef<T>, { timeoutMs = 5_000 }: PortOptions = {}): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const messages = new Proxy(Object.create(null) as object, {
    get: (_target, name) => Reflect.get(ref.within(timeoutMs).call, name),
  });
  const exposure = new Exposure(messages, undefined, false, (message) => post(port1, asPlain(message)), close);
  port1.on("message", (message: ComlinkMessage) => {
    if (closePorts(message))
      post(port1, asPlain(rejection(message.id, unmanaged("a proxy through a port is not carried"))));
    else exposure.take(message);
  });
  port1.unref();
  function close(): void {
    port1.close();
  }
  return port2;
}

/**
 * Makes the other end of {@link portTo}'s port: an object with the actor's messages as methods, typed, in any thread.
 *
 * Uses reject with `ERR_NOPROC` when the port is closed or its thread is gone, those that wait included. The port keeps this thread running only
 * while somebody waits. `releaseProxy` closes it.
 */
export function remoteOf<T>(port: MessagePort): Remote<Calls<T>> {
  const holder: Holder = new Holder((message) => {
    post(port, message);
    if (message.type === "RELEASE") port.close();
    else port.ref();
  });
  port.on("message", (message: ComlinkMessage) => {
    holder.receive(message);
    if (!holder.isWaitedFor) port.unref();
  });
  port.on("close", () => holder.end(new NoProcError("the port of this actor is closed", {})));
  port.unref();
  return holder.remote() as Remote<Calls<T>>;
}

/** Posts `message` with what is to move of it and its values. */
function post(port: MessagePort, message: ComlinkMessage): void {
  const values: unknown[] = [message, message.value, ...(message.argumentList ?? []).map(({ value }) => value)];
  const parts = values.flatMap((value) => (typeof value === "object" && value !== null ? (partsOf(value) ?? []) : []));
  port.postMessage(message, [...new Set(parts)] as TransferListItem[]);
  for (const value of values) unmark(value);
}

/** What is thrown, as comlink alone can take it: it makes an error and gives it all the fields it finds. */
function asPlain(message: ComlinkMessage): ComlinkMessage {
  const { value: thrown } = (message.name === "throw" ? message.value : {}) as { readonly value?: unknown };
  if (!(thrown instanceof Error)) return message;
  const { name, message: text, stack, code, fields } = toPlain(thrown);
  const value = { ...fields, name, message: text, stack, ...(code !== undefined && { code }) };
  return { ...message, value: { isError: true, value } };
}
