/**
 * Servers: calls and their failures, deferred and late replies, time-outs, `continue`, start and stop.
 */
import type { ActorRef } from "#src/ref.js";
import { exitWith } from "../reason.js";
import type { Scenarios } from "../scenario.js";
import type { Scene } from "../scene.js";
import { startResult } from "../start-tree.js";
import { element, isTagged, type Term, tuple } from "../term.js";

export const server: Scenarios = {
  async s_100_call_noproc_calling_self_timeout(me) {
    const g = await me.gs();
    const dead = await me.spawn(async () => "ok");
    await me.sleep(10);
    return tuple(
      await me.catchCall(dead, "x"),
      await me.catchCall("nosuch", "x"),
      await me.catchCall(me.self as never, "x"),
      await me.catchCall(g, tuple("late", 200), 20),
    );
  },

  async s_101_late_reply_dropped_by_alias(me) {
    const g = await me.gs();
    await me.catchCall(g, tuple("late", 60), 20);
    await me.sleep(120);
    return tuple(await me.drain(), await me.call(g, "ping"));
  },

  s_103_stop_without_reply: async (me) => me.catchCall(await me.gs(), tuple("stop", "oops")),
  s_104_stop_noreply_normal: async (me) => me.catchCall(await me.gs(), tuple("stop", "normal")),

  async s_106_throw_is_return_value(me) {
    const g = await me.gs();
    return tuple(await me.catchCall(g, tuple("throw", "thrown")), me.alive(g));
  },

  async s_107_bad_return(me) {
    const g = await me.gs();
    const result = await me.catchCall(g, "bad");
    return tuple(isTagged(result, "EXIT") ? element(1, element(2, result)) : result, await me.waitExit(g));
  },

  async s_109_timeout_return_cancelled_by_message(me) {
    const g = await me.gs();
    await me.clear();
    await me.call(g, tuple("reply_timeout", 80));
    await me.sleep(30);
    await me.call(g, "ping");
    await me.sleep(120);
    const cancelled = await me.evs();
    await me.call(g, tuple("reply_timeout", 40));
    await me.sleep(90);
    return tuple(cancelled, await me.evs());
  },

  async s_110_continue_before_queued_messages(me) {
    const g = await me.gs({ loginfo: true });
    await me.clear();
    await me.call(g, tuple("cont", "now"));
    await me.sleep(20);
    return me.evs();
  },

  s_112_parent_exit_terminates_trapping_server: (me) => parentEnds(me, true, 500),
  s_113_parent_exit_normal_nontrapping: (me) => parentEnds(me, false, 200),

  async s_115_start_already_started(me) {
    const first = await me.gsNamed("nm115");
    const second = await startResult(me.gsNamed("nm115"));
    const reason = element(2, second);
    return tuple(isTagged(reason, "already_started") && reason.items[1] === first, await me.drain());
  },

  async s_116_start_timeout(me) {
    const result = await startResult(me.startSlow(500, 50));
    await me.sleep(30);
    return tuple(result, await me.drain());
  },

  async s_118_start_link_fail_nontrapping_caller(me) {
    const caller = await me.spawn(async (process) => {
      const result = await startResult(process.gs({ init: tuple("stop", "why") }));
      throw exitWith(tuple("got", result));
    });
    return me.receiveDown(me.monitor(caller), 500, "none");
  },

  async s_119_start_nolink_fail(me) {
    const result = await startResult(me.gsUnlinked({ init: tuple("stop", "why") }));
    return tuple(result, await me.drain());
  },

  async s_121_gen_server_stop(me) {
    const servers = [];
    for (const options of [{}, {}, { term_exit: "other" }, { term_delay: 300 }]) {
      const g = await me.gs(options);
      me.unlink(g);
      servers.push(g);
    }
    const [plain, stopped, other, slow] = servers as [ActorRef, ActorRef, ActorRef, ActorRef];
    return tuple(
      await me.stop(plain),
      await me.stop(plain),
      await me.stop(stopped, "foo", 1_000),
      await me.stop(other),
      await me.stop(slow, "normal", 30),
      me.alive(slow),
    );
  },

  async s_122_terminate_not_called_on_kill(me) {
    const g = await me.gs();
    await me.clear();
    me.exitSignal(g, "kill");
    await me.waitExit(g);
    return (await me.evs()).filter((event) => isTagged(event, "terminate", 3));
  },

  async s_124_call_server_dies_midcall_killed(me) {
    const g = await me.gs();
    await me.spawn(async (other) => {
      await other.sleep(30);
      other.exitSignal(g, "kill");
    });
    return me.catchCall(g, tuple("late", 1_000));
  },

  async s_125_suspended_server_queues(me) {
    const g = await me.gs();
    await me.suspend(g);
    const result = await me.catchCall(g, "ping", 50);
    await me.resume(g);
    return tuple(element(1, element(2, result)), await me.call(g, "ping"));
  },

  async s_178_parent_exit_queued_behind_messages(me) {
    const [parent, g] = await withParent(me, { loginfo: true });
    await me.clear();
    const resume = me.suspendProcess(g);
    for (const message of ["m1", "m2"]) g.send(message);
    const monitor = me.monitor(g);
    parent.send(tuple("exit", "shutdown"));
    await me.sleep(20);
    g.send("m3");
    resume();
    const reason = await me.receiveDown(monitor, 500, "alive");
    return tuple(
      reason,
      (await me.evs()).filter((event) => isTagged(event, "info") || isTagged(event, "terminate")),
    );
  },
};

/** A process that starts a worker, and the worker. */
async function withParent(me: Scene, options: Parameters<Scene["gs"]>[0]): Promise<[parent: ActorRef, g: ActorRef]> {
  const self = me.self;
  const parent = await me.spawn(async (process) => {
    self.send(tuple("p", await process.gs(options)));
    await process.loop();
  });
  const message = await me.receive((one) => isTagged(one, "p"));
  return [parent, element(2, message) as ActorRef];
}

async function parentEnds(me: Scene, traps: boolean, withinMs: number): Promise<Term> {
  const [parent, g] = await withParent(me, { trap: traps });
  const monitor = me.monitor(g);
  await me.clear();
  parent.send(tuple("exit", "normal"));
  const reason = await me.receiveDown(monitor, withinMs, "alive");
  return tuple(
    reason,
    (await me.evs()).filter((event) => isTagged(event, "terminate", 3)),
  );
}
