import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { MessageChannel } from "node:worker_threads";
import t from "tap";
import type { ComputeEnd } from "#src/compute/compute-host.js";
import { ComputePool } from "#src/compute/compute-pool.js";
import { settle } from "../support/actors.js";

t.setTimeout(120_000);

const order = { module: "/no/where.mjs", exportName: "default", folder: "/", priority: 0 };

/** Submits an order and gives its end and how to abort it. */
function submitted(
  pool: ComputePool,
  port = new MessageChannel().port2,
): { ended: Promise<ComputeEnd>; abort: () => void } {
  let abort = () => {};
  const ended = new Promise<ComputeEnd>((resolve) => {
    const job = pool.submit(order, port, resolve);
    abort = () => job.abort();
  });
  return { ended, abort };
}

t.test("functions whose thread does not start are lost with the reason, each of them", async (t) => {
  const pool = new ComputePool(pathToFileURL(join(process.cwd(), "test/fixtures/compute/broken-entry.mjs")));
  pool.limit({ threads: 2 });
  const ends = await Promise.all([1, 2, 3, 4, 5].map(() => submitted(pool).ended));
  for (const end of ends) t.match(end, { kind: "lost", reason: { error: { message: "cannot even start" } } });
});

t.test("an order that is aborted before its thread has started is over at once", async (t) => {
  const pool = new ComputePool(new URL("../../../dist/app/compute-entry.js", import.meta.url));
  pool.limit({ threads: 1 });
  const [one, other] = [submitted(pool), submitted(pool)];
  other.abort();
  one.abort();
  t.strictSame(await Promise.all([one.ended, other.ended]), [{ kind: "over" }, { kind: "over" }]);
  t.strictSame(await submitted(pool).ended, { kind: "over" });
});

t.test("an order whose asker is gone comes to an end, and its thread has the next", async (t) => {
  const pool = new ComputePool(new URL("../../../dist/app/compute-entry.js", import.meta.url));
  pool.limit({ threads: 1 });
  const { port2 } = new MessageChannel();
  port2.close();
  await settle();
  const [closed, open] = [submitted(pool, port2), submitted(pool)];
  t.ok(await closed.ended);
  t.strictSame(await open.ended, { kind: "over" });
});
