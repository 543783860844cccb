import t from "tap";
import { Deadlines } from "#src/actors/deadlines.js";
import { Call } from "#src/actors/envelope.js";
import { runtimeOfThread } from "#src/actors/runtime.js";
import { VirtualClock } from "#src/testing/virtual-clock.js";

const { outside } = runtimeOfThread();
const sorted = (names: readonly string[]) => [...names].sort().join("");

for (const answered of ["", "a", "b", "d", "ad", "bc", "abc", "dcb", "badc"]) {
  t.test(`of four calls a to d those not answered expire in order when "${answered}" are`, async (t) => {
    const clock = new VirtualClock();
    const expired: string[] = [];
    const deadlines = new Deadlines(clock, (call) => {
      expired.push(call.method);
      call.fail(new Error("too late"));
    });
    const calls = new Map([..."abcd"].map((name) => [name, new Call(outside, name, [])]));
    for (const call of calls.values()) {
      deadlines.add(call, 320);
      clock.advance(1);
    }
    for (const name of answered) calls.get(name)?.answer(name);
    clock.advance(1_000);
    t.equal(expired.join(""), sorted(expired));
    t.equal(sorted([...expired, ...answered]), "abcd");
    t.equal(clock.timers, 0);
  });
}
