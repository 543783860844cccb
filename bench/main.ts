/**
 * `npm run --silent bench -- NAME [--json] [--only TEXT]`: runs one benchmark, or all, and prints its report; of one with many cases, only those that have
 * TEXT in their names.
 */
import { parseArgs } from "node:util";
import { print, type Report } from "./report.js";

/** A benchmark; it may run all its cases, whatever is asked for. */
interface Bench {
  measure(only?: string): Promise<Report>;
}

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  spawn: () => import("./spawn.js"),
  restart: () => import("./restart.js"),
  stdout: () => import("./stdout.js"),
  actors: () => import("./actors.js"),
  stdin: () => import("./stdin.js"),
  echo: () => import("./echo.js"),
  run: () => import("./run.js"),
  message: () => import("./message.js"),
  stop: () => import("./stop.js"),
};

/** Benchmarks that are planned; asking for one says so. */
const planned = ["scale", "memory"];

const { values, positionals } = parseArgs({
  options: { json: { type: "boolean" }, only: { type: "string" } },
  allowPositionals: true,
});
const [name = "", ...more] = positionals;
const names = name === "all" ? Object.keys(benches) : [name];
if (more.length > 0 || names.some((one) => !(one in benches))) {
  const why = planned.includes(name)
    ? `the benchmark \`${name}\` is not supported yet`
    : `no benchmark is called \`${name}\``;
  process.stderr.write(`bench: ${why}; there are: ${Object.keys(benches).join(", ")}, all\n`);
  process.exit(2);
}
const reports: Report[] = [];
for (const one of names) reports.push(await (await (benches[one] as () => Promise<Bench>)()).measure(values.only));
if (values.json) process.stdout.write(`${JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2)}\n`);
else for (const one of reports) print(one);
