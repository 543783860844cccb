/**
 * A recorded session of the sidecar's protocol, and how another one compares: the kinds of events and their order, not their contents or times.
 * It knows records and no sidecar.
 */

import { type JsonObject, jsonObject } from "../app/json-lines.js";
import type { Command, WireEvent } from "../wire/messages.js";
import { commandFrom } from "./frame-text.js";

/** A command of a record, and what had been heard when it was sent. */
export interface RecordedCommand {
  readonly command: Command;
  readonly heard: Heard;
}

/**
 * What has been heard: kinds of events, in three lanes. Answers and the two streams of output each keep their order; between them there is none, since
 * answers overtake output. The start and the end of a life stand in all three. Output that comes in several pieces is one kind.
 */
export class Heard {
  readonly lanes: Record<Lane, string[]> = { events: [], stdout: [], stderr: [] };
  readonly outputBytes = { stdout: 0, stderr: 0 };

  add(event: Pick<WireEvent, "name" | "id">, stream: unknown, bytes: number): void {
    const { name, id } = event;
    if (name === "output" || (name === "closed" && stream !== 0)) {
      const lane = stream === 1 ? "stdout" : "stderr";
      this.outputBytes[lane] += bytes;
      if (name !== "output" || this.lanes[lane].at(-1) !== name) this.lanes[lane].push(name);
      return;
    }
    const kind = id === 0 ? name : `${name} ${id}`;
    this.lanes.events.push(kind);
    if (name === "started" || name === "exited")
      for (const lane of ["stdout", "stderr"] as const) this.lanes[lane].push(name);
  }

  /** Whether at least as much has been heard as `other` has. */
  reaches(other: Heard): boolean {
    return (
      laneNames.every((lane) => this.lanes[lane].length >= other.lanes[lane].length) &&
      (["stdout", "stderr"] as const).every((stream) => this.outputBytes[stream] >= other.outputBytes[stream])
    );
  }

  copy(): Heard {
    const copy = new Heard();
    for (const lane of laneNames) copy.lanes[lane].push(...this.lanes[lane]);
    Object.assign(copy.outputBytes, this.outputBytes);
    return copy;
  }

  /** Where `other` differs, a line for the first difference of each lane. */
  differences(other: Heard): readonly JsonObject[] {
    return laneNames.flatMap((lane) => {
      const [expected, got] = [this.lanes[lane], other.lanes[lane]];
      const length = Math.max(expected.length, got.length);
      const at = Array.from({ length }, (_, index) => index).find((index) => expected[index] !== got[index]);
      if (at === undefined) return [];
      return [{ differs: { lane, at, expected: expected.slice(at, at + 5), got: got.slice(at, at + 5) } }];
    });
  }
}

type Lane = "events" | "stdout" | "stderr";
const laneNames: readonly Lane[] = ["events", "stdout", "stderr"];

/**
 * Reads a record: its commands in order, and all that was heard.
 *
 * @throws {SyntaxError} naming the line that is none of a record.
 */
export function readRecord(text: string): { readonly commands: readonly RecordedCommand[]; readonly heard: Heard } {
  const heard = new Heard();
  const commands: RecordedCommand[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      const { atMs: _, to, ...message } = jsonObject(line);
      if (to === "resin") commands.push({ command: commandFrom(message, 0), heard: heard.copy() });
      else if (to === "owner") addLine(heard, message);
      else throw new SyntaxError("`to` must be resin or owner");
    } catch (error) {
      throw new SyntaxError(`line ${index + 1}: ${(error as Error).message}`, { cause: error });
    }
  }
  return { commands, heard };
}

function addLine(heard: Heard, { id, ...rest }: JsonObject): void {
  const [name = ""] = Object.keys(rest);
  const body = rest[name] as { readonly stream?: unknown; readonly bytes?: unknown };
  const { stream, bytes } = body;
  heard.add({ name: name as WireEvent["name"], id: Number(id) }, stream, bytesOf(bytes).length);
}

function bytesOf(value: unknown): Buffer {
  if (typeof value === "string") return Buffer.from(value);
  const base64 = (value as { readonly base64?: unknown } | undefined)?.base64;
  return Buffer.from(typeof base64 === "string" ? base64 : "", "base64");
}
