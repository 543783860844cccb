/**
 * `copal up`: runs the tree in the foreground until something ends it.
 * It ties signals, config, instance and printer together; each of them is elsewhere.
 */

import { basename, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { StopRequests } from "../app/stop-requests.js";
import { fail } from "./fail.js";
import type { AppOptions } from "./main.js";
import { paintFor } from "./paint.js";
import { SteadyOutput } from "./steady-output.js";

/** Runs the tree that `options` name and ends this process with its exit code. */
export async function up(options: AppOptions, version: string): Promise<void> {
  // The order matters: signals first, so that one which comes while the rest is loaded is already a request.
  const err = new SteadyOutput(process.stderr);
  const requests = new StopRequests({ onReload: () => err.write("copal: reload is not supported yet\n") });
  const out = new SteadyOutput(process.stdout);
  process.exitCode = 0;
  try {
    process.exitCode = await run(options, version, requests, out, err);
  } catch (error) {
    fail(error);
  }
  await Promise.all([out.drained(1_000), err.drained(1_000)]);
  process.exit();
}

async function run(
  options: AppOptions,
  version: string,
  requests: StopRequests,
  out: SteadyOutput,
  err: SteadyOutput,
): Promise<number> {
  const { UpPrinter } = await import("./up-printer.js");
  const { loadConfig } = await import("../app/load.js");
  const printer = new UpPrinter({ out, err, paint: paintFor(process.stdout), version, hint: commandLine(options) });
  // What goes wrong outside of every actor (a timer of an actor's module, say) ends the app, but in order.
  const broken = (error: unknown) => {
    printer.warn(
      `something outside of every actor failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    requests.request("error");
  };
  process.on("uncaughtException", broken);
  process.on("unhandledRejection", broken);
  // A config may be a program, and so may never be done. Nothing has started yet: a request to stop ends it here.
  const stopped = new Promise<undefined>((resolve) =>
    requests.stop.addEventListener("abort", () => resolve(undefined)),
  );
  const source = await Promise.race([loadConfig(options.config), stopped]);
  // What runs once an hour, as a restart does, would be interpreted each time: compiled at its first run, it takes little more than half as long.
  setFlagsFromString("--always-sparkplug");
  const { runInstance } = await import("../app/instance.js");
  if (source === undefined || requests.stop.aborted) return 0;
  const code = await runInstance({ source, socketPath: options.socket, requests, observer: printer, version });
  printer.close(code);
  return code;
}

/** The command that reaches this app from the same folder, `%` standing for what to do. */
function commandLine({ config, socket }: AppOptions): string {
  const isInstalled = basename(process.argv[1] ?? "") === "copal";
  const program = isInstalled
    ? "copal"
    : `node ${shorter(fileURLToPath(new URL("../../bin/copal.js", import.meta.url)))}`;
  if (socket !== undefined) return `${program} % --socket ${socket}`;
  if (config === undefined) return `${program} %`;
  return `${program} % -c ${shorter(config)}`;
}

/** A path as a person would write it here: relative where that is shorter. */
function shorter(path: string): string {
  const fromHere = relative(process.cwd(), resolve(path));
  return fromHere.length < path.length ? fromHere : path;
}
