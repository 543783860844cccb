/**
 * Finds the running app that a command means: by its socket, by the config that is named, or by the config found upwards.
 * It reads no more of a config than the root's id, so that an app whose config was broken meanwhile can still be stopped.
 */

import { resolve } from "node:path";
import { ControlClient } from "../app/control-client.js";
import { controlSocketPath } from "../app/control-socket.js";
import { UsageError } from "./fail.js";
import type { AppOptions } from "./main.js";

/** Gives a client of the app that `options` mean. @throws {ConfigError} if no config names it. */
export async function findApp(options: AppOptions): Promise<ControlClient> {
  if (options.socket !== undefined) return new ControlClient(resolve(options.socket));
  const { loadConfig } = await import("../app/load.js");
  const { value, file } = await loadConfig(options.config);
  const root = typeof value === "object" && value !== null ? Reflect.get(value, "supervisor") : undefined;
  if (typeof root !== "string" || !/^[A-Za-z0-9_-]+$/.test(root))
    throw new UsageError(`${file} names no root supervisor`);
  return new ControlClient(controlSocketPath(root));
}
