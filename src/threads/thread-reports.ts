/**
 * What a worker thread publishes on the channels by which people follow a program (ends and crashes, what supervisors do, messages that nobody
 * took, limits that are not kept), told to the main
 * thread as well, which publishes it there. Programs subscribe in one place.
 */
import { channel, subscribe } from "node:diagnostics_channel";
import { cloneable } from "../actors/cloneable.js";
import type { Line } from "./switchboard.js";

const channels = [
  "copal:supervisor",
  "copal:exit",
  "copal:crash",
  "copal:unhandled",
  "copal:dead-letter",
  "copal:limits",
];

/** Gives those of the channels that somebody listens to in this thread. */
export function heardChannels(): string[] {
  return channels.filter((name) => channel(name).hasSubscribers);
}

/** Tells `main` from now on what is published in this thread on the channels that it hears. */
export function forwardReports(main: Line, heard: readonly string[]): void {
  for (const name of heard)
    subscribe(name, (message) =>
      main.parcel(cloneable(message), (data, isPacked) => ["published", name, data, isPacked]),
    );
}
