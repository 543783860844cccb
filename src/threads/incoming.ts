/**
 * What a message of another thread does when it arrives: it becomes what it would have been if its sender lived here. What only the main thread or only
 * a worker is asked for, they say themselves.
 */
import { Cell } from "../actors/cell.js";
import { InfoEnvelope, SystemEnvelope } from "../actors/envelope.js";
import { Ignore } from "../actors/ignore.js";
import type { Info } from "../actors/info.js";
import { disconnect, sendExit } from "../actors/link.js";
import { endInTurn } from "../actors/stop.js";
import { requestNamed } from "../actors/system-call.js";
import { UnsupportedError } from "../errors.js";
import { CallFromAfar } from "./call-from-afar.js";
import { packError, unpackError } from "./parcel.js";
import { RemoteCell } from "./remote-cell.js";
import type { Line } from "./switchboard.js";
import type { ThreadMessage } from "./thread-message.js";

/** Does what `message` says, if it is one that every thread understands; tells whether it was. */
export function receive(line: Line, message: ThreadMessage): boolean {
  const { board } = line;
  switch (message[0]) {
    case "call":
      call(line, message);
      return true;
    case "request":
      request(line, message);
      return true;
    case "submit":
      submit(line, message);
      return true;
    case "cast": {
      const target = board.exported.get(message[1]);
      // Also for nobody: proxies in it are let go of when they are collected here.
      const values = line.unpack(behind(message, 4), message[3], target) as unknown[];
      target?.cast(message[2], values);
      return true;
    }
    case "send": {
      const target = board.exported.get(message[1]);
      const content = line.unpack(message[2], message[3], target);
      target?.send(content);
      return true;
    }
    case "info":
      info(line, message);
      return true;
    case "handled":
      line.handled(message[1]);
      return true;
    case "answer": {
      const value = line.unpack(message[2], message[3]);
      line.takeCall(message[1])?.answer(value);
      return true;
    }
    case "toOwner":
      line.proxies.toOwner(message[1], line.unpack(message[2], message[3]));
      return true;
    case "toHolder":
      line.proxies.toHolder(message[1], line.unpack(message[2], message[3]));
      return true;
    case "lastAnswer":
      line.answerAtEnd(message[1], line.unpack(message[2], message[3]));
      return true;
    case "fail":
      line.takeCall(message[1])?.fail(unpackError(message[2], (address) => board.refOf(address)));
      return true;
    case "exit":
      exit(line, message);
      return true;
    case "callOff":
      local(line, message[1])?.end(message[2], false);
      return true;
    case "stop": {
      const cell = local(line, message[1]);
      if (cell) endInTurn(cell, message[2]);
      return true;
    }
    case "link":
    case "unlink":
    case "unlinked":
      link(line, message);
      return true;
    case "watch": {
      const cell = local(line, message[1]);
      if (cell) board.watchOf(cell).add(line);
      else line.post(["ended", message[1], "noproc"]);
      return true;
    }
    case "ended":
      remote(line, message[1])?.ended(message[2]);
      return true;
    case "started":
      remote(line, message[1])?.started();
      return true;
    case "startFailed": {
      const [, id, reason, cause, ignored] = message;
      remote(line, id)?.lost(reason, causeOf(line, cause, ignored));
      return true;
    }
    default:
      return false;
  }
}

/** What made a start fail, as its starter is to see it. */
export function causeOf(line: Line, cause: Parameters<typeof unpackError>[0] | undefined, ignored: boolean): unknown {
  if (ignored) return new Ignore();
  return cause && unpackError(cause, (address) => line.board.refOf(address));
}

type Word<W extends ThreadMessage[0]> = Extract<ThreadMessage, readonly [W, ...unknown[]]>;

/** What stands in a message behind its first fields: its arguments. For as few as most have, `slice` takes as long as all the rest. */
function behind(message: ThreadMessage, fields: number): unknown[] {
  if (message.length === fields) return [];
  return message.length === fields + 1 ? [message[fields]] : message.slice(fields);
}

