/**
 * Restarts whose start fails: tried again through the supervisor's own mailbox, counted each time, and open to requests in between.
 */
import { c } from "../child-specs.js";
import type { Scenarios } from "../scenario.js";
import type { Scene } from "../scene.js";
import { isTagged, type Term, tuple } from "../term.js";

const slowFailure = tuple("sleep_error", 100, "e");

export const failingRestart: Scenarios = {
  async s_011_restart_fails_then_succeeds(me) {
    me.plan("a", ["ok", tuple("error", "e1"), tuple("error", "e2"), "ok"]);
    const sup = await me.sup({ intensity: 5, period: 60 }, [c("a")]);
    await me.clear();
    await me.die(await me.pid(sup, "a"), "x");
    await me.sleep(60);
    return tuple(me.alive(sup), await me.wc(sup), await me.seq());
  },

  s_013_rest_for_one_later_sibling_fails_restart_keeps_earlier: (me) => laterSiblingFails(me, "rest_for_one"),
  s_014_one_for_all_sibling_fails_restart_restarts_all: (me) => laterSiblingFails(me, "one_for_all"),

  async s_016_supervisor_shutdown_during_restart_loop(me) {
    me.plan("a", ["ok", slowFailure]);
    const sup = await me.sup({ intensity: 1_000, period: 60 }, [c("a"), c("b")]);
    me.exitSignal(await me.pid(sup, "a"), "kill");
    await me.sleep(150);
    const [tookMs, reason] = await me.timed(() => me.kill(sup, "shutdown"));
    return tuple(reason, tookMs < 600);
  },

  async s_017_simple_restart_loop_pid_lookup(me) {
    me.plan("a", ["ok", slowFailure]);
    const sup = await me.sup({ strategy: "simple_one_for_one", intensity: 1_000, period: 60 }, [c("a")]);
    const a = await me.instance(sup);
    me.exitSignal(a, "kill");
    await me.sleep(150);
    const during = [await me.wc(sup), await me.cc(sup)];
    const terminated = await me.terminateChild(sup, a);
    return tuple(...during, terminated, await me.wc(sup), await me.cc(sup));
  },

  async s_019_simple_restart_returns_ignore_BUG8215(me) {
    me.plan("a", ["ok", "ignore"]);
    const sup = await me.sup({ strategy: "simple_one_for_one", intensity: 5 }, [c("a")]);
    await me.die(await me.instance(sup), "x");
    await me.sleep(40);
    const after = [await me.whichTerms(sup), await me.cc(sup)];
    const reason = await me.kill(sup, "shutdown");
    return tuple(...after, "sup_exit", isTagged(reason, "function_clause") ? "function_clause" : reason);
  },

  async s_179_count_children_negative_active_BUG(me) {
    me.plan("a", ["ok", slowFailure]);
    const sup = await me.sup({ strategy: "simple_one_for_one", intensity: 1_000, period: 60 }, [c("a")]);
    const a = await me.instance(sup);
    me.exitSignal(a, "kill");
    await me.sleep(150);
    await me.terminateChild(sup, a);
    await me.sleep(150);
    return me.countChildren(sup);
  },

  async s_187_stop_reports_for_shutdown_of_restarting_child(me) {
    me.plan("a", ["ok", tuple("sleep_error", 80, "e")]);
    const sup = await me.sup({ intensity: 1_000, period: 60 }, [c("a")]);
    me.exitSignal(await me.pid(sup, "a"), "kill");
    await me.sleep(120);
    await me.clear();
    return tuple(await me.killWait(sup, "shutdown"), await me.reports("shutdown_error"));
  },
};

async function laterSiblingFails(me: Scene, strategy: string): Promise<Term> {
  me.plan("b", ["ok", tuple("error", "e1"), "ok"]);
  const sup = await me.sup({ strategy, intensity: 5, period: 60 }, [c("a"), c("b"), c("c")]);
  await me.clear();
  await me.die(await me.pid(sup, "a"), "x");
  await me.sleep(80);
  return tuple(await me.wc(sup), await me.seqn());
}
