/**
 * Programs that are spoken with and that actors of other threads hold.
 */
import { join } from "node:path";
import t from "tap";
import type { Program } from "#src/actors/program-actor.js";
import type { ActorRef } from "#src/ref.js";
import { eventually } from "#src/testing/eventually.js";
import { type Resident, resident, startResidents } from "../support/resident.js";

t.setTimeout(120_000);

interface Speaks {
  add(a: number, b: number): number;
  hold(): number;
  ask(method: string, ...args: unknown[]): unknown;
  fail(code: number, message: string, data: unknown): never;
}

interface ProgramHolder {
  program(): ActorRef<Program<Speaks>>;
}

const argv = [process.execPath, join(process.cwd(), "test", "fixtures", "programs", "speaks-rpc.mjs")];

t.test("a program answers calls from another thread, and errors come with code and data", async (t) => {
  const module = "./holder.mjs#ProgramHolder";
  const tree = await startResidents([resident("holder", "own", { module, args: [argv] })]);
  const program = await tree.whereis<ProgramHolder>("holder")?.call.program();
  t.equal(await program?.call.add(1, 2), 3);
  await t.rejects(program?.call.fail(-7, "no", [1]) as Promise<unknown>, {
    code: "ERR_PROGRAM",
    programCode: -7,
    data: [1],
  });
  await t.rejects(program?.within(20).call.hold() as Promise<unknown>, { code: "ERR_CALL_TIMEOUT" });
  await eventually(async () => (await program?.call.status())?.openRequests === 0);
  await tree.stop();
});

for (const thread of ["own", "pool"] as const) {
  t.test(`output and questions of processes reach an actor in its ${thread} thread`, async (t) => {
    const tree = await startResidents([
      resident("far", thread),
      { process: "values", command: "printf '1\\nno\\n[2]\\n'; exec sleep 1000", stdout: { to: "far", as: "json" } },
      { process: "asks", command: argv, stdout: { as: "rpc", to: "far" } },
    ]);
    const far = tree.whereis<Resident>("far");
    const seen = await eventually(async () => {
      const infos = await far?.call.heard();
      return infos && infos.length >= 3 ? infos : undefined;
    });
    t.match(seen, [{ type: "json", value: 1 }, { type: "malformed" }, { type: "json", value: [2] }]);
    t.strictSame(await tree.whereis<Program<Speaks>>("asks")?.call.ask("echo", { a: [1] }), { a: [1] });
    await tree.stop();
  });
}
