/**
 * Sidecars whose process has ended, kept for a moment for the next one: a restart, or the next of many starts, finds its sidecar waiting and costs
 * neither a connection nor a fork. Knows nothing of what they will hold.
 */
import type { Connection } from "./connection.js";

/** How many wait at most. Each is a process of some 50 KB. */
const MAX_IDLE = 16;

/** One waits for this long at least, and for twice as long at most. */
const GENERATION_MS = 250;

/** Two generations, newest last: those that came since the last tick, and those that were there then. */
const idle = { young: [] as Connection[], old: [] as Connection[] };
const ticking: { timer?: NodeJS.Timeout | undefined; isDue?: boolean } = {};

/** Keeps a connection whose process has ended; closes it when there are enough. */
export function keepIdle(connection: Connection): void {
  if (idle.young.length + idle.old.length >= MAX_IDLE || !connection.server.isRunning) return connection.close();
  connection.letGo();
  idle.young.push(connection);
  if (ticking.timer || ticking.isDue) return;
  // A restart takes it back before this comes to pass, and has no time to make a timer.
  ticking.isDue = true;
  setImmediate(beginToTick);
}

function beginToTick(): void {
  ticking.isDue = false;
  ticking.timer ??= setInterval(tick, GENERATION_MS).unref();
}

/** Takes the sidecar that became idle last; undefined when none waits. One that was lost, or whose fork server is gone, is not used again. */
export function takeIdle(): Connection | undefined {
  for (;;) {
    const connection = idle.young.pop() ?? idle.old.pop();
    if (connection === undefined || (connection.isOpen && connection.server.isRunning)) return connection;
    connection.close();
  }
}

/** Closes all that wait. */
export function closeIdle(): void {
  tick();
  tick();
}

function tick(): void {
  for (const connection of idle.old) connection.close();
  idle.old = idle.young;
  idle.young = [];
  if (idle.old.length > 0) return;
  clearInterval(ticking.timer);
  ticking.timer = undefined;
}
