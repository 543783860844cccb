/**
 * Significant children: whose end ends the supervisor, and whose does not.
 */
import { c, sig } from "../child-specs.js";
import type { Scenarios } from "../scenario.js";
import { tuple } from "../term.js";

const any = { auto_shutdown: "any_significant" };
const all = { auto_shutdown: "all_significant" };

export const autoShutdown: Scenarios = {
  async s_068_any_significant_transient_normal(me) {
    const sup = await me.sup(any, [sig("a", "transient"), c("b")]);
    await me.clear();
    await me.die(await me.pid(sup, "a"), "normal");
    return tuple(await me.waitExit(sup), await me.seqn());
  },

  async s_070_any_significant_temporary_crash(me) {
    const sup = await me.sup(any, [sig("a", "temporary"), c("b")]);
    await me.die(await me.pid(sup, "a"), "x");
    return me.waitExit(sup);
  },

  async s_071_any_significant_terminate_child_does_not_trigger(me) {
    const sup = await me.sup(any, [sig("a", "transient"), c("b")]);
    await me.terminateChild(sup, "a");
    await me.sleep(30);
    return tuple(me.alive(sup), await me.wc(sup));
  },

  async s_073_all_significant_last_stopped_by_api_no_trigger(me) {
    const sup = await me.sup(all, [sig("a", "transient"), sig("b", "transient"), c("c")]);
    await me.die(await me.pid(sup, "a"), "normal");
    await me.sleep(20);
    await me.terminateChild(sup, "b");
    await me.sleep(30);
    return tuple(me.alive(sup), await me.wc(sup));
  },

  async s_074_all_significant_api_first_then_normal_triggers(me) {
    const sup = await me.sup(all, [sig("a", "transient"), sig("b", "transient"), c("c")]);
    await me.terminateChild(sup, "b");
    await me.die(await me.pid(sup, "a"), "normal");
    return me.waitExit(sup);
  },

  async s_076_simple_all_significant(me) {
    const sup = await me.sup({ strategy: "simple_one_for_one", ...all }, [sig("a", "temporary")]);
    const [first, second] = [await me.instance(sup), await me.instance(sup)];
    await me.die(first, "x");
    await me.sleep(20);
    const isAlive = me.alive(sup);
    await me.die(second, "x");
    return tuple(isAlive, await me.waitExit(sup));
  },

  async s_077_significant_bystander(me) {
    const sup = await me.sup({ strategy: "one_for_all", intensity: 5, ...any }, [sig("a", "transient"), c("b")]);
    await me.die(await me.pid(sup, "b"), "x");
    await me.sleep(50);
    return tuple(me.alive(sup), await me.wc(sup));
  },
};
