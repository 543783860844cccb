import t from "tap";
import { requireProgram } from "../support/require-program.js";
import { signalTracesOnErlang } from "./live-erlang.js";
import { signalScripts, signalTrace } from "./random-signals.js";
import { print } from "./term.js";

/** Another one each run, and printed when something differs: the seed is the replay. */
const seed = Number(process.env.COPAL_SEED ?? Date.now() % 2 ** 31);

t.test("random exit signals, links and monitors come to what a live Erlang makes of them", async (t) => {
  if (!requireProgram(t, "erl", "erlang-base")) return;
  const scripts = signalScripts(seed, 500);
  const traces = await signalTracesOnErlang(scripts);
  for (const [at, script] of scripts.entries()) {
    const told = `COPAL_SEED=${seed}, script ${at}: ${print(script.steps)}`;
    if ((await signalTrace(script)) !== traces[at]) t.equal(await signalTrace(script), traces[at], told);
  }
  t.equal(traces.length, scripts.length);
});

t.test("they come to the same in whatever order the actors take their turns", async (t) => {
  for (const [at, script] of signalScripts(seed, 100).entries()) {
    const [first, other] = [await signalTrace(script), await signalTrace(script, at + 1)];
    if (first !== other) t.equal(other, first, `COPAL_SEED=${seed}, script ${at}`);
  }
  t.pass("all the same");
});
