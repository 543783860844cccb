/**
 * Which reports a crash makes, and in which order.
 */
import { c, inner } from "../child-specs.js";
import type { Scenarios } from "../scenario.js";
import { isTagged, type Term, tuple } from "../term.js";

export const crashReports: Scenarios = {
  async s_130_report_sequence_permanent_crash(me) {
    const sup = await me.sup({ intensity: 5 }, [c("a")]);
    await me.clear();
    await me.die(await me.pid(sup, "a"), "x");
    await me.sleep(30);
    return withoutPids(await me.evs());
  },

  async s_131_report_sequence_intensity(me) {
    const sup = await me.sup({ intensity: 0 }, [c("a")]);
    await me.clear();
    await me.die(await me.pid(sup, "a"), "x");
    await me.waitExit(sup);
    return withoutPids(await me.evs());
  },

  async s_182_simple_no_progress_reports(me) {
    const sup = await me.sup({ strategy: "simple_one_for_one", intensity: 3 }, [c("a")]);
    await me.clear();
    await me.die(await me.instance(sup), "x");
    await me.sleep(30);
    return (await me.evs()).filter((event) => isTagged(event, "report"));
  },

  async s_184_kill_supervisor_then_parent_restarts_it_children_names_race(me) {
    const named = { id: "w", start: tuple("gen_server", "start_link", ["nm184", { id: "w" }]) };
    const sup = await me.sup({ intensity: 50, period: 60 }, [inner("inner", {}, [named])]);
    const middle = await me.pid(sup, "inner");
    await me.clear();
    me.exitSignal(middle, "kill");
    await me.sleep(200);
    const listed = await me.wc(sup);
    const isRegistered = me.whereis("nm184") !== undefined;
    return tuple(
      listed,
      isRegistered,
      (await me.reports()).filter((report) => report.items[3] === "inner"),
    );
  },
};

/** The events, with `{up,Id}` for a start, whose pid is another one each time. */
function withoutPids(events: readonly Term[]): Term[] {
  return events.map((event) => (isTagged(event, "started", 3) ? tuple("up", event.items[1]) : event));
}
