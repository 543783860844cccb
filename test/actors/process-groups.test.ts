/**
 * What `pg` of Erlang/OTP 25.2.3 did in the same situations.
 */
import t from "tap";
import { exitActor, whenEnded } from "#src/actors/exit-actor.js";
import { type GroupEvent, ProcessGroups, processGroups } from "#src/actors/process-groups.js";
import type { ActorRef } from "#src/ref.js";
import { type Puppet, puppet } from "../support/actors.js";

const cast = async () => [await puppet(), await puppet(), await puppet()] as const;

async function heard(watcher: ActorRef<Puppet>) {
  const seen = (await watcher.call.seen()) as { message: GroupEvent }[];
  return seen.map(({ message }) => [message.type, message.group, message.members]);
}

t.test("an actor joins as often as it likes, newest first, and must leave as often", async (t) => {
  const groups = new ProcessGroups();
  const [p, q] = await cast();
  groups.join("g", p);
  groups.join("g", q);
  groups.join("g", [p, p, q]);
  t.strictSame(groups.getMembers("g"), [p, p, q, q, p]);
  t.equal(groups.leave("g", [p, q]), "ok");
  t.strictSame(groups.getMembers("g"), [p, q, p]);
  t.strictSame(groups.getLocalMembers("g"), [p, q, p]);
});

t.test("an empty group is none, and who is not in it has not joined", async (t) => {
  const groups = new ProcessGroups();
  const [p, q] = await cast();
  groups.join("g", p);
  t.equal(groups.leave("g", q), "not_joined");
  t.equal(groups.leave("h", p), "not_joined");
  t.strictSame(groups.whichGroups(), ["g"]);
  groups.leave("g", p);
  t.strictSame(groups.whichGroups(), []);
  t.strictSame(groups.getMembers("g"), []);
});

t.test("watchers hear who joins and leaves, all that were named if any was in", async (t) => {
  const groups = new ProcessGroups();
  const [p, q, watcher] = await cast();
  groups.join("g", p);
  t.strictSame(groups.monitor("g", watcher).members, [p]);
  groups.join("g", [p, q]);
  groups.join("h", p);
  groups.leave("g", q);
  groups.leave("g", q);
  groups.leave("g", [p, q]);
  t.strictSame(await heard(watcher), [
    ["join", "g", [p, q]],
    ["leave", "g", [q]],
    ["leave", "g", [p, q]],
  ]);
});

t.test("a member that ends leaves all its groups, the newest first, once for each time it joined", async (t) => {
  const groups = new ProcessGroups();
  const [p, q, watcher] = await cast();
  groups.join("g", [p, q, p]);
  groups.join("h", p);
  const { groups: now } = groups.monitorScope(watcher);
  t.strictSame(
    [...now],
    [
      ["g", [p, q, p]],
      ["h", [p]],
    ],
  );
  exitActor(p, "kill");
  await whenEnded(p);
  t.strictSame(groups.getMembers("g"), [q]);
  t.strictSame(await heard(watcher), [
    ["leave", "h", [p]],
    ["leave", "g", [p]],
    ["leave", "g", [p]],
  ]);
});

t.test("the dead join and leave at once", async (t) => {
  const groups = new ProcessGroups();
  const [p, , watcher] = await cast();
  exitActor(p, "kill");
  await whenEnded(p);
  groups.monitor("g", watcher);
  groups.join("g", p);
  t.strictSame(groups.getMembers("g"), []);
  t.strictSame(await heard(watcher), [
    ["join", "g", [p]],
    ["leave", "g", [p]],
  ]);
});

t.test("after demonitor nothing more comes; a second one finds nothing", async (t) => {
  const groups = new ProcessGroups();
  const [p, , watcher] = await cast();
  const { monitor } = groups.monitor("g", watcher);
  t.equal(groups.demonitor(monitor), true);
  t.equal(groups.demonitor(monitor), false);
  groups.join("g", p);
  t.strictSame(await heard(watcher), []);
});

t.test("a watcher that has ended is forgotten", async (t) => {
  const groups = new ProcessGroups();
  const [p, , watcher] = await cast();
  const { monitor } = groups.monitor("g", watcher);
  exitActor(watcher, "kill");
  await whenEnded(watcher);
  groups.join("g", p);
  t.equal(groups.demonitor(monitor), false);
});

t.test("scopes are apart, and each is one in its thread", async (t) => {
  const [p] = await cast();
  processGroups("one").join("g", p);
  t.strictSame(processGroups("one").getMembers("g"), [p]);
  t.strictSame(processGroups("other").getMembers("g"), []);
  t.strictSame(processGroups().getMembers("g"), []);
});
