/**
 * Actors for code that is none: in a worker thread that Copal does not know.
 */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import t from "tap";
import { releaseProxy } from "#src/actors/proxy.js";
import { transfer } from "#src/actors/transfer.js";
import { portTo, remoteOf } from "#src/threads/facade.js";
import { find, type Resident, resident, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

const program = fileURLToPath(new URL("../../../test/fixtures/programs/plain-worker.mjs", import.meta.url));

for (const thread of ["main", "own"] as const) {
  for (const by of ["comlink", "copal"]) {
    t.test(
      `a plain worker thread calls an actor (${thread}) with ${by}, hears errors by code, and ends by itself`,
      async (t) => {
        await using tree = await startResidents([resident("a", thread, { restart: "temporary" })]);
        const port = portTo(find(tree, "a"));
        const worker = new Worker(program, { workerData: { port, by }, transferList: [port] });
        const [first] = await once(worker, "message");
        t.match(first, [{ deep: [1] }, { name: "RangeError", message: "no" }, { code: "ERR_NO_METHOD" }]);
        const [second] = await once(worker, "message");
        t.match(second, { name: "NoProcError", code: "ERR_NOPROC" });
        await once(worker, "exit");
      },
    );
  }
}

t.test("through a port one waits no longer than one is told, and types follow", async (t) => {
  await using tree = await startResidents([resident("a", "main")]);
  const a = remoteOf<Resident>(portTo(find(tree, "a"), { timeoutMs: 20 }));
  const thread: Promise<number> = a.thread();
  t.equal(await thread, 0);
  // @ts-expect-error no message of this actor
  await t.rejects(a.nothing(), { code: "ERR_NO_METHOD" });
  await t.rejects(a.never(), { code: "ERR_CALL_TIMEOUT" });
  releaseProxy(a);
  await t.rejects(a.thread(), { code: "ERR_NOPROC" });
});

t.test("a buffer moves through a port, in both directions", async (t) => {
  await using tree = await startResidents([resident("a", "main")]);
  const a = remoteOf<Resident>(portTo(find(tree, "a")));
  const bytes = new Uint8Array(9).fill(1);
  t.strictSame(await a.echo(transfer(bytes, [bytes.buffer])), new Uint8Array(9).fill(1));
  t.equal(bytes.byteLength, 0);
  releaseProxy(a);
});

t.test("who waits at a port hears of its end", async (t) => {
  await using tree = await startResidents([resident("a", "main")]);
  const port = portTo(find(tree, "a"), { timeoutMs: "infinity" });
  const a = remoteOf<Resident>(port);
  const waiting = a.never();
  port.close();
  await t.rejects(waiting, { code: "ERR_NOPROC", message: /closed/ });
});
