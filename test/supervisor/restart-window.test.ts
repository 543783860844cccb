import fc from "fast-check";
import t from "tap";
import { RestartWindow } from "#src/supervisor/restart-window.js";

const allowed = (max: number, withinMs: number, ...atMs: number[]) => {
  const window = new RestartWindow({ max, withinMs });
  return atMs.map((ms) => window.add(ms));
};

const allowedByOtp = (max: number, withinMs: number, ...atMs: number[]) => {
  const window = new RestartWindow({ max, withinMs, resolution: "otp" });
  return atMs.map((ms) => window.add(ms));
};

const table: readonly [claim: string, got: boolean[], wanted: boolean[]][] = [
  ["max 0 allows none", allowed(0, 1_000, 0), [false]],
  ["max 2 allows two, not a third", allowed(2, 1_000, 0, 1, 2), [true, true, false]],
  ["a restart counts for the whole window, its last millisecond included", allowed(1, 1_000, 0, 1_000), [true, false]],
  ["a restart does not count one moment after the window", allowed(1, 1_000, 0, 1_000.001), [true, true]],
  // OTP cuts times to whole seconds: with a second's window the second crash counts up to 1.9 s later, and not at 2.1.
  ["otp: seconds are cut", allowedByOtp(1, 1_000, 10, 510), [true, false]],
  ["otp: a restart counts to the end of the second after", allowedByOtp(1, 1_000, 10, 1_910), [true, false]],
  ["otp: and not beyond", allowedByOtp(1, 1_000, 10, 2_010), [true, true]],
  ["otp: late in a second it counts for less", allowedByOtp(1, 1_000, 990, 2_000), [true, true]],
  ["the window slides", allowed(2, 1_000, 0, 900, 1_800, 2_700), [true, true, true, true]],
  ["restarts at the same moment all count", allowed(2, 1_000, 5, 5, 5), [true, true, false]],
];

for (const [claim, got, wanted] of table) t.test(claim, async (t) => void t.strictSame(got, wanted));

t.test("a restart counts from the end of its child, and by OTP's arithmetic from when it is made", async (t) => {
  const [own, otp] = [
    new RestartWindow({ max: 1, withinMs: 1_000 }),
    new RestartWindow({ max: 1, withinMs: 1_000, resolution: "otp" }),
  ];
  t.strictSame([own.add(0, 0), own.add(900, 5_000)], [true, false]);
  t.strictSame([otp.add(0, 0), otp.add(900, 5_000)], [true, true]);
});

t.test("the ends of one thread count once, and those of another by themselves; by OTP's arithmetic each", async (t) => {
  const threads = [7, 7, 7, 8, 8, undefined, undefined];
  const used = (window: RestartWindow) =>
    threads.map((thread) => {
      window.add(0, 0, thread);
      return window.used(0);
    });
  t.strictSame(used(new RestartWindow({ max: 9, withinMs: 1_000 })), [1, 1, 1, 2, 2, 3, 4]);
  const otp = { max: 9, withinMs: 1_000, resolution: "otp" } as const;
  t.strictSame(used(new RestartWindow(otp)), [1, 2, 3, 4, 5, 6, 7]);
});

t.test("what is not counted of a thread's end is allowed if its first was", async (t) => {
  const window = new RestartWindow({ max: 1, withinMs: 1_000 });
  t.strictSame(
    [7, 7, 8, 8].map((thread) => window.add(0, 0, thread)),
    [true, true, false, false],
  );
});

t.test("unlimited allows any number and uses nothing", async (t) => {
  const window = new RestartWindow("unlimited");
  for (let i = 0; i < 1_000; i++) t.ok(window.add(0));
  t.equal(window.used(0), 0);
});

t.test("used counts what still counts, as a plain list would", async () => {
  fc.assert(
    fc.property(fc.array(fc.nat(300), { maxLength: 60 }), fc.nat(5), (gaps, max) => {
      const window = new RestartWindow({ max, withinMs: 500 });
      const all: number[] = [];
      let nowMs = 0;
      return gaps.every((gap) => {
        nowMs += gap;
        all.push(nowMs);
        const counted = all.filter((atMs) => nowMs - atMs <= 500).length;
        return window.add(nowMs) === counted <= max && window.used(nowMs) === counted;
      });
    }),
  );
});
