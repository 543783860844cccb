/**
 * How many restarts a supervisor may make, what counts as one, and what happens when it was one too many.
 */
import { c, inner } from "../child-specs.js";
import type { Scenarios } from "../scenario.js";
import { isTagged, tuple } from "../term.js";

export const intensity: Scenarios = {
  async s_001_intensity_0_first_crash_kills(me) {
    const sup = await me.sup({ intensity: 0 }, [c("a"), c("b")]);
    const a = await me.pid(sup, "a");
    await me.clear();
    await me.die(a, "boom");
    return tuple(await me.waitExit(sup), await me.seq());
  },

  async s_002_intensity_boundary_3_of_3_ok_4th_kills(me) {
    const sup = await me.sup({ intensity: 3, period: 60 }, [c("a")]);
    const survived = [];
    for (const nth of [1, 2, 3]) {
      await me.die(await me.pid(sup, "a"), "boom");
      await me.sleep(20);
      survived.push(tuple(nth, me.alive(sup)));
    }
    await me.die(await me.pid(sup, "a"), "boom");
    return tuple(survived, await me.waitExit(sup));
  },

  async s_004_intensity_shared_across_children(me) {
    const sup = await me.sup({ intensity: 1, period: 60 }, [c("a"), c("b")]);
    await me.die(await me.pid(sup, "a"), "x");
    await me.sleep(20);
    const isAlive = me.alive(sup);
    await me.die(await me.pid(sup, "b"), "x");
    return tuple(isAlive, await me.waitExit(sup));
  },

  async s_005_one_for_all_counts_one_restart(me) {
    const sup = await me.sup({ strategy: "one_for_all", intensity: 1, period: 60 }, [c("a"), c("b"), c("c")]);
    await me.die(await me.pid(sup, "a"), "x");
    await me.sleep(50);
    return tuple(me.alive(sup), await me.wc(sup));
  },

  async s_007_transient_normal_not_counted_under_one_for_all(me) {
    const sup = await me.sup({ strategy: "one_for_all", intensity: 0 }, [c("a", { restart: "transient" }), c("b")]);
    const b = await me.pid(sup, "b");
    await me.die(await me.pid(sup, "a"), "normal");
    await me.sleep(30);
    return tuple(me.alive(sup), await me.wc(sup), "sibling_same", b === (await me.pid(sup, "b")));
  },

  async s_008_manual_restart_child_not_counted(me) {
    const sup = await me.sup({ intensity: 0 }, [c("a")]);
    for (let times = 0; times < 3; times++) {
      await me.terminateChild(sup, "a");
      await me.restartChild(sup, "a");
    }
    return tuple(me.alive(sup), await me.wc(sup));
  },

  async s_010_nested_escalation_product(me) {
    const sup = await me.sup({ intensity: 1, period: 60 }, [inner("inner", { intensity: 1, period: 60 }, [c("w")])]);
    await me.clear();
    const crash = async () => {
      const middle = await me.pid(sup, "inner");
      return [middle, await me.die(await me.pid(middle, "w"), "x")] as const;
    };
    const seen = [];
    for (let times = 0; times < 3; times++) {
      const [middle, reason] = await crash();
      await me.sleep(60);
      seen.push(tuple(reason, me.alive(sup), me.alive(middle)));
    }
    await crash();
    const exit = await me.waitExit(sup);
    const starts = (await me.evs()).filter((event) => isTagged(event, "started") && event.items[1] === "w");
    return tuple(seen, exit, starts.length);
  },

  async s_166_intensity_window_survives_code_change_and_old_restarts_kept(me) {
    const sup = await me.sup({ intensity: 2, period: 60 }, [c("a")]);
    for (let times = 0; times < 2; times++) {
      await me.die(await me.pid(sup, "a"), "x");
      await me.sleep(20);
    }
    await me.changeCode(sup, { intensity: 1, period: 60 }, [c("a")]);
    const isAlive = me.alive(sup);
    await me.die(await me.pid(sup, "a"), "x");
    return tuple(isAlive, await me.waitExit(sup));
  },
};
