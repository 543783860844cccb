/**
 * How children are stopped: in which time, in which order, with what is reported, and what becomes of a supervisor that is stopped itself.
 */
import { c, inner } from "../child-specs.js";
import type { Scenarios } from "../scenario.js";
import type { Scene } from "../scene.js";
import { isTagged, type Term, tuple } from "../term.js";

const types = ["permanent", "transient", "temporary"] as const;
const lastWords: readonly Term[] = ["normal", "shutdown", tuple("shutdown", "x"), "other"];

export const shutdown: Scenarios = {
  async s_052_timeout_then_kill_report(me) {
    const sup = await me.sup({}, [c("a", { shutdown: 80 }, { term_delay: 10_000 })]);
    const monitor = me.monitor(await me.pid(sup, "a"));
    await me.clear();
    const [tookMs, result] = await me.timed(() => me.terminateChild(sup, "a"));
    return tuple(result, await me.receiveDown(monitor), tookMs >= 80 && tookMs < 400, await me.seq());
  },

  async s_053_infinity_waits(me) {
    const sup = await me.sup({}, [c("a", { shutdown: "infinity" }, { term_delay: 300 })]);
    const [tookMs, result] = await me.timed(() => me.terminateChild(sup, "a"));
    return tuple(result, tookMs >= 300);
  },

  async s_055_shutdown_error_reports_by_type(me) {
    const cells = [];
    for (const type of types) for (const lastWord of lastWords) cells.push(await reportOf(me, type, lastWord));
    return cells;
  },

  async s_056_nontrapping_child_dies_without_terminate(me) {
    const sup = await me.sup({}, [c("a", {}, { trap: false })]);
    const monitor = me.monitor(await me.pid(sup, "a"));
    await me.clear();
    await me.terminateChild(sup, "a");
    return tuple(await me.receiveDown(monitor), await me.seq());
  },

  async s_058_naughty_child_unlinked_crash_unnoticed(me) {
    const sup = await me.supNamed("nsup2", {}, []);
    const started = await me.startChild(sup, c("a", {}, { unlink_from: "nsup2" }));
    await me.die(me.pidOf(started), "x");
    await me.sleep(30);
    return tuple(await me.wc(sup), await me.cc(sup));
  },

  async s_059_simple_shutdown_parallel(me) {
    const sup = await me.sup({ strategy: "simple_one_for_one" }, [c("a", { shutdown: 2_000 }, { term_delay: 200 })]);
    for (let times = 0; times < 5; times++) await me.instance(sup);
    const [tookMs, reason] = await me.timed(() => me.killWait(sup, "shutdown"));
    return tuple(reason, tookMs < 600);
  },

  async s_061_simple_shutdown_reports_grouped(me) {
    const sup = await me.sup({ strategy: "simple_one_for_one" }, [c("a", {}, { term_exit: "oops" })]);
    for (let times = 0; times < 3; times++) await me.instance(sup);
    await me.clear();
    await me.killWait(sup, "shutdown");
    return (await me.reports()).map(({ items: [, context, reason, , count] }) => tuple(context, reason, count));
  },

  async s_062_child_dies_while_sup_stopping_sibling(me) {
    const sup = await me.sup({}, [c("a"), c("b", { shutdown: 2_000 }, { term_delay: 300 })]);
    const a = await me.pid(sup, "a");
    const monitor = me.monitor(a);
    await me.clear();
    await me.spawn(async (other) => {
      await other.sleep(100);
      a.send(tuple("die", "crashed"));
    });
    const reason = await me.killWait(sup, "shutdown");
    return tuple(reason, await me.receiveDown(monitor), await me.seq());
  },

  async s_064_exit_signal_from_nonparent_ignored(me) {
    const sup = await me.sup({}, [c("a")]);
    await me.clear();
    const sender = await me.spawn(async (other) => {
      other.exitSignal(sup, "shutdown");
      other.exitSignal(sup, "foo");
    });
    await me.sleep(50);
    return tuple(me.alive(sup), me.alive(sender), await me.seq());
  },

  async s_065_exit_shutdown_from_parent(me) {
    const sup = await me.sup({}, [c("a"), c("b")]);
    await me.clear();
    const reason = await me.killWait(sup, tuple("shutdown", "custom"));
    const stopped = await me.seqn();
    const exits = (await me.drain()).flatMap((message) => (isTagged(message, "EXIT") ? [message.items[2]] : []));
    return tuple(reason, stopped, exits);
  },

  async s_067_sup_killed_children_get_killed_reason(me) {
    const sup = await me.sup({}, [c("a"), c("b", {}, { trap: false })]);
    const monitors = [me.monitor(await me.pid(sup, "a")), me.monitor(await me.pid(sup, "b"))];
    await me.clear();
    me.unlink(sup);
    me.exitSignal(sup, "kill");
    const reasons = [];
    for (const monitor of monitors) reasons.push(await me.receiveDown(monitor, 1_000, "alive"));
    return tuple(...reasons, await me.seqn());
  },

  async s_158_brutal_killed_supervisor_grandchildren(me) {
    const sup = await me.sup({}, [inner("inner", {}, [c("w1"), c("w2")], { shutdown: "brutal_kill" })]);
    const monitor = me.monitor(await me.pid(await me.pid(sup, "inner"), "w1"));
    await me.clear();
    await me.killWait(sup, "shutdown");
    return tuple(await me.receiveDown(monitor, 500, "alive"), me.sorted(await me.seqn()));
  },

  async s_161_child_not_linked_by_start_fun(me) {
    const sup = await me.sup({}, [{ id: "u", start: tuple("scene", "unlinked", []) }]);
    const reason = await me.kill(await me.pid(sup, "u"), "kill");
    await me.sleep(30);
    return tuple(reason, await me.wc(sup), await me.countChildren(sup));
  },

  async s_163_permanent_shutdown_tuple_stop_by_sup_logs(me) {
    const sup = await me.sup({}, [c("a", {}, { term_exit: tuple("shutdown", "z") })]);
    await me.clear();
    await me.killWait(sup, "shutdown");
    return me.reports();
  },

  async s_181_parent_exit2_normal_stops_supervisor(me) {
    const sup = await me.sup({}, [c("a")]);
    await me.clear();
    return tuple(await me.kill(sup, "normal", 500), await me.seqn());
  },

  async s_185_brutal_kill_trapping_child_no_terminate(me) {
    const sup = await me.sup({}, [c("a", { shutdown: "brutal_kill" })]);
    await me.clear();
    await me.killWait(sup, "shutdown");
    return me.seqn();
  },
};

async function reportOf(me: Scene, restart: (typeof types)[number], lastWord: Term): Promise<Term> {
  const sup = await me.sup({}, [c("a", { restart }, { term_exit: lastWord })]);
  await me.clear();
  await me.terminateChild(sup, "a");
  const reports = (await me.reports()).map(({ items: [, context, reason] }) => tuple(context, reason));
  return tuple(restart, lastWord, reports);
}
