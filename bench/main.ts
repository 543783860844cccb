/**
 * `npm run --silent bench -- NAME [--json]`: runs one benchmark, or all, and prints its report.
 */
import { print, type Report } from "./report.js";

const benches: Readonly<Record<string, () => Promise<{ measure(): Promise<Report> }>>> = {
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

const words = process.argv.slice(2);
const asJson = words.includes("--json");
const [name = "", ...more] = words.filter((word) => word !== "--json");
const names = name === "all" ? Object.keys(benches) : [name];
if (more.length > 0 || names.some((one) => !(one in benches))) {
  const why = planned.includes(name)
    ? `the benchmark \`${name}\` is not supported yet`
    : `no benchmark is called \`${name}\``;
  process.stderr.write(`bench: ${why}; there are: ${Object.keys(benches).join(", ")}, all\n`);
  process.exit(2);
}
const reports: Report[] = [];
for (const one of names)
  reports.push(await (await (benches[one] as () => Promise<{ measure(): Promise<Report> }>)()).measure());
if (asJson) process.stdout.write(`${JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2)}\n`);
else for (const one of reports) print(one);
