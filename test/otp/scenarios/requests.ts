/**
 * What a supervisor answers to each request, whatever state the child is in.
 */
import { c } from "../child-specs.js";
import type { Scenarios } from "../scenario.js";
import { element, type Term, Tuple, tuple } from "../term.js";

export const requests: Scenarios = {
  async s_044_api_returns(me) {
    const sup = await me.sup({}, [c("a")]);
    const a = await me.pid(sup, "a");
    const running = [
      await me.startChild(sup, c("a")),
      await me.restartChild(sup, "a"),
      await me.deleteChild(sup, "a"),
      await me.terminateChild(sup, "nope"),
      await me.restartChild(sup, "nope"),
      await me.deleteChild(sup, "nope"),
      await me.terminateChild(sup, a),
    ];
    const stopped = [
      await me.terminateChild(sup, "a"),
      await me.terminateChild(sup, "a"),
      await me.startChild(sup, c("a")),
      await me.wc(sup),
      await me.cc(sup),
    ];
    await me.restartChild(sup, "a");
    await me.terminateChild(sup, "a");
    const deleted = [await me.deleteChild(sup, "a"), await me.deleteChild(sup, "a"), await me.wc(sup)];
    return tuple(running, stopped, deleted);
  },

  async s_046_simple_api(me) {
    me.plan("a", ["ok", "ok", tuple("error", "e"), tuple("return", "foo"), "ignore", "extra"]);
    const sup = await me.sup({ strategy: "simple_one_for_one" }, [c("a")]);
    const first = await me.instance(sup);
    await me.instance(sup);
    const started: Term[] = [];
    for (let times = 0; times < 4; times++) started.push(await me.startInstance(sup, []));
    const byId = [await me.terminateChild(sup, "a"), await me.restartChild(sup, "a"), await me.deleteChild(sup, "a")];
    const self = me.self as never;
    const byPid = [
      await me.terminateChild(sup, first),
      await me.terminateChild(sup, first),
      await me.terminateChild(sup, self),
    ];
    const dead = await me.spawn(async () => "ok");
    await me.sleep(10);
    const ofDead = await me.terminateChild(sup, dead);
    return tuple(started, byId, byPid, "dead_foreign_pid", ofDead, await me.cc(sup), await me.wc(sup));
  },

  async s_047_temporary_terminate_child_deletes_spec(me) {
    const sup = await me.sup({}, [c("a", { restart: "temporary" })]);
    const terminated = await me.terminateChild(sup, "a");
    const listed = await me.wc(sup);
    const restarted = await me.restartChild(sup, "a");
    return tuple(terminated, listed, restarted, element(1, await me.startChild(sup, c("a", { restart: "temporary" }))));
  },

  async s_049_unexpected_message_and_call(me) {
    const sup = await me.sup({}, []);
    await me.clear();
    sup.send("hello");
    await me.sleep(20);
    const events = await me.evs();
    const result = await me.catchCall(sup, "bogus");
    const exit = await me.waitExit(sup);
    return tuple(events, firstOf(element(1, element(2, result))), firstOf(exit));
  },

  async s_050_get_childspec_temporary_hides_args(me) {
    const sup = await me.sup({}, []);
    await me.startChild(sup, c("a", { restart: "temporary" }));
    const added = await me.getChildspec(sup, "a");
    const other = await me.sup({}, [c("b", { restart: "temporary" })]);
    const listed = await me.getChildspec(other, "b");
    return tuple(...[added, listed].map((spec) => (element(2, spec) as { start: Term }).start));
  },

  async s_142_start_blocks_supervisor(me) {
    me.plan("slow", [tuple("sleep_error", 200, "e")]);
    const sup = await me.sup({}, [c("a")]);
    const self = me.self;
    await me.spawn(async (other) => {
      await other.startChild(sup, c("slow"));
      self.send("done");
    });
    await me.sleep(20);
    const [tookMs] = await me.timed(() => me.whichChildren(sup));
    return tookMs >= 150;
  },
};

/** The first item of a reason that is a tuple, such as `{function_clause, Stack}`. */
function firstOf(reason: Term): Term {
  return reason instanceof Tuple ? reason.items[0] : reason;
}
