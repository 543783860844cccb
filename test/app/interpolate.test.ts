// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are references of a config, not of JavaScript.
import t from "tap";
import { interpolate } from "#src/app/interpolate.js";

const variables = { HOST: "example", EMPTY: "", instance: "2", NESTED: "${HOST}" };

t.test("references are filled in", async (t) => {
  const fillings: [string, string][] = [
    ["808${instance}", "8082"],
    ["${HOST}:${instance}", "example:2"],
    ["${NOPE:-a default}", "a default"],
    ["${NOPE:-}", ""],
    ["${EMPTY}", ""],
    ["${EMPTY:-x}", "x"],
    ["plain $HOME and 5$", "plain $HOME and 5$"],
    ["$${HOST}", "${HOST}"],
    ["${NESTED}", "${HOST}"],
  ];
  for (const [template, text] of fillings) t.same(interpolate(template, variables), { text }, template);
});

t.test("a variable that is not set is an error that says what to do", async (t) => {
  t.same(interpolate("x${NOPE}", variables), {
    problem: "`${NOPE}` is not set in the environment; set it or write ${NOPE:-default}",
  });
});

t.test("a name of Object.prototype is no variable", async (t) => {
  t.hasOwnProp(interpolate("${constructor}", variables), "problem");
});

t.test("what looks like a reference and is none is an error", async (t) => {
  for (const template of ["${", "${}", "${1}", "${A-b}", "${A B}", "${HOST"]) {
    t.hasOwnProp(interpolate(template, variables), "problem", template);
  }
});
