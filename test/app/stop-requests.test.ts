import t, { type Test } from "tap";
import { StopRequests } from "#src/app/stop-requests.js";

/** Requests whose clock is set by the test and whose signals are emitted, not sent. */
function requests(t: Test, hadTerminal: boolean) {
  const clock = { nowMs: 0, reloads: 0 };
  const made = new StopRequests({ onReload: () => clock.reloads++, nowMs: () => clock.nowMs, hadTerminal });
  t.teardown(() => made[Symbol.dispose]());
  return { made, clock };
}

t.test("a second Ctrl-C within 500 ms is the same key press", async (t) => {
  const { made, clock } = requests(t, true);
  process.emit("SIGINT");
  clock.nowMs = 500;
  process.emit("SIGINT");
  t.equal(made.cause, "SIGINT");
  t.equal(made.kill.aborted, false);
});

t.test("a second Ctrl-C more than 500 ms later kills", async (t) => {
  const { made, clock } = requests(t, true);
  process.emit("SIGINT");
  clock.nowMs = 501;
  process.emit("SIGINT");
  t.equal(made.kill.aborted, true);
});

t.test("SIGTERM any number of times only stops", async (t) => {
  const { made, clock } = requests(t, true);
  for (clock.nowMs = 0; clock.nowMs < 5_000; clock.nowMs += 1_000) process.emit("SIGTERM");
  t.equal(made.cause, "SIGTERM");
  t.equal(made.kill.aborted, false);
});

t.test("SIGHUP stops where there was a terminal and reloads where there was none", async (t) => {
  const withOne = requests(t, true);
  process.emit("SIGHUP");
  t.equal(withOne.made.stop.aborted, true);
  withOne.made[Symbol.dispose]();
  const without = requests(t, false);
  process.emit("SIGHUP");
  t.equal(without.made.stop.aborted, false);
  t.equal(without.clock.reloads, 1);
});
