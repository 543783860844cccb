/**
 * Further corners of processes: what comes through a link, starts that fail for a caller that traps, and messages to the dead.
 */
import { type GroupEvent, ProcessGroups } from "#src/actors/process-groups.js";
import type { ActorRef } from "#src/ref.js";
import { exitWith } from "../reason.js";
import type { Scenarios } from "../scenario.js";
import type { Scene } from "../scene.js";
import { startResult } from "../start-tree.js";
import { element, isTagged, type Term, tuple } from "../term.js";

export const cornersOfServers: Scenarios = {
  async s_254_link_reason_matrix(me) {
    const cells: Term[] = [];
    for (const traps of [false, true]) {
      for (const reason of ["normal", "shutdown", "kill", "killed", "foo"]) {
        cells.push(tuple(traps, reason, await linkedEnds(me, traps, reason)));
      }
    }
    return cells;
  },

  async s_255_exit_of_another_is_a_message(me) {
    const g = await me.gs({ loginfo: true });
    const other = await me.spawn((process) => process.loop());
    g.send(tuple("link_to", other));
    await me.sleep(10);
    await me.clear();
    other.send(tuple("exit", "x"));
    await me.sleep(20);
    const said = (await me.evs()).map((event) => {
      const message = element(3, event);
      return tuple(element(1, event), element(2, event), element(1, message), element(3, message));
    });
    return tuple(said, await me.call(g, "ping"));
  },

  async s_256_failed_start_link_of_a_trapping_caller(me) {
    const cells: Term[] = [];
    for (const init of [tuple("stop", "why"), tuple("stop", tuple("shutdown", "x")), tuple("exit", "boom"), "ignore"]) {
      const result = await startResult(me.gs({ init }));
      cells.push(
        tuple(
          result,
          (await me.drain()).map((message) => element(3, message)),
        ),
      );
    }
    return cells;
  },

  async s_257_init_ignore_frees_the_name(me) {
    const ignored = await startResult(me.gsNamed("nm257", { init: "ignore" }));
    const holder = me.whereis("nm257");
    const g = await me.gsNamed("nm257");
    return tuple(ignored, holder, g === me.whereis("nm257"));
  },

  async s_258_messages_to_the_dead(me) {
    const g = await me.gs();
    await me.kill(g, "kill");
    g.send("hello");
    const cast = me.catching(() => g.cast.hello?.());
    me.unlink(g);
    me.exitSignal(g, "foo");
    return tuple(
      cast,
      (await me.drain()).map((message) => element(3, message)),
      me.alive(g),
    );
  },

  async s_262_group_events(me) {
    const scope = new ProcessGroups<string>(me.world.runtime);
    const process = await me.spawn((one) => one.loop());
    const { monitor, members } = scope.monitor("g", me.self as unknown as ActorRef);
    scope.join("g", process);
    scope.join("g", process);
    scope.leave("g", process);
    scope.join("other", process);
    process.send(tuple("exit", "x"));
    await me.sleep(30);
    const events = (await me.drain()) as GroupEvent<string>[];
    const seen = events.map(({ type, group, members: who }) => tuple(type, group, who.length));
    return tuple(members, seen, scope.demonitor(monitor) ? "ok" : false, scope.demonitor(monitor));
  },

  async s_265_exit_signals_to_a_worker(me) {
    const cells: Term[] = [];
    for (const traps of [true, false]) {
      for (const reason of ["normal", "foo"]) cells.push(await signalToWorker(me, traps, reason));
    }
    return cells;
  },

  async s_266_call_in_flight_when_stopped(me) {
    const acts: readonly ((process: Scene, g: ActorRef) => unknown)[] = [
      (process, g) => process.stop(g),
      (process, g) => process.stop(g, tuple("shutdown", "z"), 1_000),
      (_, g) => g.send(tuple("die", "boom")),
      (process, g) => process.exitSignal(g, "kill"),
    ];
    const reasons: Term[] = [];
    for (const act of acts) {
      const g = await me.gs();
      me.unlink(g);
      await me.spawn(async (process) => {
        await process.sleep(20);
        await act(process, g);
      });
      reasons.push(element(1, element(2, await me.catchCall(g, tuple("late", 500)))));
    }
    return reasons;
  },
};

async function linkedEnds(me: Scene, traps: boolean, reason: Term): Promise<Term> {
  const self = me.self;
  const process = await me.spawn(async (one) => {
    one.trap(traps);
    const linked = await one.spawnLink((other) => other.loop());
    self.send(tuple("l", linked));
    const trapped = await one.receiveExit(linked, 50);
    throw exitWith(trapped === undefined ? "survived" : tuple("trapped", trapped));
  });
  const linked = element(2, await me.receive((message) => isTagged(message, "l"))) as ActorRef;
  const monitor = me.monitor(process);
  linked.send(tuple("exit", reason));
  return me.receiveDown(monitor);
}

async function signalToWorker(me: Scene, traps: boolean, reason: Term): Promise<Term> {
  const g = await me.gs({ trap: traps, loginfo: true });
  await me.clear();
  const other = await me.spawn(async (process) => process.exitSignal(g, reason));
  await me.down(other);
  await me.sleep(20);
  const said = (await me.evs()).map((event) => {
    if (!isTagged(event, "info")) return event;
    return tuple("info", element(1, event.items[2]), element(3, event.items[2]));
  });
  const cell = tuple(traps, reason, me.alive(g), said);
  me.unlink(g);
  me.exitSignal(g, "kill");
  return cell;
}
