/**
 * Exit signals, links and monitors between bare processes.
 */
import type { ActorRef } from "#src/ref.js";
import { ErlangError, exitWith } from "../reason.js";
import type { Scenarios } from "../scenario.js";
import type { Scene } from "../scene.js";
import { isTagged, type Term, tuple } from "../term.js";

export const signals: Scenarios = {
  async s_080_exit2_reason_matrix(me) {
    const cells = [];
    for (const traps of [false, true]) {
      for (const reason of ["normal", "shutdown", "foo", "kill", "killed"])
        cells.push(await signalTo(me, traps, reason));
    }
    return cells;
  },

  async s_082_kill_cascades_as_killed(me) {
    const third = await me.spawn((process) => process.loop());
    const second = await linkedTo(me, third);
    const first = await linkedTo(me, second);
    const monitors = [first, second, third].map((ref) => me.monitor(ref));
    me.exitSignal(second, "kill");
    const reasons: Term[] = [];
    for (const monitor of monitors) reasons.push(await me.receiveDown(monitor, 500, "alive"));
    return ["a", "b", "c"].map((name, at) => tuple(name, reasons[at]));
  },

  async s_083_exit1_kill_is_kill_and_trappable(me) {
    const linked = await me.spawnLink(async () => {
      throw exitWith("kill");
    });
    const reason = await me.receiveExit(linked, 300);
    return reason === undefined ? "none" : tuple("trapped", reason);
  },

  async s_085_link_to_dead(me) {
    const dead = await me.spawn(async () => "ok");
    await me.sleep(10);
    me.link(dead);
    const trapped = await me.receiveExit(dead, 100);
    const other = await me.spawn(async (process) => {
      const reason = process.caught(() => process.link(dead));
      throw exitWith(tuple("caught", reason));
    });
    return tuple("trap", trapped === undefined ? "none" : tuple("trapped", trapped), "notrap", await me.down(other));
  },

  async s_088_unlink_then_no_exit(me) {
    const linked = await me.spawnLink((process) => process.loop());
    me.unlink(linked);
    linked.send(tuple("exit", "x"));
    await me.sleep(30);
    return me.drain();
  },

  async s_089_unlink_after_exit_already_queued(me) {
    const linked = await me.spawnLink(async () => {
      throw exitWith("x");
    });
    await me.sleep(30);
    me.unlink(linked);
    return (await me.drain()).length;
  },

  async s_094_exit_reason_of_error_throw(me) {
    const thrown = [new ErlangError("e"), "t", exitWith(tuple("a", "b"))];
    const reasons: Term[] = [];
    for (const value of thrown) {
      const process = await me.spawn(async () => {
        throw value;
      });
      reasons.push(await me.down(process));
    }
    return tuple(...reasons);
  },

  async s_095_alias_drop_after_unalias(me) {
    const alias = me.alias();
    alias.send("one");
    me.unalias(alias);
    alias.send("two");
    return tuple(await me.drain(), me.unalias(alias));
  },

  async s_097_signal_order_pair(me) {
    const self = me.self as unknown as ActorRef;
    const sender = await me.spawn(async (other) => {
      for (const nth of [1, 2, 3, 4, 5]) self.send(tuple("m", nth));
      other.exitSignal(self, "done");
      self.send("after_exit");
    });
    await me.sleep(50);
    return exitsOf(await me.drain(), sender);
  },

  async s_173_spawn_link_atomic_exit(me) {
    const linked = await me.spawnLink(async () => {
      throw exitWith("fast");
    });
    return me.receiveExit(linked, 200, "none");
  },

  async s_176_link_exit_after_all_messages(me) {
    const self = me.self;
    const linked = await me.spawnLink(async () => {
      self.send("m1");
      throw exitWith("x");
    });
    await me.sleep(30);
    return exitsOf(await me.drain(), linked);
  },
};

async function signalTo(me: Scene, traps: boolean, reason: Term): Promise<Term> {
  const self = me.self;
  const receiver = await me.spawn(async (process) => {
    process.trap(traps);
    self.send("go");
    self.send(tuple("trapped", await process.receiveExit(undefined)));
    await process.receive(() => false);
  });
  await me.receive((message) => message === "go");
  const monitor = me.monitor(receiver);
  me.exitSignal(receiver, reason);
  const came = await me.receive((message) => isTagged(message, "DOWN") || isTagged(message, "trapped"), 100);
  me.exitSignal(receiver, "kill");
  me.demonitor(monitor);
  return tuple(traps, reason, isTagged(came, "DOWN") ? tuple("down", came.items[4]) : (came ?? "ignored"));
}

async function linkedTo(me: Scene, other: ActorRef): Promise<ActorRef> {
  const self = me.self;
  const process = await me.spawn(async (one) => {
    one.link(other);
    self.send("go");
    await one.loop();
  });
  await me.receive((message) => message === "go");
  return process;
}

/** The messages, with `{exit,Reason}` for an `'EXIT'` of `from`. */
function exitsOf(messages: readonly Term[], from: ActorRef): Term[] {
  return messages.map((message) =>
    isTagged(message, "EXIT") && message.items[1] === from ? tuple("exit", message.items[2]) : message,
  );
}
