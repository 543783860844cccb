/**
 * Restart type against exit reason: which ends are followed by a restart, and which are reported.
 */
import { c } from "../child-specs.js";
import type { Scenarios } from "../scenario.js";
import type { Scene } from "../scene.js";
import { type Term, type Tuple, tuple } from "../term.js";

const types = ["permanent", "transient", "temporary"] as const;
const reasons: readonly Term[] = ["normal", "shutdown", tuple("shutdown", "x"), "other", "kill", "killed", "noproc"];

export const restartType: Scenarios = {
  async s_020_matrix(me) {
    const cells = [];
    for (const type of types) for (const reason of reasons) cells.push(await endOf(me, type, reason));
    return cells;
  },

  async s_164_restart_extra_pid_updates(me) {
    me.plan("a", ["ok", "extra"]);
    const sup = await me.sup({}, [c("a")]);
    const a = await me.pid(sup, "a");
    await me.die(a, "x");
    await me.sleep(30);
    return tuple(await me.wc(sup), a !== (await me.pid(sup, "a")));
  },

  async s_167_kill_child_reason_reported_as_killed(me) {
    const sup = await me.sup({}, [c("a")]);
    await me.clear();
    me.exitSignal(await me.pid(sup, "a"), "kill");
    await me.sleep(40);
    return me.reports("child_terminated");
  },

  async s_169_failed_restart_child_api_keeps_spec(me) {
    me.plan("a", ["ok", tuple("error", "e"), "ok"]);
    const sup = await me.sup({ intensity: 0 }, [c("a")]);
    await me.terminateChild(sup, "a");
    const failed = await me.restartChild(sup, "a");
    const listed = await me.wc(sup);
    const again = (await me.restartChild(sup, "a")) as Tuple;
    return tuple(failed, listed, again.items[0], me.alive(sup));
  },
};

async function endOf(me: Scene, type: (typeof types)[number], reason: Term): Promise<Term> {
  const sup = await me.sup({ intensity: 5 }, [c("a", { restart: type })]);
  const a = await me.pid(sup, "a");
  await me.clear();
  await me.die(a, reason);
  await me.sleep(30);
  const [listed] = (await me.wc(sup)) as Tuple[];
  const state = listed === undefined ? "removed" : listed.items[1] === "running" ? "restarted" : "kept_stopped";
  const contexts = (await me.reports()).map((report) => report.items[1]);
  me.unlink(sup);
  me.exitSignal(sup, "kill");
  return tuple(type, reason, state, contexts);
}
