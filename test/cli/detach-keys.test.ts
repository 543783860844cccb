import t from "tap";
import { DetachKeys } from "#src/cli/detach-keys.js";

/** What passes of keys that come in these pieces, and whether they detach. */
function typed(...pieces: readonly string[]) {
  const keys = new DetachKeys();
  let passed = "";
  for (const piece of pieces) {
    const result = keys.push(Buffer.from(piece, "latin1"));
    passed += result.keys.toString("latin1");
    if (result.isDetached) return { passed, isDetached: true };
  }
  return { passed, isDetached: false };
}

t.test("Ctrl-P Ctrl-Q detaches, in one piece or in two, and what stands before passes", async (t) => {
  t.strictSame(typed("ab\x10\x11cd"), { passed: "ab", isDetached: true });
  t.strictSame(typed("ab\x10", "\x11"), { passed: "ab", isDetached: true });
  t.strictSame(typed("\x10\x10\x11"), { passed: "\x10", isDetached: true });
});

t.test("either key alone, and both the other way round, are the process's", async (t) => {
  t.strictSame(typed("\x10", "x"), { passed: "\x10x", isDetached: false });
  t.strictSame(typed("\x11\x10", "y\x11"), { passed: "\x11\x10y\x11", isDetached: false });
  t.strictSame(typed("\xff\x00"), { passed: "\xff\x00", isDetached: false });
});
