import { execFileSync } from "node:child_process";
import t from "tap";
import { inheritedEnvironment } from "#src/sidecar/inherited-environment.js";

const shown = () =>
  Object.entries(process.env)
    .map(([name, value]) => `${name}=${value}\0`)
    .join("");

t.test("the inherited environment is what process.env shows, before and after every change", (t) => {
  for (const change of [
    () => {},
    () => (process.env.COPAL_TEST = "ä\n="),
    () => (process.env.COPAL_TEST = ""),
    () => delete process.env.COPAL_TEST,
  ]) {
    change();
    t.equal(inheritedEnvironment().toString(), shown());
  }
  t.end();
});

t.test("an environment that has not changed is not copied again", (t) => {
  t.equal(inheritedEnvironment(), inheritedEnvironment());
  t.end();
});

t.test("a worker inherits its own environment, not that of the main thread", (t) => {
  const code = `
    import { Worker } from "node:worker_threads";
    const module = ${JSON.stringify(new URL(import.meta.resolve("#src/sidecar/inherited-environment.js")).href)};
    const inside = "import(" + JSON.stringify(module) + ").then((m) => console.log(m.inheritedEnvironment().toString()))";
    new Worker(inside, { eval: true, env: { ONLY: "this" } });`;
  t.equal(execFileSync(process.execPath, ["--input-type=module", "-e", code]).toString(), "ONLY=this\0\n");
  t.end();
});

t.test("bytes that are no UTF-8 are inherited as they are", (t) => {
  const module = new URL(import.meta.resolve("#src/sidecar/inherited-environment.js")).href;
  const inside = `import("${module}").then((m) => process.stdout.write(m.inheritedEnvironment().toString("hex")))`;
  const script = `X=$(printf '\\377') exec "$0" -e '${inside}'`;
  t.match(
    execFileSync("sh", ["-c", script, process.execPath]).toString(),
    Buffer.from("X=\xff\0", "latin1").toString("hex"),
  );
  t.end();
});
