/**
 * JSON-RPC 2.0 as bytes: messages written as lines of JSON or behind their length, and values read as messages. Pure; knows neither who asks nor who
 * answers, and no request that came before.
 */
import { PREFIX_BYTES } from "./output-codec.js";

/** How messages are told apart: one line of JSON each, or a length of four bytes, big-endian, before each. */
export type RpcCodec = "json" | "lengthPrefixed";

/** What tells an answer's request; a program may use any of these for its own. */
export type RpcId = string | number | null;

/** What a program says in an answer that is an error. */
export interface RpcFault {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** Parameters by place or by name; undefined where there are none. */
export type RpcParams = readonly unknown[] | Readonly<Record<string, unknown>> | undefined;

/** A message, by what it is. */
export type RpcMessage =
  | { readonly kind: "request"; readonly id: RpcId; readonly method: string; readonly params: RpcParams }
  | { readonly kind: "notification"; readonly method: string; readonly params: RpcParams }
  | { readonly kind: "result"; readonly id: RpcId; readonly result: unknown }
  | { readonly kind: "fault"; readonly id: RpcId; readonly fault: RpcFault };

/** The numbers that JSON-RPC gives to errors, as far as they are needed here. */
export const RPC_CODE = { methodNotFound: -32_601, serverError: -32_000 } as const;

/**
 * Writes a message. What JSON has no word for is what `JSON.stringify` makes of it.
 *
 * @throws {TypeError} if that fails: for a BigInt, or an object that contains itself.
 */
export function rpcBytes(message: RpcMessage, codec: RpcCodec): Buffer {
  const text = JSON.stringify({ jsonrpc: "2.0", ...bodyOf(message) });
  if (codec === "json") return Buffer.from(`${text}\n`);
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + length);
  bytes.writeUInt32BE(length);
  bytes.write(text, PREFIX_BYTES);
  return bytes;
}

function bodyOf(message: RpcMessage): object {
  switch (message.kind) {
    case "request":
      return { id: message.id, method: message.method, params: message.params };
    case "notification":
      return { method: message.method, params: message.params };
    case "result":
      return { id: message.id, result: message.result ?? null };
    case "fault":
      return { id: message.id, error: message.fault };
  }
}

/** Makes parameters of a method's arguments: of none, none; of a single plain object, itself, so by name; of anything else, the list of them. */
export function paramsOf(args: readonly unknown[]): RpcParams {
  if (args.length === 0) return undefined;
  const [first] = args;
  return args.length === 1 && isPlainObject(first) ? first : args;
}

/** Makes a method's arguments of parameters: those by name are a single object. */
export function argsOf(params: RpcParams): readonly unknown[] {
  if (params === undefined) return [];
  return isList(params) ? params : [params];
}

function isList(params: unknown): params is readonly unknown[] {
  return Array.isArray(params);
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/**
 * Reads a value of JSON as a message; gives undefined if it is none. The member `jsonrpc` may be missing. A batch is no message: nobody here asks for one.
 */
export function readRpc(value: unknown): RpcMessage | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { id, method, params, error } = value as Readonly<Record<string, unknown>>;
  if (id !== undefined && id !== null && typeof id !== "string" && typeof id !== "number") return undefined;
  if (typeof method === "string") {
    // Null is no parameters in JSON-RPC, but what some programs write for none.
    if (params !== undefined && typeof params !== "object") return undefined;
    const given = { method, params: (params ?? undefined) as RpcParams };
    return id === undefined ? { kind: "notification", ...given } : { kind: "request", id, ...given };
  }
  if (id === undefined || method !== undefined) return undefined;
  if (error !== undefined && error !== null) {
    const fault = readFault(error);
    return fault && { kind: "fault", id, fault };
  }
  return "result" in value ? { kind: "result", id, result: value.result } : undefined;
}

function readFault(error: unknown): RpcFault | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, message, data } = error as Readonly<Record<string, unknown>>;
  if (typeof code !== "number" || typeof message !== "string") return undefined;
  return { code, message, ...(data !== undefined && { data }) };
}
