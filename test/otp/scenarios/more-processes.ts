/**
 * Corners of signals and servers: exit signals to oneself, monitors one by one, and servers that end while somebody waits for them.
 */
import type { ActorRef } from "#src/ref.js";
import { exitWith } from "../reason.js";
import type { Scenarios } from "../scenario.js";
import type { Scene } from "../scene.js";
import { element, isTagged, type Term, Tuple, tuple } from "../term.js";

export const moreProcesses: Scenarios = {
  async s_213_call_by_name_across_restarts(me) {
    const named = { id: "w", start: tuple("gen_server", "start_link", ["nm213", { id: "w" }]) };
    const sup = await me.sup({ intensity: 5 }, [named]);
    const first = me.whereis("nm213");
    const before = await me.call("nm213", "ping");
    if (first) await me.die(first, "x");
    await me.sleep(30);
    const after = await me.call("nm213", "ping");
    const isOther = me.whereis("nm213") !== first;
    await me.terminateChild(sup, "w");
    return tuple(before, after, isOther, await me.catchCall("nm213", "ping"), me.whereis("nm213"));
  },

  async s_214_caller_dies_before_the_reply(me) {
    const g = await me.gs();
    const caller = await me.spawn((other) => other.call(g, tuple("late", 60)));
    await me.sleep(20);
    me.exitSignal(caller, "kill");
    await me.sleep(80);
    return tuple(me.alive(caller), await me.call(g, "ping"), await me.drain());
  },

  async s_215_silence_answers(me) {
    const g = await me.gs();
    const answer = await me.call(g, tuple("timeout_noreply", 30));
    const self = me.self;
    await me.spawn(async (other) => {
      self.send(tuple("answer", await other.catchCall(g, tuple("timeout_noreply", 50), 120)));
    });
    await me.sleep(30);
    g.send("anything");
    const late = await me.receive((message) => isTagged(message, "answer"));
    return tuple(answer, element(1, element(2, element(2, late))), await me.call(g, "ping"));
  },

  async s_216_monitors_are_independent(me) {
    const process = await me.spawn((one) => one.loop());
    const [first, second, third] = [me.monitor(process), me.monitor(process), me.monitor(process)];
    me.demonitor(second);
    process.send(tuple("exit", "x"));
    await me.sleep(20);
    const downs = (await me.drain()).map((message) => {
      const monitor = element(2, message);
      return tuple(monitor === first, monitor === third, element(5, message));
    });
    const other = await me.spawn((one) => one.loop());
    const monitor = me.monitor(other);
    other.send(tuple("exit", "y"));
    await me.sleep(20);
    me.demonitor(monitor);
    return tuple(me.sorted(downs), await me.drain());
  },

  async s_217_link_unlink_link(me) {
    const process = await me.spawn((one) => one.loop());
    me.link(process);
    me.link(process);
    me.unlink(process);
    me.link(process);
    process.send(tuple("exit", "x"));
    await me.sleep(20);
    const reasons = (await me.drain()).map((message) => element(3, message));
    me.unlink(process);
    return tuple(reasons, await me.drain());
  },

  async s_218_exit_to_oneself(me) {
    const cells: Term[] = [];
    for (const traps of [false, true]) {
      for (const reason of ["normal", "foo", "kill"]) cells.push(await exitToOneself(me, traps, reason));
    }
    return cells;
  },

  async s_219_trapping_counts_at_reception(me) {
    const self = me.self;
    const process = await me.spawn(async (one) => {
      one.trap();
      self.send("go");
      await one.receive((message) => message === "continue");
      one.trap(false);
      const reason = await one.receiveExit(undefined, 50);
      throw exitWith(reason === undefined ? "nothing" : tuple("still_there", reason));
    });
    await me.receive((message) => message === "go");
    me.exitSignal(process, "foo");
    process.send("continue");
    return me.down(process);
  },

  async s_220_parent_exit_reaches_a_suspended_server(me) {
    const self = me.self;
    const parent = await me.spawn(async (one) => {
      self.send(tuple("p", await one.gs({ loginfo: true })));
      await one.loop();
    });
    const g = element(2, await me.receive((message) => isTagged(message, "p"))) as ActorRef;
    await me.suspend(g);
    await me.clear();
    g.send("lost");
    parent.send(tuple("exit", "shutdown"));
    return tuple(await me.down(g), await me.evs());
  },

  async s_221_reply_after_terminate(me) {
    const g = await me.gs({ term_delay: 50 });
    await me.clear();
    const answer = await me.call(g, tuple("stop", "normal", "bye"));
    return tuple(answer, me.alive(g), await me.evs());
  },

  async s_222_error_in_a_callback(me) {
    const g = await me.gs();
    await me.clear();
    const error = element(1, element(2, await me.catchCall(g, tuple("crash", "error", "oops"))));
    const other = await me.gs();
    const exit = element(1, element(2, await me.catchCall(other, tuple("crash", "exit", tuple("shutdown", "quiet")))));
    const ends = [error, await me.waitExit(g), exit, await me.waitExit(other)];
    const said = (await me.evs()).filter((event) => !isTagged(event, "started")).map(withoutStack);
    return tuple(...ends, said);
  },
};

async function exitToOneself(me: Scene, traps: boolean, reason: Term): Promise<Term> {
  const process = await me.spawn(async (one) => {
    one.trap(traps);
    one.exitSignal(one.self as unknown as ActorRef, reason);
    const trapped = await one.receiveExit(undefined, 50);
    throw exitWith(trapped === undefined ? "nothing" : tuple("trapped", trapped));
  });
  return tuple(traps, reason, await me.down(process));
}

/** `{terminate,g,oops}` for `{terminate,g,{oops,Stack}}`. */
function withoutStack(event: Term): Term {
  const reason = isTagged(event, "terminate", 3) ? event.items[2] : undefined;
  return reason instanceof Tuple && reason.items[0] === "oops" ? tuple("terminate", "g", "oops") : event;
}
