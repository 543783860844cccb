/**
 * Every scenario, by name.
 */
import type { Scenarios } from "../scenario.js";
import { autoShutdown } from "./auto-shutdown.js";
import { codeChange } from "./code-change.js";
import { cornersOfServers } from "./corners-of-servers.js";
import { cornersOfSpecs, cornersOfStopping } from "./corners-of-specs.js";
import { crashReports } from "./crash-reports.js";
import { failingRestart } from "./failing-restart.js";
import { initFailure } from "./init-failure.js";
import { intensity } from "./intensity.js";
import { moreProcesses } from "./more-processes.js";
import { moreSupervisors } from "./more-supervisors.js";
import { names } from "./names.js";
import { odds } from "./odds.js";
import { order } from "./order.js";
import { requests } from "./requests.js";
import { restartType } from "./restart-type.js";
import { server } from "./server.js";
import { shutdown } from "./shutdown.js";
import { signals } from "./signals.js";

export const scenarios: Scenarios = {
  ...intensity,
  ...failingRestart,
  ...restartType,
  ...order,
  ...initFailure,
  ...requests,
  ...shutdown,
  ...autoShutdown,
  ...signals,
  ...server,
  ...codeChange,
  ...names,
  ...crashReports,
  ...moreSupervisors,
  ...moreProcesses,
  ...cornersOfSpecs,
  ...cornersOfStopping,
  ...cornersOfServers,
  ...odds,
};
