/**
 * Further corners of supervisors: wrong specifications, restarts that say ignore, significance that has to wait, and how a supervisor is ended.
 */
import type { ActorRef } from "#src/ref.js";
import { c, type ErlangSpec, inner, sig } from "../child-specs.js";
import type { Scenarios } from "../scenario.js";
import type { Scene } from "../scene.js";
import { element, isTagged, type Term, tuple } from "../term.js";

const start = (id: string) => tuple("ow", "start_link", [{ id }]);

/** A specification with something wrong in it. */
const wrong = (fields: Record<string, unknown>) => fields as ErlangSpec;

export const cornersOfSpecs: Scenarios = {
  async s_240_temporary_exits_are_not_counted(me) {
    const children = [c("a", { restart: "temporary" }), c("b", { restart: "transient" }), c("d")];
    const sup = await me.sup({ intensity: 0 }, children);
    await me.die(await me.pid(sup, "a"), "x");
    await me.die(await me.pid(sup, "b"), "normal");
    await me.sleep(20);
    return tuple(me.alive(sup), await me.wc(sup));
  },

  async s_241_overflow_stops_the_rest_in_reverse(me) {
    const children = [c("a"), c("b"), c("t", { restart: "temporary" }), c("d")];
    const sup = await me.sup({ strategy: "rest_for_one", intensity: 0 }, children);
    await me.clear();
    await me.die(await me.pid(sup, "b"), "x");
    return tuple(await me.waitExit(sup), await me.seq());
  },

  async s_242_restart_that_says_ignore(me) {
    me.plan("b", ["ok", "ignore", "ok"]);
    const sup = await me.sup({ strategy: "rest_for_one", intensity: 1, period: 60 }, [c("a"), c("b"), c("d")]);
    await me.clear();
    await me.die(await me.pid(sup, "b"), "x");
    await me.sleep(40);
    const ignored = tuple(await me.wc(sup), await me.cc(sup), await me.seqn());
    return tuple(ignored, element(1, await me.restartChild(sup, "b")), await me.wc(sup));
  },

  async s_243_child_init_failures(me) {
    const outcomes = [
      tuple("init_stop", "why"),
      tuple("init_stop", "normal"),
      tuple("init_exit", tuple("a", "b")),
      tuple("init_stop", tuple("shutdown", "z")),
      tuple("return", "foo"),
    ];
    const cells: Term[] = [];
    for (const outcome of outcomes) {
      me.plan("a", [outcome]);
      cells.push(tuple(await me.supResult({}, [c("a")]), (await me.drain()).length));
    }
    return cells;
  },

  async s_244_wrong_child_specs(me) {
    const a = { id: "a", start: start("a") };
    const any = { auto_shutdown: "any_significant" };
    const lists: readonly (readonly [flags: object, specs: readonly ErlangSpec[]])[] = [
      [{}, [wrong({ start: start("a") })]],
      [{}, [wrong({ id: "a" })]],
      [{}, [wrong({ id: "a", start: "x" })]],
      [{}, [wrong({ ...a, restart: "x" })]],
      [{}, [{ ...a, significant: true }]],
      [any, [{ ...a, significant: true }]],
      [any, [wrong({ ...a, restart: "transient", significant: "x" })]],
      [{}, [wrong({ ...a, type: "x" })]],
      [{}, [wrong({ ...a, shutdown: "x" })]],
      [{}, [{ ...a, shutdown: -1 }]],
      [{}, [wrong({ ...a, restart: "x", type: "y", shutdown: "z" })]],
      [{}, [c("a"), c("b"), c("a")]],
      [{}, ["x" as ErlangSpec]],
    ];
    const answers: Term[] = [];
    for (const [flags, specs] of lists) answers.push(await me.supResult(flags, specs));
    return answers;
  },

  async s_245_wrong_specs_of_start_child(me) {
    const sup = await me.sup({}, [c("a")]);
    const b = { id: "b", start: start("b") };
    const specs = [
      {},
      { id: "b" },
      wrong({ ...b, restart: "never" }),
      { ...b, restart: "transient", significant: true } as const,
    ];
    const answers: Term[] = [];
    for (const spec of specs) answers.push(await me.startChild(sup, spec));
    return tuple(answers, await me.wc(sup));
  },

  async s_246_requests_to_a_dead_supervisor(me) {
    const sup = await me.sup({}, [c("a")]);
    await me.killWait(sup, "shutdown");
    return tuple(await me.caughtAsync(() => me.whichChildren(sup)), element(2, await me.startChild(sup, c("b"))));
  },

  async s_250_supervisor_stopped_in_order(me) {
    const sup = await me.sup({}, [c("a"), c("b")]);
    await me.clear();
    return tuple(await me.stop(sup), await me.waitExit(sup), await me.seq());
  },

  async s_251_significant_crash_is_restarted(me) {
    const sup = await me.sup({ auto_shutdown: "any_significant", intensity: 5 }, [sig("a", "transient"), c("b")]);
    await me.die(await me.pid(sup, "a"), "x");
    await me.sleep(30);
    const crashed = tuple(me.alive(sup), await me.wc(sup));
    await me.die(await me.pid(sup, "a"), tuple("shutdown", "done"));
    return tuple(crashed, await me.waitExit(sup));
  },

  async s_252_all_significant_waits_for_the_last(me) {
    const children = [sig("a", "transient"), sig("b", "temporary"), c("d")];
    const sup = await me.sup({ auto_shutdown: "all_significant" }, children);
    await me.die(await me.pid(sup, "a"), "normal");
    await me.sleep(30);
    const one = tuple(me.alive(sup), await me.wc(sup));
    await me.clear();
    await me.die(await me.pid(sup, "b"), "x");
    return tuple(one, await me.waitExit(sup), await me.seq());
  },

  async s_253_restarting_significant_counts_as_active(me) {
    me.plan("a", ["ok", tuple("sleep_error", 60, "e")]);
    const flags = { auto_shutdown: "all_significant", intensity: 1_000, period: 60 };
    const sup = await me.sup(flags, [sig("a", "transient"), sig("b", "transient")]);
    const b = await me.pid(sup, "b");
    me.exitSignal(await me.pid(sup, "a"), "kill");
    await me.sleep(30);
    await me.die(b, "normal");
    await me.sleep(80);
    const restarting = tuple(me.alive(sup), await me.wc(sup));
    await me.terminateChild(sup, "a");
    return tuple(restarting, me.alive(sup), await me.wc(sup));
  },

  async s_259_suspended_supervisor(me) {
    const sup = await me.sup({ intensity: 5 }, [c("a"), c("b")]);
    const a = await me.pid(sup, "a");
    await me.suspend(sup);
    await me.clear();
    await me.die(a, "x");
    await me.sleep(30);
    const down = await me.seqn();
    const self = me.self;
    await me.spawn(async (other) => self.send(tuple("listed", await other.wc(sup))));
    await me.sleep(30);
    const isListed = (message: Term) => isTagged(message, "listed");
    const listed = (await me.receive(isListed, 0)) ?? "waiting";
    await me.resume(sup);
    return tuple(down, listed, element(2, await me.receive(isListed)), await me.seqn());
  },

  async s_260_unknown_cast(me) {
    const sup = await me.sup({}, [c("a")]);
    await me.clear();
    sup.cast.bogus?.();
    await me.sleep(30);
    return tuple(me.alive(sup), await me.seqn());
  },

  async s_261_child_dead_before_its_start_returns(me) {
    const sup = await me.sup({ intensity: 5 }, [{ id: "a", start: tuple("corners", "dead_once", []) }, c("b")]);
    await me.sleep(50);
    return tuple(await me.wc(sup), await me.seq());
  },

  async s_263_forged_exit_signal(me) {
    const sup = await me.sup({ intensity: 5 }, [c("a")]);
    const a = await me.pid(sup, "a");
    await me.clear();
    a.send(tuple("exit_to", sup, "foo"));
    await me.sleep(50);
    return tuple(me.alive(a), a === (await me.pid(sup, "a")), await me.cc(sup), await me.seq());
  },

  async s_264_killed_inner_supervisor_in_one_for_all(me) {
    const children = [c("a"), inner("i", {}, [c("w", {}, { trap: false })]), c("z")];
    const sup = await me.sup({ strategy: "one_for_all", intensity: 5 }, children);
    const middle = await me.pid(sup, "i");
    const w = await me.pid(middle, "w");
    await me.clear();
    const reason = await me.kill(middle, "kill");
    await me.sleep(60);
    return tuple(reason, me.alive(w), await me.seq(), await me.wc(sup));
  },
};

