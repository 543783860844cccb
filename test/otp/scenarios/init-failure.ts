/**
 * Supervisors that do not come up: a child that fails, a specification that is wrong, an `init` that gives up.
 */
import { c } from "../child-specs.js";
import { ErlangError } from "../reason.js";
import type { Scenarios } from "../scenario.js";
import type { Scene } from "../scene.js";
import { element, isTagged, type Term, tuple } from "../term.js";

export const initFailure: Scenarios = {
  async s_031_init_second_child_fails(me) {
    me.plan("b", [tuple("error", "bad")]);
    const result = await me.supResult({}, [c("a"), c("b"), c("c")]);
    return tuple(result, await me.seq(), await me.drain());
  },

  async s_032_init_child_raises(me) {
    me.plan("a", [tuple("raise", "error", "badarg")]);
    const result = await me.supResult({}, [c("a")]);
    const reason = element(2, result);
    const exits = (await me.drain()).map((message) =>
      isTagged(message, "EXIT") ? tuple("EXIT", element(1, message.items[2])) : message,
    );
    return tuple(element(1, result), element(1, reason), element(2, reason), exits);
  },

  async s_034_init_child_init_exit_shutdown(me) {
    me.plan("a", [tuple("init_exit", "shutdown")]);
    return tuple(await me.supResult({}, [c("a")]), await me.drain());
  },

  async s_035_init_child_ignore_kept_unless_temporary(me) {
    me.plan("a", ["ignore"]);
    me.plan("b", ["ignore"]);
    me.plan("c", ["init_ignore"]);
    const sup = await me.sup({}, [c("a"), c("b", { restart: "temporary" }), c("c"), c("d")]);
    return tuple(await me.wc(sup), await me.cc(sup));
  },

  async s_037_init_child_ok_non_pid(me) {
    me.plan("a", [tuple("return", tuple("ok", "not_a_pid"))]);
    return tuple(await me.supResult({}, [c("a")]), await me.drain());
  },

  s_038_sup_init_ignore: async (me) => tuple(await me.supInit(() => "ignore"), await me.drain()),

  async s_040_sup_init_raises(me) {
    const result = await me.supInit(() => {
      throw new ErlangError("oops");
    });
    const exits = (await me.drain()).map((message) => (isTagged(message, "EXIT") ? message.items[2] : message));
    return tuple(element(2, result), exits);
  },

  async s_041_sup_flags_errors(me) {
    return [
      await me.supResult({ strategy: "x" }, []),
      await me.supResult({ intensity: -1 }, []),
      await me.supResult({ period: 0 }, []),
      await me.supResult({ auto_shutdown: "x" }, []),
      await me.supResult(tuple("one_for_one", 1) as never, []),
      await me.supResult({ strategy: "simple_one_for_one" }, []),
      await me.supResult({ strategy: "simple_one_for_one" }, [c("a"), c("b")]),
    ];
  },

  async s_043_defaults(me) {
    const start = (id: string): ReturnType<typeof tuple> => tuple("ow", "start_link", [{ id }]);
    const sup = await me.sup({}, [
      { id: "w", start: start("w") },
      { id: "s", start: start("s"), type: "supervisor" },
    ]);
    return specsOf(me, sup, ["w", "s", "nope"]);
  },

  async s_160_sup_already_started(me) {
    const first = await me.supResult({}, [], "s160");
    const second = await me.supResult({}, [], "s160");
    const holder = isTagged(first, "ok") ? first.items[1] : undefined;
    return tuple(
      isTagged(element(2, second), "already_started") && element(2, element(2, second)) === holder,
      await me.drain(),
    );
  },
};

async function specsOf(me: Scene, sup: Awaited<ReturnType<Scene["sup"]>>, ids: readonly string[]): Promise<Term[]> {
  const specs = [];
  for (const id of ids) specs.push(await me.getChildspec(sup, id));
  return specs;
}
