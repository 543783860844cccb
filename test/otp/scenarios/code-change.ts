/**
 * New flags and specifications for a supervisor that runs.
 */
import { c } from "../child-specs.js";
import type { Scenarios } from "../scenario.js";
import { element, tuple } from "../term.js";

export const codeChange: Scenarios = {
  async s_140_code_change(me) {
    const sup = await me.sup({}, [c("a"), c("b")]);
    const a = await me.pid(sup, "a");
    const changed = await me.changeCode(sup, { intensity: 9 }, [c("a", { shutdown: 7 }), c("n")]);
    const listed = await me.wc(sup);
    const { shutdown } = element(2, await me.getChildspec(sup, "a")) as { shutdown: unknown };
    const wrongFlags = await me.changeCode(sup, { intensity: -1 }, []);
    const wrongSpec = await me.changeCode(sup, {}, [{ id: "q" }]);
    const ignored = await me.changeCode(sup, "ignore", []);
    const isSame = a === (await me.pid(sup, "a"));
    return tuple(changed, listed, "pid_same", isSame, shutdown, wrongFlags, wrongSpec, ignored);
  },
};
