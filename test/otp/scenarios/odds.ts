/**
 * Odds and ends: a supervisor that is busy when something happens, continuations and time-outs of nothing, children that ask their own
 * supervisor, and what a kill finds half done.
 */
import type { ActorRef } from "#src/ref.js";
import { c } from "../child-specs.js";
import { exitWith } from "../reason.js";
import type { Scenarios } from "../scenario.js";
import { element, isTagged, type Term, tuple } from "../term.js";

export const odds: Scenarios = {
  async s_280_busy_supervisor_counts_when_it_acts(me) {
    const slow = c("b", { shutdown: "infinity" }, { term_delay: 2_500 });
    const sup = await me.sup({ strategy: "rest_for_one", intensity: 1, period: 1 }, [c("d"), c("a"), slow]);
    const [a, d] = [await me.pid(sup, "a"), await me.pid(sup, "d")];
    await me.sleep(1_100 - (me.world.clock.nowMs() % 1_000));
    await me.die(a, "x");
    await me.sleep(200);
    await me.die(d, "y");
    await me.sleep(5_500);
    const starts = (await me.evs()).filter((event) => isTagged(event, "started"));
    return tuple(me.alive(sup), starts.length);
  },

  async s_281_timeout_0(me) {
    const g = await me.gs({ loginfo: true });
    await me.clear();
    await me.call(g, tuple("reply_timeout", 0));
    await me.sleep(10);
    const silent = await me.evs();
    await me.clear();
    await me.suspend(g);
    const self = me.self;
    await me.spawn(async (other) => self.send(tuple("called", await other.call(g, tuple("reply_timeout", 0)))));
    await me.sleep(10);
    g.send("waiting");
    await me.resume(g);
    await me.receive((message) => isTagged(message, "called"));
    return tuple(silent, await me.evs());
  },

  async s_282_continue_from_init(me) {
    const g = await me.gs({ loginfo: true, continue: tuple("again", "last") });
    g.send("first");
    return (await me.evs()).map((event) => (isTagged(event, "started", 3) ? tuple("up", event.items[1]) : event));
  },

  async s_283_stop_in_continue(me) {
    const g = await me.gs({ continue: tuple("stop", "why") });
    return tuple(
      await me.waitExit(g),
      (await me.evs()).filter((event) => !isTagged(event, "started")),
    );
  },

  async s_284_child_asks_its_supervisor_in_init(me) {
    const sup = await me.supNamed("sup284", {}, []);
    const started = element(1, await me.startChild(sup, c("a", {}, { ask: "sup284" })));
    return tuple(
      started,
      (await me.evs()).filter((event) => isTagged(event, "asked")),
      await me.wc(sup),
    );
  },

  async s_285_child_terminates_itself_through_its_supervisor(me) {
    const sup = await me.sup({}, [c("a", { shutdown: 100 }), c("b")]);
    const a = await me.pid(sup, "a");
    await me.clear();
    a.send(tuple("terminate_me", sup));
    return tuple(await me.down(a), await me.seq(), await me.wc(sup));
  },

  async s_286_requests_wait_for_a_start(me) {
    me.plan("a", [tuple("sleep_error", 100, "e"), "ok"]);
    const sup = await me.sup({}, []);
    const self = me.self;
    const ask = async (what: string, act: () => Promise<Term>) => {
      await me.spawn(async () => self.send(tuple(what, await act())));
      await me.sleep(10);
    };
    await ask("first", async () => element(1, await me.startChild(sup, c("a"))));
    await ask("second", async () => element(1, await me.startChild(sup, c("a"))));
    await ask("third", () => me.terminateChild(sup, "a"));
    await ask("fourth", async () => element(1, await me.restartChild(sup, "a")));
    await me.sleep(150);
    return tuple(await me.drain(), await me.wc(sup));
  },

  async s_287_demonitor_without_flush(me) {
    const process = await me.spawn((one) => one.loop());
    const monitor = me.monitor(process);
    process.send(tuple("exit", "x"));
    await me.sleep(20);
    me.demonitor(monitor, { flush: false });
    return (await me.drain()).map((message) => element(5, message));
  },

  async s_288_oneself_is_no_link_and_no_monitor(me) {
    const process = await me.spawn(async (one) => {
      one.trap();
      one.link(one.self as unknown as ActorRef);
      one.monitor(one.self as unknown as ActorRef);
      throw exitWith(tuple("said", await one.drain()));
    });
    return me.down(process);
  },

  async s_289_simple_exhaustion(me) {
    const sup = await me.sup({ strategy: "simple_one_for_one", intensity: 1, period: 60 }, [c("a")]);
    const [first, second] = [await me.instance(sup), await me.instance(sup), await me.instance(sup)];
    await me.clear();
    await me.die(first, "x");
    await me.sleep(20);
    const counts = await me.cc(sup);
    await me.die(second, "y");
    return tuple(counts, await me.waitExit(sup), await me.seq());
  },

  async s_290_simple_failing_restart(me) {
    me.plan("a", ["ok", "ok", tuple("error", "e1"), tuple("error", "e2"), "ok"]);
    const flags = { strategy: "simple_one_for_one", intensity: 5, period: 60 };
    const sup = await me.sup(flags, [c("a", { restart: "transient" })]);
    const [first] = [await me.instance(sup), await me.instance(sup)];
    await me.clear();
    await me.die(first, "x");
    await me.sleep(40);
    return tuple(await me.cc(sup), await me.wc(sup), await me.seq(), await me.terminateChild(sup, first));
  },

  async s_291_killed_while_it_stops(me) {
    const sup = await me.sup({}, [c("a"), c("b", { shutdown: "infinity" }, { term_delay: 300 })]);
    const monitors = [sup, await me.pid(sup, "a"), await me.pid(sup, "b")].map((ref) => me.monitor(ref));
    await me.clear();
    me.exitSignal(sup, "shutdown");
    await me.sleep(50);
    me.exitSignal(sup, "kill");
    const downs: Term[] = [];
    for (const monitor of monitors) downs.push(await me.receiveDown(monitor));
    return tuple(downs, me.sorted(await me.seqn()));
  },

  async s_292_crash_during_cascade(me) {
    const children = [c("a"), c("b"), c("d", {}, { term_delay: 100 })];
    const sup = await me.sup({ strategy: "rest_for_one", intensity: 2, period: 60 }, children);
    const [a, b] = [await me.pid(sup, "a"), await me.pid(sup, "b")];
    await me.clear();
    await me.die(b, "x");
    await me.sleep(30);
    await me.die(a, "y");
    await me.sleep(300);
    return tuple(me.alive(sup), await me.wc(sup), await me.seq());
  },

  async s_293_added_child_is_stopped_first(me) {
    const sup = await me.sup({}, [c("a"), c("b")]);
    await me.startChild(sup, c("d", { restart: "temporary" }));
    await me.terminateChild(sup, "a");
    await me.restartChild(sup, "a");
    await me.clear();
    await me.killWait(sup, "shutdown");
    return me.seqn();
  },

  async s_294_exit_while_terminating(me) {
    const g = await me.gs({ term_delay: 100 });
    await me.clear();
    me.unlink(g);
    const monitor = me.monitor(g);
    g.send(tuple("die", "x"));
    await me.sleep(30);
    me.exitSignal(g, "other");
    await me.sleep(30);
    const isAlive = me.alive(g);
    const reason = await me.receiveDown(monitor);
    return tuple(
      isAlive,
      reason,
      (await me.evs()).filter((event) => !isTagged(event, "report")),
    );
  },

  async s_295_start_is_called_off_by_shutdown(me) {
    me.plan("a", ["ok", tuple("sleep_error", 150, "e")]);
    const sup = await me.sup({ intensity: 1_000, period: 60 }, [c("b"), c("a")]);
    me.exitSignal(await me.pid(sup, "a"), "kill");
    await me.sleep(30);
    await me.clear();
    const reason = await me.killWait(sup, tuple("shutdown", "now"));
    return tuple(
      reason,
      (await me.seqn()).filter((event) => isTagged(event, "term")),
    );
  },
};
