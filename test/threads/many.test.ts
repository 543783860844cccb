/**
 * Many actors in threads: they start, talk and stop, and nothing of them is left. Each crowd has a Node of its own, so that what is left can be counted,
 * and so that it must end by itself.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import t from "tap";

t.setTimeout(240_000);

const program = fileURLToPath(new URL("../../../test/fixtures/programs/crowd.mjs", import.meta.url));

interface Told {
  readonly answers: number;
  readonly threadsUp: number;
  readonly before: { readonly threads: number; readonly handles: number };
  readonly after: { readonly threads: number; readonly handles: number };
}

/** Runs a crowd in a Node of its own; resolves when that has ended by itself. */
async function crowd(thread: "own" | "pool", count: number): Promise<{ told: Told; code: number | null }> {
  const child = spawn(process.execPath, [program, thread, String(count)], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { told: JSON.parse(text) as Told, code };
}

for (const [thread, count] of [
  ["pool", 1_000],
  ["own", 100],
] as const) {
  t.test(
    `${count} actors (${thread}) start, talk and stop; no thread or handle is left, and Node ends by itself`,
    async (t) => {
      const { told, code } = await crowd(thread, count);
      t.equal(code, 0);
      t.equal(told.answers, count);
      if (thread === "own") t.ok(told.threadsUp >= told.before.threads + count);
      t.strictSame(told.after, told.before);
    },
  );
}
