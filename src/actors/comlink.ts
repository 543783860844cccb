/**
 * comlink, loaded when the first proxy is made: most programs never need it. Its `throw` handler is changed in one way that other users of comlink in this
 * process do not see: what was thrown is remembered beside what comlink makes of it, which is an error without class, code and cause.
 */
import { createRequire } from "node:module";
import type { MessagePort } from "node:worker_threads";
import type * as Comlink from "comlink";
import { UnsupportedError } from "../errors.js";

/** One message of comlink's: a request has an id and a type, an answer its request's id. */
export interface ComlinkMessage {
  readonly id?: string;
  readonly type?: string;
  readonly name?: string;
  readonly value?: unknown;
  readonly argumentList?: readonly ComlinkMessage[];
}

/** What comlink gives an endpoint to call with each message. */
export type Listener = (event: { readonly data: ComlinkMessage }) => void;

const thrownValues = new WeakMap<object, unknown>();
let loaded: typeof Comlink | undefined;

/** Gives comlink: the copy that `import "comlink"` gives, so that its symbols are one and the same. */
export function comlink(): typeof Comlink {
  loaded ??= load();
  return loaded;
}

/** Makes the answer that rejects a request with `error`, as it is. */
export function rejection(id: string | undefined, error: unknown): ComlinkMessage {
  return { ...(id !== undefined && { id }), type: "HANDLER", name: "throw", value: { isError: false, value: error } };
}

/** Returns `message` with what was thrown in it instead of what comlink had made of that. */
export function asThrown(message: ComlinkMessage): ComlinkMessage {
  const { id, type, name, value } = message;
  if (type !== "HANDLER" || name !== "throw" || typeof value !== "object" || value === null) return message;
  return thrownValues.has(value) ? rejection(id, thrownValues.get(value)) : message;
}

/**
 * Closes the ports that comlink has made for values under its own `proxy` mark; tells whether there were any. Nobody would close them at the end of an actor,
 * and each keeps its thread running.
 */
export function closePorts({ argumentList = [], ...message }: ComlinkMessage): boolean {
  const ports = [message, ...argumentList].filter(({ type, name }) => type === "HANDLER" && name === "proxy");
  for (const { value } of ports) (value as MessagePort).close();
  return ports.length > 0;
}

/** What who uses comlink in a way that would outlive its owner is told. */
export function unmanaged(what: string): Error {
  return new UnsupportedError(`${what}; use \`proxy\` of Copal where the value is`, { feature: "comlink" });
}

function load(): typeof Comlink {
  const made = createRequire(import.meta.url)("comlink") as typeof Comlink;
  const handler = made.transferHandlers.get("throw");
  if (handler === undefined) throw new TypeError("this comlink has no handler for what is thrown");
  const serialize: typeof handler.serialize = (thrown) => {
    const [plain, parts] = handler.serialize(thrown);
    thrownValues.set(plain as object, (thrown as { value: unknown }).value);
    return [plain, parts];
  };
  made.transferHandlers.set("throw", { ...handler, serialize });
  return made;
}
