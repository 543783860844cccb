// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are references of a config, not of JavaScript.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import t, { type Test } from "tap";
import { checkTree } from "#src/app/check-tree.js";
import { findConfig, loadConfig } from "#src/app/load.js";
import { type PlannedProcess, planTree } from "#src/app/plan.js";

/** Writes a config into a new folder and gives its path. */
function config(t: Test, name: string, text: string): string {
  const file = join(t.testdir(), name);
  writeFileSync(file, text);
  return file;
}

/** Loads, checks and plans a config; a failure's message has its folder cut off. */
async function plan(file: string) {
  const source = await loadConfig(file);
  return planTree(checkTree(source), source, { HOME: "/home/x" });
}

async function messageOf(file: string): Promise<string> {
  const error = await plan(file).then(
    () => undefined,
    (thrown: Error & { code: string }) => thrown,
  );
  if (error?.code !== "ERR_CONFIG") throw error ?? new Error("it was accepted");
  return error.message.replaceAll(file, "FILE").replaceAll(relative(process.cwd(), file), "FILE");
}

t.test("command words and environment values are taken as written", async (t) => {
  const file = config(
    t,
    "copal.yaml",
    "supervisor: a\nchildren:\n  - process: p\n    command: [x, 6380, yes, 1.0, 010, ~, null, '']\n    env: { A: 007, B: no, HOME: null, C: 1e3 }\n",
  );
  const [process] = (await plan(file)).children as readonly PlannedProcess[];
  t.same(process?.argv, ["x", "6380", "yes", "1.0", "010", "~", "null", ""]);
  t.same(process?.env, { A: "007", B: "no", C: "1e3" });
});

t.test("JSON words are taken as written too", async (t) => {
  const file = config(
    t,
    "copal.config.json",
    '{"supervisor":"a","children":[{"process":"p","command":["x",1.0,true]}]}',
  );
  const [process] = (await plan(file)).children as readonly PlannedProcess[];
  t.same(process?.argv, ["x", "1.0", "true"]);
});

t.test("anchors and merge keys work, and x- keys are yours", async (t) => {
  const file = config(
    t,
    "copal.yaml",
    "x-d: &d { restart: no, stop: { grace: 1s } }\nsupervisor: a\nchildren:\n  - <<: *d\n    process: p\n    command: x\n    x-note: { a: 1 }\n",
  );
  const [process] = (await plan(file)).children as readonly PlannedProcess[];
  t.match(process, { restart: "temporary", stop: { signal: "SIGTERM", graceMs: 1_000 }, shutdown: 2_000 });
});

t.test("instances have their own ids and fill in their number", async (t) => {
  const file = config(
    t,
    "copal.yaml",
    "supervisor: a\nchildren:\n  - process: api\n    command: x\n    instances: 2\n    cwd: d${instance}\n    env: { PORT: '808${instance}' }\n",
  );
  const processes = (await plan(file)).children as readonly PlannedProcess[];
  t.same(
    processes.map((one) => [one.id, one.env.PORT, one.env.COPAL_INSTANCE]),
    [
      ["api.1", "8081", "1"],
      ["api.2", "8082", "2"],
    ],
  );
  t.equal(processes[1]?.cwd, join(file, "../d2"));
});

const faults: Record<string, [string, string, string]> = {
  "an empty file": ["copal.yaml", "", "FILE: is empty; allowed is a supervisor"],
  "a list": ["copal.yaml", "- 1\n", "FILE:1:1: got a list, allowed is a map with supervisor, process or actor"],
  "a root that is no supervisor": [
    "copal.yaml",
    "process: p\ncommand: x\n",
    "FILE:1:1: the root is the process `p`; allowed is a supervisor",
  ],
  "a duplicate key": [
    "copal.yaml",
    "supervisor: a\nsupervisor: b\n",
    "FILE:2:1: the same key stands twice in one map; allowed is once",
  ],
  "a duplicate key in JSON": [
    "copal.config.json",
    '{"supervisor":"a",\n"supervisor":"b"}',
    "FILE:2:1: the same key stands twice in one map; allowed is once",
  ],
  "a custom tag": [
    "copal.yaml",
    "supervisor: !x a\n",
    "FILE:1:13: unresolved tag: !x; allowed are values without a custom tag",
  ],
  "JSON that ends early": ["copal.config.json", '{"supervisor":"a",', "FILE:1:19: not valid JSON"],
  "a misspelt key": [
    "copal.yaml",
    "supervisor: a\nstratgy: one_for_one\nchildren: []\n",
    "FILE:2:1: a.stratgy: unknown key `stratgy`; did you mean `strategy`?",
  ],
  "a wrong duration": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - process: p\n    command: x\n    stop: { grace: 5x }\n",
    'FILE:5:20: a/p.stop.grace: got "5x", allowed is a duration such as 200ms, 5s, 1m or 2h (a bare number is milliseconds; at most 24h)',
  ],
  "an id twice": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - { process: p, command: x }\n  - { process: p, command: x }\n",
    "FILE:4:16: a/p: the id `p` stands twice under `a`, allowed is once among siblings",
  ],
  "a significant child without an auto-shutdown": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - { process: p, command: x, restart: no, significant: true }\n",
    "FILE:3:57: a/p.significant: got true, allowed is false while the supervisor's `autoShutdown` is never",
  ],
  "a significant child that is permanent": [
    "copal.yaml",
    "supervisor: a\nautoShutdown: any_significant\nchildren:\n  - { process: p, command: x, significant: true }\n",
    "FILE:4:44: a/p.significant: got true, allowed is false while `restart` is permanent; say transient or temporary",
  ],
  "back-off of a temporary child": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - { process: p, command: x, restart: no, backoff: {} }\n",
    "FILE:3:53: a/p.backoff: a temporary child is never started again; allowed with `restart` permanent or transient",
  ],
  "a longest wait below the first": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - { process: p, command: x, backoff: { initial: 5s, max: 1s } }\n",
    "FILE:3:60: a/p.backoff.max: got 1000ms, allowed is a duration from `initial` on",
  ],
  "a misspelt key of back-off": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - { process: p, command: x, backoff: { inital: 5s } }\n",
    "FILE:3:42: a/p.backoff.inital: unknown key `inital`; did you mean `initial`?",
  ],
  "an auto-shutdown that is none": [
    "copal.yaml",
    "supervisor: a\nautoShutdown: always\nchildren: []\n",
    'FILE:2:15: a.autoShutdown: got "always", allowed is never, any_significant, all_significant',
  ],
  "an output target that is not there": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - { process: p, command: x, stdout: { to: stat } }\n",
    "FILE:3:45: a/p.stdout.to: `stat` names no child of the tree; there are a, a/p",
  ],
  "a variable that is not set": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - { process: p, command: x, env: { A: '${NOPE}' } }\n",
    "FILE:3:41: a/p.env.A: `${NOPE}` is not set in the environment; set it or write ${NOPE:-default}",
  ],
  "a wrong step": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - process: p\n    command: x\n    stop: { steps: [{ signal: NOT }] }\n",
    'FILE:5:31: a/p.stop.steps[0].signal: got "NOT", allowed is a signal\'s name such as SIGTERM, SIGINT or SIGQUIT',
  ],
  "a umask that could be read in two ways": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - { process: p, command: x, umask: 022 }\n",
    'FILE:3:38: a/p.umask: got 22, allowed is an octal text such as "022"',
  ],
  "a stream that is nothing known": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - { process: p, command: x, stdout: elsewhere }\n",
    'FILE:3:39: a/p.stdout: got "elsewhere", allowed is a map of `to`, `method` and `as`, a list of them, a file, pipe or null',
  ],
  "a number as a command": [
    "copal.yaml",
    "supervisor: a\nchildren:\n  - { process: p, command: { a: b } }\n",
    "FILE:3:28: a/p.command: got a map, allowed is a list of words to execute, or a text for /bin/sh -c",
  ],
};
for (const [vice, [name, text, message]] of Object.entries(faults)) {
  t.test(`${vice} is one sentence with its place`, async (t) => {
    t.match(await messageOf(config(t, name, text)), message);
  });
}

