/**
 * What a process actor sees of a fake process, beside what it sees of a real one that does the same.
 */
import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { stopActor, whenEnded } from "#src/actors/exit-actor.js";
import type { Info } from "#src/actors/info.js";
import { ProcessActor, type ProcessSpec } from "#src/actors/process-actor.js";
import { Runtime } from "#src/actors/runtime.js";
import { startActor } from "#src/actors/start-actor.js";
import type { ActorRef } from "#src/ref.js";
import type { FakeProcess } from "#src/testing/fake-process.js";
import { fakeProcesses } from "#src/testing/fake-processes.js";

interface Scenario {
  /** What the real one does after it has said that it is ready. */
  readonly script: string;
  /** What the fake does when it is told to go on. */
  readonly onGo?: (fake: FakeProcess) => void;
  readonly ignores?: string;
  readonly spec?: Partial<ProcessSpec>;
  /** What the owner does once the process is ready. */
  readonly act: (ref: ActorRef<ProcessActor>) => Promise<unknown>;
}

const go = (ref: ActorRef<ProcessActor>) => ref.call.write("go\n").catch(() => {});
const stop = (ref: ActorRef<ProcessActor>) => ref.call.stop().catch(() => {});

const scenarios: Readonly<Record<string, Scenario>> = {
  "an exit code": { script: "read go; exit 3", onGo: (fake) => fake.exit(3), act: go },
  "a code that counts as success": {
    script: "read go; exit 7",
    onGo: (fake) => fake.exit(7),
    spec: { successExitCodes: [7] },
    act: go,
  },
  "last words without an end of line": {
    script: "read go; printf one; printf two >&2",
    onGo: (fake) => {
      fake.stdout("one");
      fake.stderr("two");
      fake.exit();
    },
    act: go,
  },
  "a signal of its own": { script: "read go; kill -USR1 $$", onGo: (fake) => fake.die("SIGUSR1"), act: go },
  "a signal of its owner": { script: "exec sleep 1000", act: (ref) => ref.call.signal("SIGHUP") },
  "a stop it obeys": { script: "exec sleep 1000", act: stop },
  "a stop it does not obey": {
    script: "exec sleep 1000",
    ignores: "TERM",
    spec: { stop: { signal: "SIGTERM", graceMs: 100 } },
    act: stop,
  },
  "a message it obeys": {
    script: "read word; exit 3",
    onGo: (fake) => fake.exit(3),
    spec: { stop: { graceMs: 20_000, steps: [{ stdin: "quit\n", delayMs: 20_000 }] } },
    act: stop,
  },
  "a message it does not obey, and a signal behind it": {
    script: "exec sleep 1000",
    onGo: () => {},
    spec: {
      stop: {
        steps: [
          { stdin: "quit\n", delayMs: 10 },
          { signal: "SIGINT", delayMs: 20_000 },
        ],
      },
    },
    act: stop,
  },
  "a killed actor": { script: "exec sleep 1000", act: (ref) => stopActor(ref, { shutdown: "brutal_kill" }) },
};

/** Keeps what it gets, and tells when the first line has come. */
class Listener extends Actor {
  readonly #seen: unknown[] = [];
  #onLine: () => void = () => {};
  override init(onLine: () => void): void {
    this.#onLine = onLine;
  }
  seen(): unknown[] {
    return this.#seen;
  }
  override handleInfo(message: Info): void {
    if (message.type === "line") {
      this.#seen.push(`${message.stream} ${message.line}`);
      this.#onLine();
    } else if (message.type === "closed") this.#seen.push(`closed ${message.stream}`);
    else if (message.type === "exit") {
      const { code, signal, core, stoppedBy, killed, leftBehind, stopSteps } = message.report;
      const steps = stopSteps.map(({ step, errno }) => ({ step, errno }));
      this.#seen.push({ code, signal, core, stoppedBy, killed, leftBehind, steps });
    }
  }
}

async function life(runtime: Runtime, { script, ignores, spec, act }: Scenario): Promise<readonly unknown[]> {
  let onLine: () => void = () => {};
  const ready = new Promise<void>((resolve) => {
    onLine = resolve;
  });
  const listener = (await startActor(null, { class: Listener, args: [onLine], runtime })) as ActorRef<Listener>;
  const argv = ["/bin/sh", "-c", `${ignores ? `trap '' ${ignores}; ` : ""}read hello; echo ready; ${script}`];
  const ref = (await startActor(null, {
    class: ProcessActor,
    args: [{ argv, ...spec }],
    runtime,
  })) as ActorRef<ProcessActor>;
  await ref.call.subscribe(listener as ActorRef<unknown> as ActorRef);
  await ref.call.write("hello\n");
  await ready;
  await act(ref);
  const reason = await whenEnded(ref);
  // Standard output and error are two streams: nothing is promised between them.
  const seen = (await listener.call.seen()).map((one) => JSON.stringify(one));
  return [reason, ...seen.sort()];
}

for (const [name, scenario] of Object.entries(scenarios)) {
  t.test(`${name}: an actor sees the same of a fake as of a real process`, async (t) => {
    await using processes = fakeProcesses().on("sh", (fake) => {
      if (scenario.ignores) fake.ignore(`SIG${scenario.ignores}`);
      fake.onInput((text) => (text === "hello\n" ? fake.stdout("ready\n") : scenario.onGo?.(fake)));
    });
    const fake = await life(new Runtime({ sidecars: processes }), scenario);
    const real = await life(new Runtime(), scenario);
    t.strictSame(fake, real);
    t.ok(real.length > 3, "output, its end and the report");
  });
}
