import t from "tap";
import { requireProgram } from "../support/require-program.js";
import { compare } from "./conformance.js";
import { intended } from "./intended.js";
import { runOnErlang } from "./live-erlang.js";
import { recordedResults } from "./results.js";
import { runScenario, type Scenarios } from "./scenario.js";
import { scenarios } from "./scenarios/all.js";
import { tuple } from "./term.js";

t.test("every scenario comes to what OTP 25.2.3 made of it, or to exactly what is meant instead", async (t) => {
  const { compared, same, intended: meant, differ } = await compare(scenarios);
  t.strictSame(differ, []);
  t.equal(meant.length, intended.size);
  t.equal(same + meant.length, compared);
  t.equal(compared, recordedResults().size);
});

t.test("a scenario that comes to something else is told", async (t) => {
  const name = "s_173_spawn_link_atomic_exit";
  const wrong: Scenarios = { ...scenarios, [name]: async () => tuple("slow") };
  const { differ } = await compare(wrong);
  t.strictSame(differ, [{ scenario: name, source: "OTP 25.2.3, recorded", otp: "fast", copal: "{slow}" }]);
});

t.test("a scenario that nobody ported is told", async (t) => {
  const { s_173_spawn_link_atomic_exit: _, ...others } = scenarios;
  t.match((await compare(others)).differ, [{ scenario: "s_173_spawn_link_atomic_exit", copal: "not ported" }]);
});

t.test("a scenario that waits for what never comes fails instead of hanging", async (t) => {
  t.match(await runScenario((me) => me.receive(() => false)), /^\{scenario_failed,.*still waiting/);
});

t.test("every scenario comes to the same in whatever order the actors take their turns", async (t) => {
  const seeds = [1, 2, 3, 4, 5];
  for (const [name, scenario] of Object.entries(scenarios)) {
    const inOrder = await runScenario(scenario);
    for (const seed of seeds) t.equal(await runScenario(scenario, seed), inOrder, `${name}, seed ${seed}`);
  }
});

t.test("what is meant to differ does differ, and says why", async (t) => {
  const recorded = recordedResults();
  for (const [name, { copal, why }] of intended) {
    t.not(recorded.get(name), copal, name);
    t.match(why, /\w+ \w+/);
  }
});

t.test("a live Erlang prints what is recorded", async (t) => {
  if (!requireProgram(t, "erl", "erlang-base")) return;
  const names = ["s_023_rest_for_one_order", "s_082_kill_cascades_as_killed"];
  const { results } = await runOnErlang(names);
  const recorded = recordedResults();
  t.strictSame(
    [...results],
    names.map((name) => [name, recorded.get(name)]),
  );
});