/** Whether a supervisor that is linked to its parent ends with it, and how. */
async function parentEnds(me: Scene, reason: Term): Promise<Term> {
  const self = me.self;
  const parent = await me.spawn(async (process) => {
    self.send(tuple("s", await process.sup({}, [c("a"), c("b")])));
    await process.loop();
  });
  const sup = element(2, await me.receive((message) => isTagged(message, "s"))) as ActorRef;
  const monitor = me.monitor(sup);
  await me.clear();
  parent.send(tuple("exit", reason));
  return tuple(await me.receiveDown(monitor, 1_000, "alive"), await me.seqn());
}

export const cornersOfStopping: Scenarios = {
  async s_247_brutal_kill_is_no_error(me) {
    const cells: Term[] = [];
    for (const restart of ["permanent", "transient", "temporary"] as const) {
      const sup = await me.sup({}, [c("a", { restart, shutdown: "brutal_kill" })]);
      const monitor = me.monitor(await me.pid(sup, "a"));
      await me.clear();
      await me.terminateChild(sup, "a");
      cells.push(tuple(restart, await me.receiveDown(monitor), await me.seq()));
    }
    return cells;
  },

  async s_248_child_that_unlinked_itself_is_stopped(me) {
    const sup = await me.supNamed("sup248", {}, []);
    const monitor = me.monitor(me.pidOf(await me.startChild(sup, c("a", {}, { unlink_from: "sup248" }))));
    await me.clear();
    return tuple(await me.terminateChild(sup, "a"), await me.receiveDown(monitor), await me.seq());
  },

  async s_249_end_of_the_parent_ends_the_supervisor(me) {
    const cells: Term[] = [];
    for (const reason of ["normal", "shutdown", "crashed"]) cells.push(await parentEnds(me, reason));
    return cells;
  },
};
