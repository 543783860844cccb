/**
 * A short soak: `npm run soak` is the long one, which also tells leaks of memory.
 */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { leakedCounts, type Sample } from "./verdict.js";

t.setTimeout(300_000);

/** What a soak says of itself. */
interface Report {
  readonly crashes: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
  readonly leaks: readonly string[];
}

/** Soaks in a process of its own, whose threads do not inherit what this one loads its modules with: that would be most of their work. */
async function soaked(t: Test, ...options: string[]): Promise<Report> {
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  const child = spawn(process.execPath, [main, "--json", ...options], {
    env: { ...process.env, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (said === "") throw new Error(complained);
  return JSON.parse(said) as Report;
}

t.test("threads that break in every way leave no descriptor, thread, process or handle behind", async (t) => {
  const { crashes, samples, leaks } = await soaked(t, "--minutes", "0.2", "--rests", "2");
  t.equal(Object.keys(crashes).length, 8, "every way had its turn");
  t.equal(samples.length, 2);
  t.strictSame(leakedCounts(samples), []);
  t.strictSame(
    leaks.filter((leak) => leak.startsWith("left: ")),
    [],
  );
});
