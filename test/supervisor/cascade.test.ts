import t from "tap";
import { stopActor, whenEnded } from "#src/actors/exit-actor.js";
import { isAlive } from "#src/actors/runtime.js";
import { supervisorSnapshot } from "#src/supervisor/snapshot.js";
import { doing, gate, settle } from "../support/actors.js";
import { child, endChild, listed, look, running, supervise } from "../support/children.js";

const crash = { error: { name: "Error", message: "crash" } } as const;
const often = { max: 5, withinMs: 60_000 };

t.test("rest_for_one stops those after the child in reverse and starts it and them in order", async (t) => {
  const diary: string[] = [];
  const root = await supervise(
    ["a", "b", "c", "d"].map((id) => child(id, diary)),
    { strategy: "rest_for_one" },
  );
  diary.length = 0;
  await endChild(root, "b", crash);
  await settle();
  t.strictSame(diary, ["down b error", "down d shutdown", "down c shutdown", "up b", "up c", "up d"]);
  t.strictSame(await listed(root), ["d", "c", "b", "a"]);
  t.match(supervisorSnapshot(root)?.budget, { used: 1 });
});

t.test("one_for_all stops all others in reverse and starts all in order, and counts once", async (t) => {
  const diary: string[] = [];
  const root = await supervise(
    ["a", "b", "c"].map((id) => child(id, diary)),
    { strategy: "one_for_all", intensity: { max: 1, withinMs: 60_000 } },
  );
  diary.length = 0;
  await endChild(root, "b", crash);
  await settle();
  t.strictSame(diary, ["down b error", "down c shutdown", "down a shutdown", "up a", "up b", "up c"]);
  t.equal(isAlive(root), true);
});

t.test("a cascade brings back what had ended normally and what was terminated by request", async (t) => {
  const root = await supervise([child("a"), child("b", [], { restart: "transient" }), child("c")], {
    strategy: "one_for_all",
  });
  await endChild(root, "b", "normal");
  await root.call.terminateChild("c");
  t.strictSame([look(root, "b").state, look(root, "c").state], ["stopped", "stopped"]);
  await endChild(root, "a", crash);
  await settle();
  t.strictSame([look(root, "b").state, look(root, "c").state], ["running", "running"]);
});

t.test("a cascade forgets a temporary bystander", async (t) => {
  const root = await supervise([child("a"), child("t", [], { restart: "temporary" }), child("b")], {
    strategy: "rest_for_one",
  });
  await endChild(root, "a", crash);
  await settle();
  t.strictSame(await listed(root), ["b", "a"]);
});

t.test("a child that is not restarted leaves its siblings alone", async (t) => {
  const root = await supervise(
    [child("a"), child("t", [], { restart: "temporary" }), child("n", [], { restart: "transient" })],
    { strategy: "one_for_all", intensity: { max: 0, withinMs: 1_000 } },
  );
  const a = running(root, "a");
  await endChild(root, "t", crash);
  await endChild(root, "n", "normal");
  await root.call.terminateChild("n");
  await settle();
  t.equal(running(root, "a"), a);
});

t.test(
  "rest_for_one, a later sibling that does not start: the earlier ones stay up, the retry starts it and the rest",
  async (t) => {
    const diary: string[] = [];
    const root = await supervise([child("a", diary), child("b", diary, {}, ["up", "fail", "up"]), child("c", diary)], {
      strategy: "rest_for_one",
      intensity: often,
    });
    diary.length = 0;
    await endChild(root, "a", crash);
    await settle();
    const stops = ["down a error", "down c shutdown", "down b shutdown"];
    t.strictSame(diary, [...stops, "up a", "fail b", "up b", "up c"]);
    t.match(supervisorSnapshot(root)?.budget, { used: 2 });
  },
);

t.test("one_for_all, a sibling that does not start: the retry stops what is up and starts all", async (t) => {
  const diary: string[] = [];
  const root = await supervise([child("a", diary), child("b", diary, {}, ["up", "fail", "up"]), child("c", diary)], {
    strategy: "one_for_all",
    intensity: often,
  });
  diary.length = 0;
  await endChild(root, "a", crash);
  await settle();
  t.strictSame(diary.slice(3), ["up a", "fail b", "down a shutdown", "up a", "up b", "up c"]);
});

t.test("a sibling that had crashed by itself is taken along and is no second restart", async (t) => {
  const root = await supervise([child("a"), child("b")], {
    strategy: "one_for_all",
    intensity: { max: 1, withinMs: 60_000 },
  });
  await Promise.all([endChild(root, "a", crash), endChild(root, "b", { exit: 7 })]);
  await settle();
  t.match([look(root, "a"), look(root, "b")], [{ restarts: 1 }, { restarts: 1, lastExit: { reason: { exit: 7 } } }]);
  t.match(supervisorSnapshot(root)?.budget, { used: 1 });
});

t.test("ends are handled in the order they came: the later child first makes two cascades", async (t) => {
  const diary: string[] = [];
  const root = await supervise(
    ["a", "b", "c"].map((id) => child(id, diary)),
    { strategy: "rest_for_one", intensity: often },
  );
  const [b, a] = [running(root, "b"), running(root, "a")];
  const held = gate();
  root
    .within("infinity")
    .call.startChild({ id: "d", restart: "temporary", start: () => held.passed.then(() => "ignore") })
    .catch(() => {});
  await settle();
  diary.length = 0;
  for (const ref of [b, a]) {
    await doing(ref, (hands) => hands.exit(crash));
    await whenEnded(ref);
  }
  held.open();
  await settle();
  t.strictSame(diary, [
    ...["down b error", "down a error", "down c shutdown", "up b", "up c"],
    ...["down c shutdown", "down b shutdown", "up a", "up b", "up c"],
  ]);
});

t.test("a shutdown during a cascade lets it go no further", async (t) => {
  const diary: string[] = [];
  const root = await supervise([child("a", diary), child("b", diary), child("c", diary)], { strategy: "one_for_all" });
  const held = gate();
  await doing(running(root, "b"), (hands) => hands.trap());
  await running(root, "b").call.onTerminate(() => held.passed);
  diary.length = 0;
  await endChild(root, "c", crash);
  await settle();
  t.equal(look(root, "b").state, "stopping");
  const stopped = stopActor(root);
  held.open();
  t.equal(await stopped, "shutdown");
  t.strictSame(diary, ["down c error", "down b shutdown", "down a shutdown"]);
});

t.test("while a sibling is restarting, another's cascade starts it and calls the retry off", async (t) => {
  const diary: string[] = [];
  const held = gate();
  const plain = child("b", diary, {}, ["up", "fail", "up"]);
  let starts = 0;
  const slow: typeof plain = {
    id: "b",
    start: async (context) => {
      if (starts++ === 1) await held.passed;
      return plain.start(context);
    },
  };
  const root = await supervise([child("a", diary), slow], { strategy: "rest_for_one", intensity: often });
  const a = running(root, "a");
  diary.length = 0;
  await endChild(root, "b", crash);
  await doing(a, (hands) => hands.exit(crash));
  await whenEnded(a);
  held.open();
  await settle();
  t.strictSame(diary, ["down b error", "down a error", "fail b", "up a", "up b"]);
  t.match(supervisorSnapshot(root)?.budget, { used: 2 });
});
