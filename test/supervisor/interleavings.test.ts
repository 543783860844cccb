/**
 * What holds of a tree in whatever order its actors get their turns: many seeds over a small tree that crashes, whose actors hold things which
 * take time to go.
 */
import t from "tap";
import { Actor } from "#src/actors/actor.js";
import type { Info } from "#src/actors/info.js";
import { release } from "#src/actors/instance.js";
import { startActor } from "#src/actors/start-actor.js";
import { start } from "#src/app/tree.js";
import type { ActorRef } from "#src/ref.js";
import { explore } from "#src/testing/explore.js";
import { fakeProcesses } from "#src/testing/fake-processes.js";
import { SeededRandom } from "#src/testing/seeded-scheduler.js";
import type { VirtualTime } from "#src/testing/virtual-time.js";

const ids = ["a", "b", "c", "d"];

/** The actors of one run, and a diary of what happened to them. */
function cast({ clock }: VirtualTime) {
  const diary: string[] = [];
  const released = new Set<ActorRef>();
  const running = new Map<string, number>();
  const count = (id: string, by: number) => {
    running.set(id, (running.get(id) ?? 0) + by);
    return running.get(id) as number;
  };

  /** Holds something that takes 20 ms to go. */
  class Holding extends Actor {
    #id = "";
    override async init(id: string): Promise<void> {
      this.#id = id;
      diary.push(count(id, 1) === 1 ? `up ${id}` : `overlap of ${id}`);
      await Promise.resolve();
    }
    crash(): never {
      throw new Error("on request");
    }
    async [release](): Promise<void> {
      await new Promise<void>((resolve) => clock.setTimer(20, resolve));
      released.add(this.self);
      count(this.#id, -1);
      diary.push(`gone ${this.#id}`);
    }
  }

  /** Linked to an actor, it tells whether what that one held was gone when it heard of its end. */
  class Watcher extends Actor {
    override init(ref: ActorRef): void {
      this.trapExit = true;
      this.link(ref);
    }
    override handleInfo(message: Info): void {
      if (message.type === "EXIT") diary.push(released.has(message.from) ? "heard late" : "heard early");
    }
  }
  return { diary, running, Holding, Watcher };
}

t.test(
  "200 interleavings: started in order, stopped in reverse, never two of one, heard of when it is gone",
  async (t) => {
    let heard = 0;
    await explore(
      async (time, seed) => {
        const random = new SeededRandom(seed);
        const { diary, running, Holding, Watcher } = cast(time);
        const child = (id: string) => ({ actor: id, class: Holding, args: [id] });
        const tree = await start(
          {
            supervisor: "app",
            intensity: "unlimited",
            children: [
              child("a"),
              { supervisor: "s", intensity: "unlimited", children: [child("b"), child("c")] },
              child("d"),
            ],
          },
          { runtime: time.runtime },
        );
        t.strictSame(diary.splice(0), ["up a", "up b", "up c", "up d"], `seed ${seed}: in order`);
        for (let crashes = 0; crashes < 6; crashes++) {
          const victim = tree.whereis<InstanceType<typeof Holding>>(ids[random.below(ids.length)] as string);
          if (victim) {
            await startActor(null, { class: Watcher, args: [victim], runtime: time.runtime });
            victim.cast.crash();
          }
          await time.advance(random.below(30));
        }
        await time.advance(100);
        t.strictSame([...running.values()], [1, 1, 1, 1], `seed ${seed}: all are back, alone`);
        heard += diary.filter((entry) => entry === "heard late").length;
        t.notOk(
          diary.splice(0).some((entry) => /overlap|early/.test(entry)),
          `seed ${seed}: no overlap, nothing early`,
        );
        const stopped = tree.stop();
        await time.advance(100);
        await stopped;
        t.strictSame(diary, ["gone d", "gone c", "gone b", "gone a"], `seed ${seed}: in reverse`);
      },
      { seeds: 200 },
    );
    t.ok(heard > 200, `${heard} ends were heard of`);
  },
);

t.test(
  "30 interleavings with processes: a replacement starts when the old process is gone, a stop leaves none",
  async (t) => {
    const processes = fakeProcesses();
    t.teardown(() => processes.close());
    processes.on("server", (process) => process.onSignal("SIGTERM", () => process.after(50, () => process.exit(0))));
    await explore(
      async (time, seed) => {
        const random = new SeededRandom(seed);
        const before = processes.started.length;
        const tree = await start(
          {
            supervisor: "app",
            intensity: "unlimited",
            children: ["one", "two"].map((process) => ({ process, command: ["server", process] })),
          },
          { runtime: time.runtime },
        );
        for (let crashes = 0; crashes < 4; crashes++) {
          const victims = processes.running;
          victims[random.below(victims.length)]?.die("SIGSEGV");
          await time.advance(random.below(80));
          t.ok(new Set(processes.running.map(({ argv }) => argv[1])).size === processes.running.length, `seed ${seed}`);
        }
        t.equal(processes.running.length, 2, `seed ${seed}: both are back`);
        const stopped = tree.stop();
        await time.advance(200);
        await stopped;
        t.equal(processes.running.length, 0, `seed ${seed}: none is left`);
        t.equal(processes.started.length, before + 6, `seed ${seed}`);
      },
      { seeds: 30, processes },
    );
  },
);
