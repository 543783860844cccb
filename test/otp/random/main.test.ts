import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import { privateFolder } from "../../support/private-folder.js";
import { requireProgram } from "../../support/require-program.js";

const main = fileURLToPath(new URL("main.js", import.meta.url));

function run(args: readonly string[], environment: NodeJS.ProcessEnv = process.env) {
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8", env: environment });
}

t.test("options that make no sense are told in one sentence, with code 2", async (t) => {
  for (const args of [
    ["--seed", "x"],
    ["--seed", "-1"],
    ["--runs", "0"],
    ["--runs", "1.5"],
    ["--runs", "9999999"],
    ["--replay", "nonsense"],
    ["--replay", "1:2", "--seed", "1"],
    ["--unknown"],
    ["word"],
  ]) {
    const { status, stdout, stderr } = run(args);
    t.equal(status, 2, args.join(" "));
    t.equal(stdout, "");
    t.match(stderr, /^otp:random: [^\n]+\n$/);
  }
});

t.test("without Erlang it says so, with code 1", async (t) => {
  const { status, stderr } = run(["--runs", "1"], { ...process.env, PATH: "" });
  t.equal(status, 1);
  t.match(stderr, /^otp:random: no `erl`.*erlang-base\n$/);
});

t.test("with --json it prints what was compared, and leaves nothing behind", async (t) => {
  if (!requireProgram(t, "erl", "erlang-base")) return;
  const folder = privateFolder(t);
  const { status, stdout } = run(["--seed", "3", "--runs", "20", "--json"], { ...process.env, TMPDIR: folder });
  t.strictSame(JSON.parse(stdout), { seed: 3, compared: 20, differ: [] });
  t.equal(status, 0);
  t.strictSame(readdirSync(folder), []);
});

t.test("one run is compared by its name", async (t) => {
  if (!requireProgram(t, "erl", "erlang-base")) return;
  const { status, stdout } = run(["--replay", "3:7"]);
  t.equal(stdout, "3:7: is the same\n");
  t.equal(status, 0);
});
