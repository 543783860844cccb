/**
 * The order in which children start, stop and are started again, and who is touched when a sibling ends.
 */
import { c, inner } from "../child-specs.js";
import type { Scenarios } from "../scenario.js";
import { tuple } from "../term.js";

export const order: Scenarios = {
  async s_022_dynamic_children_order(me) {
    const sup = await me.sup({}, [c("a")]);
    await me.startChild(sup, c("b"));
    await me.startChild(sup, c("c"));
    const listed = await me.wc(sup);
    await me.clear();
    await me.kill(sup, "shutdown");
    return tuple(listed, await me.seqn());
  },

  async s_023_rest_for_one_order(me) {
    const sup = await me.sup({ strategy: "rest_for_one", intensity: 5 }, [c("a"), c("b"), c("c"), c("d")]);
    await me.clear();
    await me.die(await me.pid(sup, "b"), "x");
    await me.sleep(60);
    return tuple(await me.seqn(), await me.wc(sup));
  },

  async s_025_rest_for_one_drops_temporary_bystander(me) {
    const children = [c("a"), c("t", { restart: "temporary" }), c("b")];
    const sup = await me.sup({ strategy: "rest_for_one", intensity: 5 }, children);
    await me.clear();
    await me.die(await me.pid(sup, "a"), "x");
    await me.sleep(60);
    return tuple(await me.seqn(), await me.wc(sup));
  },

  async s_026_one_for_all_starts_previously_stopped_transient(me) {
    const sup = await me.sup({ strategy: "one_for_all", intensity: 5 }, [c("a"), c("b", { restart: "transient" })]);
    await me.die(await me.pid(sup, "b"), "normal");
    await me.sleep(20);
    const listed = await me.wc(sup);
    await me.clear();
    await me.die(await me.pid(sup, "a"), "x");
    await me.sleep(60);
    return tuple(listed, await me.seqn(), await me.wc(sup));
  },

  async s_028_rest_for_one_terminate_child_api_does_not_cascade(me) {
    const sup = await me.sup({ strategy: "rest_for_one", intensity: 5 }, [c("a"), c("b"), c("c")]);
    await me.clear();
    await me.terminateChild(sup, "a");
    return tuple(await me.seqn(), await me.wc(sup));
  },

  async s_029_restarted_child_keeps_position(me) {
    const sup = await me.sup({ intensity: 5 }, [c("a"), c("b"), c("c")]);
    await me.die(await me.pid(sup, "b"), "x");
    await me.sleep(30);
    const listed = await me.wc(sup);
    await me.clear();
    await me.kill(sup, "shutdown");
    return tuple(listed, await me.seqn());
  },

  async s_151_temporary_crash_in_one_for_all_leaves_siblings(me) {
    const sup = await me.sup({ strategy: "one_for_all" }, [c("a"), c("t", { restart: "temporary" })]);
    const a = await me.pid(sup, "a");
    await me.die(await me.pid(sup, "t"), "x");
    await me.sleep(30);
    return tuple(await me.wc(sup), "same", a === (await me.pid(sup, "a")));
  },

  async s_152_permanent_normal_exit_cascades_rest_for_one(me) {
    const sup = await me.sup({ strategy: "rest_for_one", intensity: 5 }, [c("a"), c("b"), c("c")]);
    await me.clear();
    await me.die(await me.pid(sup, "b"), "normal");
    await me.sleep(40);
    return me.seqn();
  },

  async s_154_two_simultaneous_crashes_one_for_one_count_twice(me) {
    const sup = await me.sup({ intensity: 1, period: 60 }, [c("a"), c("b"), c("c")]);
    const [a, b] = [await me.pid(sup, "a"), await me.pid(sup, "b")];
    await me.suspend(sup);
    await me.clear();
    await me.die(a, "x");
    await me.die(b, "y");
    await me.resume(sup);
    return tuple(await me.waitExit(sup), await me.seqn());
  },

  async s_155_simultaneous_rest_for_one_later_first(me) {
    const sup = await me.sup({ strategy: "rest_for_one", intensity: 5, period: 60 }, [c("a"), c("b"), c("c")]);
    const [a, b] = [await me.pid(sup, "a"), await me.pid(sup, "b")];
    await me.suspend(sup);
    await me.clear();
    await me.die(b, "y");
    await me.die(a, "x");
    await me.resume(sup);
    await me.sleep(60);
    return tuple(await me.wc(sup), await me.seq());
  },

  async s_157_nested_stop_depth_first_reverse(me) {
    const sup = await me.sup({}, [c("a"), inner("inner", {}, [c("w1"), c("w2")]), c("z")]);
    await me.clear();
    await me.killWait(sup, "shutdown");
    return me.seqn();
  },
};
