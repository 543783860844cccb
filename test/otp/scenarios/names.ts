/**
 * Registered names and process groups.
 */
import { ProcessGroups } from "#src/actors/process-groups.js";
import type { Scenarios } from "../scenario.js";
import type { Scene } from "../scene.js";
import { element, isTagged, type Term, tuple } from "../term.js";

export const names: Scenarios = {
  async s_086_monitor_dead_noproc(me) {
    const dead = await me.spawn(async () => "ok");
    await me.sleep(10);
    const byRef = me.monitor(dead);
    const byName = me.monitor("nosuchname");
    const [ofName, object] = await me.receiveDownOf(byName, 100);
    return tuple(await me.receiveDown(byRef, 100, "none"), tuple(isNamed(object, "nosuchname", me), ofName));
  },

  async s_091_name_released_before_down(me) {
    const process = await me.spawn(async (one) => {
      one.register("nm91", one.self as never);
      await one.loop();
    });
    await me.sleep(20);
    const monitor = me.monitor(process);
    process.send(tuple("exit", "x"));
    await me.receiveDown(monitor);
    return me.whereis("nm91");
  },

  async s_092_register_errors(me) {
    const process = await me.spawn((one) => one.loop());
    me.register("nm92", process);
    return tuple(
      me.catching(() => me.register("nm92", me.self as never)),
      me.catching(() => me.register("other92", process)),
      me.catching(() => me.register(undefined, me.self as never)),
      me.catching(() => me.unregister("nope92")),
      me.catching(() => me.sendTo("nope92", "x")),
      me.catching(() => me.cast("nope92", "x")),
    );
  },

  async s_170_pg(me) {
    const scope = new ProcessGroups<string>(me.world.runtime);
    const process = await me.spawn((one) => one.loop());
    scope.join("g", process);
    scope.join("g", process);
    const joinedTwice = scope.getMembers("g").length;
    const left = scope.leave("g", process);
    const joinedOnce = scope.getMembers("g").length;
    scope.leave("g", process);
    const leftAgain = scope.leave("g", process);
    scope.join("g", process);
    if (scope.getMembers("none").length > 0) throw new TypeError("a group that nobody joined has members");
    process.send(tuple("exit", "x"));
    await me.sleep(40);
    return tuple(joinedTwice, left, joinedOnce, leftAgain, scope.getMembers("g"), scope.whichGroups());
  },

  async s_172_global_names(me) {
    const [a, b] = [await me.spawn((one) => one.loop()), await me.spawn((one) => one.loop())];
    const answers: Term[] = [me.registerGlobal("gn", a), me.registerGlobal("gn", b), me.registerGlobal("gn2", a)];
    a.send(tuple("exit", "x"));
    await me.sleep(60);
    return tuple(...answers, me.whereis("gn"), me.whereis("gn2"));
  },

  async s_175_monitor_by_name_object(me) {
    const process = await me.spawn(async (one) => {
      one.register("nm175", one.self as never);
      await one.loop();
    });
    await me.sleep(10);
    const monitor = me.monitor("nm175");
    process.send(tuple("exit", "z"));
    const [reason, object] = await me.receiveDownOf(monitor);
    return tuple(element(1, object), isNamed(object, "nm175", me), reason);
  },
};

/** Whether the object of a monitor is `{Name,Node}`. */
function isNamed(object: Term, name: string, me: Scene): boolean {
  return isTagged(object, name, 2) && object.items[1] === me.self.thread;
}
