import { Actor, type ActorRef, type Info, isCopalError, type ProcessActor, start, type Tree } from "copal";
import t, { type Test } from "tap";
import { eventually } from "#src/testing/eventually.js";
import { isRunning } from "../support/proc.js";

class Collector extends Actor {
  #lines: string[] = [];
  #infos: Info[] = [];

  line(text: string): void {
    if (text === "crash") throw new Error("as asked");
    this.#lines.push(text);
  }

  lines(): string[] {
    return this.#lines;
  }

  kinds(): string[] {
    return this.#infos.map((info) => info.type);
  }

  override handleInfo(message: Info): void {
    this.#infos.push(message);
  }
}

/** Stops a tree at the end of the test, whatever became of it. */
function kept(t: Test, tree: Tree): Tree {
  t.teardown(() => tree.stop());
  return tree;
}

function refOf<T>(tree: Tree, id: string): ActorRef<T> {
  const ref = tree.whereis<T>(id);
  if (ref === undefined) throw new Error(`${id} is not there`);
  return ref;
}

t.test("a tree starts whole and stops whole", async (t) => {
  const tree = await start({ supervisor: "app", children: [{ process: "p", command: "sleep 1000 & sleep 1000" }] });
  const { osPid } = await refOf<ProcessActor>(tree, "p").call.status();
  t.ok(isRunning(osPid));
  await tree.stop();
  t.notOk(isRunning(osPid));
  t.match(await tree.ended, { reason: "shutdown" });
});

t.test("each line of a process is cast to the method of the actor named", async (t) => {
  const tree = kept(
    t,
    await start({
      supervisor: "app",
      children: [
        { actor: "c", class: Collector },
        { process: "p", command: "seq 3; exec sleep 1000", stdout: { to: "c", method: "line" } },
      ],
    }),
  );
  const collector = refOf<Collector>(tree, "c");
  await eventually(async () => (await collector.call.lines()).length === 3);
  t.same(await collector.call.lines(), ["1", "2", "3"]);
});

t.test("output without a method arrives as messages", async (t) => {
  const tree = kept(
    t,
    await start({
      supervisor: "app",
      children: [
        { actor: "c", class: Collector },
        { process: "p", command: "echo x; exec sleep 1000", stdout: { to: "c", as: "bytes" } },
      ],
    }),
  );
  await eventually(async () => (await refOf<Collector>(tree, "c").call.kinds()).includes("output"));
});

t.test("output finds its actor again when the actor was restarted", async (t) => {
  const tree = kept(
    t,
    await start({
      supervisor: "app",
      children: [
        { actor: "c", class: Collector },
        { process: "p", command: ["cat"], stdout: { to: "c", method: "line" } },
      ],
    }),
  );
  const first = refOf<Collector>(tree, "c");
  const cat = refOf<ProcessActor>(tree, "p");
  await cat.call.write("crash\n");
  await eventually(() => tree.whereis("c") !== undefined && tree.whereis("c") !== (first as unknown));
  await cat.call.write("after\n");
  await eventually(async () => (await refOf<Collector>(tree, "c").call.lines()).includes("after"));
});

t.test("output arrives again when the process was restarted", async (t) => {
  const tree = kept(
    t,
    await start({
      supervisor: "app",
      children: [
        { actor: "c", class: Collector },
        { process: "p", command: "echo up; exec sleep 1000", stdout: { to: "c", method: "line" } },
      ],
    }),
  );
  await eventually(async () => (await refOf<Collector>(tree, "c").call.lines()).length === 1);
  await refOf<ProcessActor>(tree, "p").call.signal("SIGKILL");
  await eventually(async () => (await refOf<Collector>(tree, "c").call.lines()).length === 2);
});

t.test("a wrong spec is refused before anything starts", async (t) => {
  await t.rejects(start({ supervisor: "app", children: [{ actor: "a" }] }), {
    code: "ERR_CONFIG",
    message: /^app\/a: got no class/,
  });
  // @ts-expect-error: not a class of actors
  await t.rejects(start({ supervisor: "app", children: [{ actor: "a", class: Date }] }), { code: "ERR_CONFIG" });
});

t.test("a start that fails names the child and unwinds", async (t) => {
  const failed = start({
    supervisor: "app",
    children: [
      { process: "first", command: "sleep 1000" },
      { process: "second", command: ["/no/such/program"] },
    ],
  });
  const error = await failed.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isCopalError(error, "ERR_START")) throw error;
  t.match(error.failure, { child: "app/second", stage: "exec", code: "ENOENT" });
});

t.test("a root that gives up says which child and how often", async (t) => {
  const tree = await start({
    supervisor: "app",
    children: [
      { supervisor: "in", intensity: { max: 1, within: "1m" }, children: [{ process: "p", command: "exit 3" }] },
    ],
    intensity: { max: 0 },
  });
  const { reason, exhaustion } = await tree.ended;
  t.equal(reason, "shutdown");
  t.match(exhaustion, {
    path: "app",
    child: "app/in",
    lastExit: { exhaustion: { child: "app/in/p", lastExit: { reason: { exit: 3 } } } },
  });
});

t.test("a killed tree is gone at once, whatever its stop plans say", async (t) => {
  const tree = await start({
    supervisor: "app",
    children: [
      {
        supervisor: "in",
        children: [{ process: "p", command: "trap '' TERM; sleep 1000 & wait; wait", stop: { grace: "1h" } }],
      },
    ],
  });
  const { osPid } = await refOf<ProcessActor>(tree, "p").call.status();
  const startedAtMs = performance.now();
  await tree.kill();
  t.notOk(isRunning(osPid));
  t.ok(performance.now() - startedAtMs < 5_000);
});

t.test("a tree that is stopping can still be killed", async (t) => {
  const tree = await start({
    supervisor: "app",
    children: [{ process: "p", command: "trap '' TERM; echo ready; sleep 1000 & wait; wait", stop: { grace: "1h" } }],
  });
  const { osPid } = await refOf<ProcessActor>(tree, "p").call.status();
  await eventually(() => tree.log.last(new Set(["app/p"]), 1).length === 1);
  const stopped = tree.stop();
  await eventually(() => tree.snapshot()[1]?.state === "stopping");
  t.ok(isRunning(osPid));
  await tree.kill();
  await stopped;
  t.notOk(isRunning(osPid));
});

t.test("whereis takes paths and unambiguous tails, and knows nobody after the end", async (t) => {
  const tree = await start({
    supervisor: "app",
    children: [
      { actor: "c", class: Collector },
      {
        supervisor: "in",
        children: [
          { actor: "c", class: Collector },
          { actor: "d", class: Collector },
        ],
      },
    ],
  });
  t.equal(tree.whereis("c"), undefined);
  t.ok(tree.whereis("in/c"));
  t.equal(tree.whereis("d"), tree.whereis("app/in/d"));
  await tree.stop();
  t.equal(tree.whereis("d"), undefined);
});

t.test("an actor starts a process of its own, in the config's shape", async (t) => {
  class Owner extends Actor {
    async open(): Promise<number> {
      const ref = (await this.start({ process: "mine", command: ["sleep", "1000"] })) as ActorRef<ProcessActor>;
      return (await ref.call.status()).osPid;
    }
  }
  const tree = await start({ supervisor: "app", children: [{ actor: "o", class: Owner }] });
  const osPid = await refOf<Owner>(tree, "o").call.open();
  t.ok(isRunning(osPid));
  await tree.stop();
  t.notOk(isRunning(osPid));
});
