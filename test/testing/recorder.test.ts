import t from "tap";
import { Actor } from "#src/actors/actor.js";
import { start } from "#src/app/tree.js";
import { recorder } from "#src/testing/recorder.js";

class Fragile extends Actor {
  crash(): void {
    throw new TypeError("on request");
  }
}

const treeOf = (supervisor: string) => start({ supervisor, children: [{ actor: "a", class: Fragile }] });

t.test("it records a tree's life as data that compares, incarnations told apart", async (t) => {
  using record = recorder({ under: "life", channels: ["supervisor"] });
  const tree = await treeOf("life");
  tree.whereis<Fragile>("a")?.cast.crash();
  await record.waitFor(({ type, ref }) => type === "started" && ref === "life/a#2");
  await tree.stop();
  const of = record.events.filter(({ type }) => type !== "report");
  t.match(of[0], { channel: "supervisor", type: "started", path: "life/a", id: "a", ref: "life/a" });
  t.match(of[1], { type: "exited", reason: { error: { name: "TypeError", message: "on request" } } });
  t.notMatch(of[1], { reason: { error: { stack: String } } });
  t.strictSame(
    of.map(({ type }) => type),
    ["started", "exited", "restarting", "started", "stopping", "stopped"],
  );
  t.equal(record.lines[0], "started life/a");
  t.strictSame(JSON.parse(JSON.stringify(record.events)), record.events, "plain data");
});

t.test("it keeps to the tree it was asked for, and to its time", async (t) => {
  const record = recorder({ under: "mine" });
  const [mine, others] = [await treeOf("mine"), await treeOf("mine-not")];
  const heard = record.events.length;
  t.ok(heard > 0);
  record.stop();
  await mine.stop();
  await others.stop();
  t.equal(record.events.length, heard);
  t.notOk(record.events.some(({ path }) => String(path).startsWith("mine-not")));
});

t.test("what nobody handles is recorded with who got it", async (t) => {
  using record = recorder({ under: "silent" });
  const tree = await treeOf("silent");
  tree.whereis("a")?.send({ hello: "there" });
  const heard = await record.waitFor(({ channel }) => channel === "unhandled");
  t.match(heard, { ref: "silent/a", message: { type: "info", message: { hello: "there" } } });
  await tree.stop();
});

t.test("a crash is recorded with what it was over, its parents by their paths", async (t) => {
  using record = recorder({ under: "fatal", channels: ["crash"] });
  const tree = await treeOf("fatal");
  tree.whereis<Fragile>("a")?.cast.crash();
  const report = await record.waitFor(({ type }) => type === "crash_report");
  t.match(report, {
    label: "fatal/a",
    parent: "fatal",
    lastMessage: { method: "crash" },
    cause: { name: "TypeError" },
  });
  await tree.stop();
});

t.test("messages that throw when they are looked at do no harm, and come from nobody at worst", async (t) => {
  using record = recorder({ under: "rude", channels: ["unhandled"] });
  const tree = await treeOf("rude");
  const trap = {
    get bait(): never {
      throw new Error("gotcha");
    },
  };
  const a = tree.whereis("a");
  a?.send(trap);
  await record.waitFor(() => true);
  t.match(record.events[0], { message: { message: { unreadable: "Error: gotcha" } } });
  await tree.stop();
});

t.test("waiting in vain ends with what was heard instead", async (t) => {
  using record = recorder({ under: "vain" });
  const tree = await treeOf("vain");
  await t.rejects(
    record.waitFor(() => false, { timeoutMs: 10 }),
    /no such event within 10 ms; there were:\n.*started vain\/a/s,
  );
  record.clear();
  t.strictSame(record.events, []);
  await tree.stop();
});
