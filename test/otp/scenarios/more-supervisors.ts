/**
 * Corners of supervision: requests while a child is restarting, cascades over children added later, significance across levels.
 */
import { c, inner, sig } from "../child-specs.js";
import type { Scenarios } from "../scenario.js";
import type { Scene } from "../scene.js";
import { element, isTagged, type Term, tuple } from "../term.js";

const slowFailure = (ms: number) => ["ok", tuple("sleep_error", ms, "e")];

export const moreSupervisors: Scenarios = {
  async s_201_requests_while_restarting(me) {
    me.plan("a", slowFailure(100));
    const sup = await me.sup({ intensity: 1_000, period: 60 }, [c("a"), c("b")]);
    me.exitSignal(await me.pid(sup, "a"), "kill");
    await me.sleep(50);
    const refused = [await me.startChild(sup, c("a")), await me.restartChild(sup, "a"), await me.deleteChild(sup, "a")];
    const { restart } = element(2, await me.getChildspec(sup, "a")) as { restart: Term };
    const terminated = await me.terminateChild(sup, "a");
    return tuple(refused, restart, terminated, await me.wc(sup), await me.deleteChild(sup, "a"), await me.wc(sup));
  },

  async s_202_count_children_while_restarting(me) {
    me.plan("a", slowFailure(100));
    const sup = await me.sup({ intensity: 1_000, period: 60 }, [c("a"), c("b"), inner("i", {}, [])]);
    me.exitSignal(await me.pid(sup, "a"), "kill");
    await me.sleep(50);
    const restarting = tuple(await me.wc(sup), await me.cc(sup));
    await me.terminateChild(sup, "a");
    const terminated = tuple(await me.wc(sup), await me.cc(sup));
    return tuple(restarting, terminated, await me.restartChild(sup, "a"), await me.wc(sup));
  },

  async s_203_rest_for_one_over_added_children(me) {
    const sup = await me.sup({ strategy: "rest_for_one", intensity: 5 }, [c("a"), c("b")]);
    const added = [c("t", { restart: "temporary" }), c("r", { restart: "transient" }), c("p")];
    for (const spec of added) await me.startChild(sup, spec);
    await me.die(await me.pid(sup, "r"), "normal");
    await me.sleep(20);
    await me.clear();
    await me.die(await me.pid(sup, "b"), "x");
    await me.sleep(60);
    return tuple(await me.seqn(), await me.wc(sup));
  },

  async s_204_one_for_all_brings_back_terminated(me) {
    const sup = await me.sup({ strategy: "one_for_all", intensity: 5 }, [c("a"), c("b"), c("c")]);
    await me.terminateChild(sup, "b");
    await me.clear();
    await me.die(await me.pid(sup, "c"), "x");
    await me.sleep(60);
    return tuple(await me.seqn(), await me.wc(sup));
  },

  async s_205_significant_escalates(me) {
    const workers = [sig("w", "transient"), c("v")];
    const middle = inner("i", { auto_shutdown: "any_significant" }, workers, {
      restart: "transient",
      significant: true,
    });
    const sup = await me.sup({ auto_shutdown: "all_significant" }, [c("a"), middle, c("b")]);
    await me.clear();
    await me.die(await me.pid(await me.pid(sup, "i"), "w"), "normal");
    return tuple(await me.waitExit(sup), await me.seq());
  },

  async s_206_exhausted_significant_supervisor(me) {
    const middle = inner("i", { intensity: 0 }, [c("w")], { restart: "temporary", significant: true });
    const sup = await me.sup({ auto_shutdown: "any_significant" }, [c("a"), middle]);
    await me.clear();
    await me.die(await me.pid(await me.pid(sup, "i"), "w"), "x");
    return tuple(await me.waitExit(sup), await me.seq());
  },

  async s_207_delete_and_start_moves_to_the_end(me) {
    const sup = await me.sup({ strategy: "rest_for_one", intensity: 5 }, [c("a"), c("b"), c("c")]);
    await me.terminateChild(sup, "a");
    await me.deleteChild(sup, "a");
    await me.startChild(sup, c("a"));
    const listed = await me.wc(sup);
    await me.clear();
    await me.die(await me.pid(sup, "c"), "x");
    await me.sleep(50);
    return tuple(listed, await me.seqn(), await me.wc(sup));
  },

  async s_208_extra_is_returned(me) {
    me.plan("x", ["extra"]);
    const sup = await me.sup({}, []);
    const started = element(3, await me.startChild(sup, c("x")));
    await me.terminateChild(sup, "x");
    const again = element(3, await me.restartChild(sup, "x"));
    return tuple(started, again, await me.wc(sup), await me.cc(sup));
  },

  async s_209_start_child_that_fails(me) {
    const outcomes = {
      a: tuple("error", "bad"),
      b: tuple("init_stop", "why"),
      d: tuple("init_exit", "normal"),
      e: "ignore",
      f: "ignore",
      g: "init_ignore",
    };
    for (const [id, outcome] of Object.entries(outcomes)) me.plan(id, [outcome]);
    const sup = await me.sup({}, []);
    await me.clear();
    const [permanent, temporary]: [Term[], Term[]] = [[], []];
    for (const id of ["a", "b", "d", "e"]) permanent.push(await me.startChild(sup, c(id)));
    for (const id of ["f", "g"]) temporary.push(await me.startChild(sup, c(id, { restart: "temporary" })));
    const [listed, again] = [await me.wc(sup), await me.startChild(sup, c("e"))];
    return tuple(permanent, temporary, listed, again, await me.reports("start_error"));
  },

  async s_210_temporary_is_gone(me) {
    const sup = await me.sup({}, [c("a", { restart: "temporary" }), c("b", { restart: "temporary" })]);
    await me.die(await me.pid(sup, "a"), "x");
    await me.sleep(20);
    await me.terminateChild(sup, "b");
    const answers: Term[] = [];
    for (const id of ["a", "b"]) answers.push(await me.restartChild(sup, id));
    for (const id of ["a", "b"]) answers.push(await me.deleteChild(sup, id));
    for (const id of ["a", "b"]) answers.push(await me.getChildspec(sup, id));
    return tuple(answers, await me.wc(sup));
  },

  async s_211_always_failing_restart_exhausts(me) {
    me.plan("a", ["ok", tuple("error", "e")]);
    const sup = await me.sup({ intensity: 3, period: 60 }, [c("a"), c("b")]);
    await me.clear();
    await me.die(await me.pid(sup, "a"), "x");
    return tuple(await me.waitExit(sup), await me.seq());
  },

  async s_212_dead_on_arrival(me) {
    me.plan("a", [tuple("crash_after", 0, "early"), "ok"]);
    const sup = await me.sup({ intensity: 5 }, [c("a"), c("b")]);
    await me.sleep(50);
    return tuple(await me.seq(), await me.wc(sup));
  },

  async s_223_static_children_stop_one_by_one(me) {
    const sup = await me.sup(
      {},
      ["a", "b", "c"].map((id) => c(id, {}, { term_delay: 100 })),
    );
    await me.clear();
    const [tookMs, reason] = await me.timed(() => me.killWait(sup, "shutdown"));
    const ends = (await me.evs()).filter((event) => isTagged(event, "terminate") || isTagged(event, "terminated"));
    return tuple(
      reason,
      tookMs >= 300,
      ends.map((event) => tuple(element(1, event), element(2, event))),
    );
  },

  async s_224_shutdown_0_kills(me) {
    const slow = { term_delay: 1_000 };
    const sup = await me.sup({}, [c("a", { shutdown: 0 }, slow), c("b", { shutdown: 0, restart: "transient" }, slow)]);
    const monitors = [me.monitor(await me.pid(sup, "a")), me.monitor(await me.pid(sup, "b"))];
    await me.clear();
    for (const id of ["a", "b"]) await me.terminateChild(sup, id);
    const reasons: Term[] = [];
    for (const monitor of monitors) reasons.push(await me.receiveDown(monitor));
    return tuple(reasons, await me.reports());
  },

  async s_225_window_in_whole_seconds(me) {
    const cells: Term[] = [];
    for (const apartMs of [500, 1_700, 2_100]) cells.push(tuple(apartMs, await survivesCrashes(me, apartMs)));
    return cells;
  },

  async s_226_transient_supervisor_swallows_exhaustion(me) {
    const sup = await me.sup({}, [inner("i", { intensity: 0 }, [c("w")], { restart: "transient" }), c("b")]);
    await me.clear();
    await me.die(await me.pid(await me.pid(sup, "i"), "w"), "x");
    await me.sleep(50);
    return tuple(me.alive(sup), await me.wc(sup), await me.seq());
  },

  async s_227_simultaneous_crashes_one_for_all(me) {
    const sup = await me.sup({ strategy: "one_for_all", intensity: 1, period: 60 }, [c("a"), c("b"), c("c")]);
    const [a, third] = [await me.pid(sup, "a"), await me.pid(sup, "c")];
    await me.suspend(sup);
    await me.clear();
    await me.die(a, "x");
    await me.die(third, "y");
    await me.resume(sup);
    await me.sleep(60);
    return tuple(me.alive(sup), await me.wc(sup), await me.seq());
  },

  async s_228_simple_restart_types(me) {
    const cells: Term[] = [];
    for (const type of ["permanent", "transient", "temporary"] as const) {
      for (const reason of ["normal", tuple("shutdown", "x"), "other"])
        cells.push(await instanceEnds(me, type, reason));
    }
    return cells;
  },

  async s_229_nested_start_failure(me) {
    me.plan("w", [tuple("error", "bad")]);
    return tuple(await me.supResult({}, [c("a"), inner("i", {}, [c("v"), c("w")])]), await me.seq());
  },

  async s_230_terminate_of_restarting_in_cascade(me) {
    me.plan("b", slowFailure(50));
    const flags = { strategy: "rest_for_one", intensity: 100, period: 60 };
    const sup = await me.sup(flags, [c("a"), c("b"), c("d")]);
    await me.clear();
    me.exitSignal(await me.pid(sup, "b"), "kill");
    await me.sleep(80);
    const restarting = await me.wc(sup);
    const terminated = await me.terminateChild(sup, "b");
    me.plan("b", ["ok"]);
    const attempts = async () =>
      (await me.evs()).filter((event) => isTagged(event, "start", 3) && event.items[1] === "b").length;
    const before = await attempts();
    await me.sleep(120);
    const isSame = before === (await attempts());
    const stopped = await me.wc(sup);
    await me.die(await me.pid(sup, "a"), "x");
    await me.sleep(50);
    return tuple(restarting, terminated, isSame, stopped, await me.wc(sup));
  },
};

/** Two crashes that far apart, the first one shortly after a full second. */
async function survivesCrashes(me: Scene, apartMs: number): Promise<boolean> {
  const sup = await me.sup({ intensity: 1, period: 1 }, [c("a")]);
  await me.sleep(1_100 - (me.world.clock.nowMs() % 1_000));
  await me.die(await me.pid(sup, "a"), "x");
  await me.sleep(apartMs);
  await me.die(await me.pid(sup, "a"), "x");
  await me.sleep(50);
  return me.alive(sup);
}

async function instanceEnds(me: Scene, restart: "permanent" | "transient" | "temporary", reason: Term): Promise<Term> {
  const sup = await me.sup({ strategy: "simple_one_for_one", intensity: 5 }, [c("a", { restart })]);
  const instance = await me.instance(sup);
  await me.clear();
  await me.die(instance, reason);
  await me.sleep(20);
  const contexts = (await me.reports()).map((report) => report.items[1]);
  const cell = tuple(restart, reason, "counts", await me.cc(sup), contexts);
  await me.killWait(sup, "shutdown");
  return cell;
}
