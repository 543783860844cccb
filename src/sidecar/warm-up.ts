/**
 * Lets the JavaScript engine compile the way of a restart before there is one. A program that restarts once an hour runs this code cold, exactly when
 * it matters: measured, a quarter of Copal's own time from crash to replacement was spent interpreting the codec.
 */
import { encodeFrame } from "../wire/codec.js";
import { HEADER_BYTES } from "../wire/frame.js";
import { frequentEvent } from "../wire/frequent-events.js";
import type { EventBodies } from "../wire/messages.js";
import { encodedStart } from "./encoded-start.js";

/** Rounds in all, and in one turn of the event loop, so that nothing else waits for more than about a millisecond. */
const ROUNDS = 600;
const ROUNDS_PER_TURN = 60;

/** A program that is over by then has no use for it, and would pay for it with most of its own time. */
const BEGIN_AFTER_MS = 100;

/** Runs the codec over the messages of one life, in small turns, from a moment later on. Keeps nothing running and has no other effect. */
export function warmUp(): void {
  const started = encodeFrame<EventBodies, "started">("started", 1, {
    pid: 1,
    startTime: 1,
    containment: "tree",
    cgroup: null,
  });
  const exited = encodeFrame<EventBodies, "exited">("exited", 0, {
    code: null,
    signal: 9,
    core: false,
    stoppedBy: "itself",
    killed: false,
    leftBehind: 0,
    wallUs: 1_000_000,
    userUs: 1_000,
    systemUs: 1_000,
    maxRssBytes: 1_000_000,
  });
  let left = ROUNDS;
  const turn = () => {
    for (let i = 0; i < ROUNDS_PER_TURN; i++) {
      // One that is new, and the same again.
      for (const _ of [1, 2]) encodedStart({ argv: ["true"], cwd: `/${left + i}` });
      frequentEvent(started.subarray(HEADER_BYTES));
      frequentEvent(exited.subarray(HEADER_BYTES));
    }
    left -= ROUNDS_PER_TURN;
    if (left > 0) setImmediate(turn).unref();
  };
  setTimeout(turn, BEGIN_AFTER_MS).unref();
}