function call(line: Line, message: Word<"call">): void {
  const [, to, number, method, timeoutMs, isPacked] = message;
  const target = line.board.exported.get(to);
  const values = line.unpack(behind(message, 6), isPacked, target) as unknown[];
  if (target === undefined) return line.refuse(number, method, to);
  if (target instanceof Cell) return target.push(new CallFromAfar(target, method, values, line, number, timeoutMs));
  target.call(method, values, timeoutMs).then(
    (value) => line.parcel(value, (data, packed) => ["answer", number, data, packed]),
    (error: unknown) => line.post(["fail", number, packError(error)]),
  );
}

function request(line: Line, [, to, number, name, args, isPacked]: Word<"request">): void {
  const target = local(line, to);
  if (target === undefined) return line.refuse(number, name, to);
  const values = line.unpack(args, isPacked) as unknown[];
  const call = new CallFromAfar(target, name, values, line, number);
  const known = requestNamed(name);
  const envelope = new SystemEnvelope(call, (cell) => {
    if (known) return known.forFar(known.serve(cell, ...values));
    throw new UnsupportedError(`\`${name}\` is not known in the actor's thread`, { feature: name });
  });
  if (known?.isAtOnce) envelope.answerFor(target);
  else target.push(envelope);
}

function submit(line: Line, [, to, number, method, args, isPacked, timeoutMs]: Word<"submit">): void {
  const target = line.board.exported.get(to);
  const values = line.unpack(args, isPacked, target) as unknown[];
  if (target === undefined) return line.refuse(number, method ?? "send", to);
  target.submit(method, values, timeoutMs).then(
    () => line.post(["answer", number, undefined, false]),
    (error: unknown) => {
      // The end of a thread answers for the actor that ends with it.
      if (!(target instanceof Cell && line.speaksLast(target.ref))) line.post(["fail", number, packError(error)]);
    },
  );
}

function info(line: Line, [, to, content, isPacked, number]: Word<"info">): void {
  const message = line.unpack(content, isPacked) as Info;
  const onHandled = number === undefined ? undefined : () => line.post(["handled", number]);
  const cell = local(line, to);
  if (!cell) return onHandled?.();
  const isBytes = "bytes" in message && message.bytes instanceof Uint8Array;
  cell.push(new InfoEnvelope(isBytes ? { ...message, bytes: bufferOf(message.bytes) } : message, onHandled));
}

/** A `Buffer` arrives as a plain array of bytes. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function exit(line: Line, [, to, from, reason, kind]: Word<"exit">): void {
  const cell = local(line, to);
  if (!cell) return;
  const sender = line.board.cellOf(from);
  if (kind === "link") {
    // A link that was taken away meanwhile carries nothing any more.
    if (!sender || !cell.links.has(sender)) return;
    if (sender.hasEnded) disconnect(cell, sender);
  }
  sendExit(cell, sender?.ref ?? line.board.runtime.outside, reason, kind);
}

function link(line: Line, [word, to, from]: Word<"link"> | Word<"unlink"> | Word<"unlinked">): void {
  const { board } = line;
  const cell = local(line, to);
  const other = board.cellOf(from);
  if (!(other instanceof RemoteCell)) return;
  if (word === "unlinked") {
    if (cell) other.knowsUnlinked(cell);
  } else if (word === "unlink") {
    if (cell) disconnect(cell, other);
    line.post(["unlinked", other.ref.id, [board.runtime.thread, to, undefined]]);
  } else if (cell) {
    other.linkedBy(cell);
    board.watchOf(cell).add(line);
  } else {
    line.post(["ended", to, "noproc"]);
    line.post(["exit", other.ref.id, [board.runtime.thread, to, undefined], "noproc", "link"]);
  }
}

function local(line: Line, id: number): Cell | undefined {
  const port = line.board.exported.get(id);
  return port instanceof Cell ? port : undefined;
}

function remote(line: Line, id: number): RemoteCell | undefined {
  const cell = line.board.cellOf([line.thread, id, undefined]);
  return cell instanceof RemoteCell ? cell : undefined;
}
