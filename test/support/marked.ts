/**
 * Marks everything that one test starts, and kills what is left of it when the test is over.
 */
import { randomUUID } from "node:crypto";
import type { Test } from "tap";
import { type KernelProcess, processesMarked } from "./proc.js";

/** An environment for one test, and a look at what runs with it. */
export interface Marked {
  readonly env: NodeJS.ProcessEnv;
  /** What the kernel still runs of all that was started with `env`. */
  left(): KernelProcess[];
}

export function marked(t: Test): Marked {
  const id = randomUUID();
  const left = () => processesMarked(`COPAL_TEST_MARK=${id}`);
  t.teardown(() => {
    for (const { osPid } of left()) {
      try {
        process.kill(osPid, "SIGKILL");
      } catch {}
    }
  });
  return { env: { ...process.env, COPAL_TEST_MARK: id }, left };
}
