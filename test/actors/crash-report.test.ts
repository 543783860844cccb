import { subscribe, unsubscribe } from "node:diagnostics_channel";
import t, { type Test } from "tap";
import type { CrashReport } from "#src/actors/crash-report.js";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { stop } from "#src/actors/stop.js";
import type { ActorRef } from "#src/ref.js";
import { doing, type Hands, type Puppet, puppet, trapper } from "../support/actors.js";

/** The reports of one test, in order. */
function reports(t: Test): CrashReport[] {
  const seen: CrashReport[] = [];
  const note = (report: unknown) => seen.push(report as CrashReport);
  subscribe("copal:crash", note);
  t.teardown(() => unsubscribe("copal:crash", note));
  return seen;
}

const boom = () => {
  throw new RangeError("boom");
};

t.test("a crash is reported after terminate, and again before anybody hears of the end", async (t) => {
  const order: string[] = [];
  const seen = reports(t);
  const [ref, linked] = [await puppet(), await trapper()];
  await doing(ref, (hands) => hands.link(linked));
  await ref.call.onTerminate(() => order.push(`terminate, ${seen.length} reports`));
  const waiting = ref.call.run(boom).catch(() => order.push(`caller, ${seen.length} reports`));
  ref.send("waiting");
  await waiting;
  t.strictSame(order, ["terminate, 0 reports", "caller, 2 reports"]);
  t.match(seen, [
    { kind: "gen_server_terminate", ref, reason: { error: { message: "boom" } }, state: {} },
    {
      kind: "crash_report",
      ref,
      label: "Puppet",
      reason: { error: { message: "boom" } },
      cause: { message: "boom" },
      lastMessage: { type: "call", method: "run" },
      messagesWaiting: 1,
      trapExit: false,
      links: [linked],
    },
  ]);
});

t.test("an init that fails gives a crash report alone", async (t) => {
  const seen = reports(t);
  await t.rejects(puppet(boom));
  t.match(seen, [{ kind: "crash_report", lastMessage: "init", reason: { error: { message: "boom" } } }]);
  t.equal(seen.length, 1);
});

const silent: readonly [what: string, end: (ref: ActorRef<Puppet>) => unknown][] = [
  ["exit normal", (ref) => ref.cast.run((hands: Hands) => hands.exit("normal"))],
  ["exit { shutdown }", (ref) => ref.cast.run((hands: Hands) => hands.exit({ shutdown: 1 }))],
  ["stop shutdown", (ref) => stop(ref, "shutdown")],
  ["a kill", (ref) => exitActor(ref, "kill")],
  ["a signal it does not trap", (ref) => exitActor(ref, { exit: 1 })],
];
for (const [what, end] of silent) {
  t.test(`${what} is no crash`, async (t) => {
    const seen = reports(t);
    const ref = await puppet();
    await end(ref);
    await whenEnded(ref);
    t.strictSame(seen, []);
  });
}

const loud: readonly [what: string, end: (ref: ActorRef<Puppet>) => unknown][] = [
  ["exit with another reason", (ref) => ref.cast.run((hands: Hands) => hands.exit({ exit: 1 }))],
  ["stop with another reason", (ref) => stop(ref, { exit: 1 })],
  ["a parent's exit signal with another reason", (ref) => exitActor(ref, { exit: 1 })],
];
for (const [what, end] of loud) {
  t.test(`${what} is reported twice, as OTP does`, async (t) => {
    const seen = reports(t);
    const ref = await trapper();
    await end(ref);
    await whenEnded(ref);
    t.match(seen, [
      { kind: "gen_server_terminate", reason: { exit: 1 } },
      { kind: "crash_report", reason: { exit: 1 } },
    ]);
  });
}

t.test("what terminate throws is what is reported", async (t) => {
  const seen = reports(t);
  const ref = await puppet();
  await ref.call.onTerminate(boom);
  await t.rejects(stop(ref), { code: "ERR_ACTOR_EXIT" });
  t.match(
    seen.map(({ reason }) => reason),
    [{ error: { message: "boom" } }, { error: { message: "boom" } }],
  );
});