t.test("strategy, auto-shutdown and back-off come as they are written, in milliseconds", async (t) => {
  const file = config(
    t,
    "copal.yaml",
    "supervisor: a\nstrategy: one_for_all\nautoShutdown: all_significant\nchildren:\n  - process: p\n    command: x\n    restart: on-failure\n    significant: true\n    backoff: { initial: 1s, max: 1m, factor: 3, jitter: 0, resetAfter: 2m, attempts: 5 }\n",
  );
  const root = await plan(file);
  t.match(root, { strategy: "one_for_all", autoShutdown: "all_significant" });
  const backoff = { initialMs: 1_000, maxMs: 60_000, factor: 3, jitter: 0, resetAfterMs: 120_000, attempts: 5 };
  t.strictSame(root.children[0]?.backoff, backoff);
  t.match(root.children[0], { restart: "transient", significant: true });
});

const notYet: Record<string, string> = {
  ready: "ready: { tcp: 1 }",
  dependsOn: "dependsOn: { a: ready }",
  logs: "logs: { file: x }",
  "onOwnerDeath.hold": "onOwnerDeath: { hold: 1s }",
};
for (const [name, line] of Object.entries(notYet)) {
  t.test(`${name} is refused by name, once`, async (t) => {
    const file = config(t, "copal.yaml", `supervisor: a\nchildren:\n  - process: p\n    command: x\n    ${line}\n`);
    const message = await messageOf(file);
    t.match(message, `\`${name}\` is not supported yet`);
    t.notMatch(message, "\n");
  });
}

t.test("everything that is wrong is told at once, a line each", async (t) => {
  const file = config(
    t,
    "copal.yaml",
    "supervisor: a\nstrategy: one_for_none\nchildren:\n  - { process: p }\n  - { actor: q }\n  - 7\n",
  );
  t.equal((await messageOf(file)).split("\n").length, 4);
});

t.test("a folder, a missing file and bytes that are no text are one sentence each", async (t) => {
  const folder = t.testdir({ "copal.yaml": {} });
  mkdirSync(join(folder, "b"));
  writeFileSync(join(folder, "b", "copal.yaml"), Buffer.from([0x61, 0xff, 0xfe]));
  t.match(await messageOf(join(folder, "copal.yaml")), "FILE: is a folder, allowed is a file");
  t.match(await messageOf(join(folder, "no.yaml")), "FILE: there is no such file");
  t.match(await messageOf(join(folder, "b", "copal.yaml")), "FILE: is not text in UTF-8");
});

t.test("the config is found upwards", async (t) => {
  const folder = t.testdir({ "copal.yaml": "supervisor: a\n", b: { c: {} } });
  t.equal(await findConfig(join(folder, "b", "c")), join(folder, "copal.yaml"));
});

t.test("a TypeScript config is loaded with its types and imports", async (t) => {
  const file = config(
    t,
    "copal.config.ts",
    'import { defineTree, type TreeSpec } from "copal";\nconst spec: TreeSpec = { supervisor: "t", children: [] };\nexport default defineTree(spec);\n',
  );
  t.equal((await plan(file)).id, "t");
});

t.test("a config module that throws is one sentence", async (t) => {
  const file = config(t, "copal.config.mjs", 'throw new Error("first\\nsecond");\n');
  t.equal(await messageOf(file), "FILE: cannot be loaded: first");
});
