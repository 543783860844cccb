/**
 * A short soak: `npm run soak` is the long one, which also tells leaks of memory.
 */
import t from "tap";
import { leftovers, soak } from "./soak.js";
import { leakedCounts } from "./verdict.js";

t.setTimeout(300_000);

t.test("threads that break in every way leave no descriptor, thread, process or handle behind", async (t) => {
  const { samples, crashes } = await soak({ forMs: 15_000, everyMs: 100, rests: 3 });
  t.equal(Object.keys(crashes).length, 8, "every way had its turn");
  t.strictSame(leakedCounts(samples), []);
  t.strictSame(leftovers(), []);
});
